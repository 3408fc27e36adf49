// SPDX-License-Identifier: Apache-2.0
import Forwarding
import Testing

@testable import SwitchDaemon

/// A header, followed by a frame: in the machine's order, which is the little end first on all we run on.
private func header(checksum: Bool, length: UInt8, start: UInt8, offset: UInt8 = 16, segments: UInt8 = 0) -> [UInt8] {
    [checksum ? 1 : 0, segments, length, 0, 0, 0, start, 0, offset, 0]
}

private func shifted(_ header: [UInt8], by distance: Int) -> [UInt8] {
    var header = header
    header.withUnsafeMutableBytes { buffer in
        if let base = buffer.baseAddress { FrameHeader.shift(base, by: distance) }
    }
    return header
}

@Suite("Headers of frames")
struct FrameHeaderTests {
    @Test("A tag that comes moves what is to be summed, and one that goes moves it back")
    func shift() {
        let before = header(checksum: true, length: 54, start: 34)
        let after = shifted(before, by: 4)
        #expect(after == header(checksum: true, length: 58, start: 38))
        #expect(shifted(after, by: -4) == before)
    }

    @Test("What is nought stays so: no length of headers, and no checksum to make")
    func nothing() {
        let plain = header(checksum: false, length: 0, start: 0)
        #expect(shifted(plain, by: 4) == plain)
        let stale = header(checksum: false, length: 54, start: 34)
        #expect(shifted(stale, by: 4) == header(checksum: false, length: 58, start: 34))
    }

    @Test("A checksum is made over what it is about, odd lengths included", arguments: [0, 1, 2, 3])
    func checksum(extra: Int) {
        var frame = [UInt8](repeating: 0, count: 34) + (0..<UInt8(21 + extra)).map { $0 &* 37 &+ 5 }
        frame[34 + 16] = 0x12
        frame[34 + 17] = 0x34
        complete(header(checksum: true, length: 54, start: 34), &frame)
        // Half a sum was there: what was in its place counts, as the kernel leaves it.
        var sum = 0x1234 as UInt32
        var tail = Array(frame[34...])
        if tail.count % 2 == 1 { tail.append(0) }
        for index in stride(from: 0, to: tail.count, by: 2) {
            sum += UInt32(tail[index]) << 8 | UInt32(tail[index + 1])
        }
        sum -= UInt32(frame[50]) << 8 | UInt32(frame[51])
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        let made = UInt32(frame[50]) << 8 | UInt32(frame[51])
        #expect(made + sum == 0xffff)
    }

    @Test("Segments that are still to be cut, and places beyond the end, are left alone")
    func untouched() {
        let frame = [UInt8](repeating: 7, count: 60)
        for header in [
            header(checksum: true, length: 54, start: 34, segments: 1), header(checksum: false, length: 0, start: 34),
            header(checksum: true, length: 54, start: 70), header(checksum: true, length: 54, start: 34, offset: 25),
        ] {
            var copy = frame
            complete(header, &copy)
            #expect(copy == frame)
        }
    }

    private func complete(_ header: [UInt8], _ frame: inout [UInt8]) {
        header.withUnsafeBytes { buffer in
            if let base = buffer.baseAddress { FrameHeader.completeChecksum(base, &frame) }
        }
    }
}

@Suite("Heads of frames that leave")
struct OutletTests {
    private let addresses = (0..<12).map { UInt8($0) }

    private func head(_ change: Rewrite.TagChange, of frame: [UInt8]) -> [UInt8] {
        var rewrite = Rewrite()
        rewrite.tag = change
        let header = header(checksum: true, length: 54, start: 34)
        let memory = FrameMemory()
        memory.octets.copyMemory(from: header + frame, byteCount: header.count + frame.count)
        let head = memory.nextHead.head
        let length = Outlet.changeHead(memory.octets, rewrite, head)
        let rest = frame[Outlet.restStart(rewrite)...]
        return Array(UnsafeRawBufferPointer(start: head, count: length)) + rest
    }

    @Test("A tag is put behind the addresses, taken away, or changed, and the header goes along")
    func changes() {
        let rest: [UInt8] = [0x08, 0x00, 1, 2, 3]
        let tag: [UInt8] = [0x81, 0x00, 0x60, 0x64]
        let plain = addresses + rest
        let tagged = addresses + tag + rest
        #expect(head(.push(control: 0x6064), of: plain) == header(checksum: true, length: 58, start: 38) + tagged)
        #expect(head(.pop, of: tagged) == header(checksum: true, length: 50, start: 30) + plain)
        let other = addresses + [0x81, 0x00, 0x60, 0xc8] + rest
        #expect(head(.replace(control: 0x60c8), of: tagged) == header(checksum: true, length: 54, start: 34) + other)
    }

    @Test("Forwarding says the same of the frame", arguments: [Rewrite.TagChange.push(control: 7), .pop])
    func sameAsForwarding(change: Rewrite.TagChange) {
        let frame = addresses + [0x81, 0x00, 0, 9, 0x08, 0x00, 5, 6, 7]
        var rewrite = Rewrite()
        rewrite.tag = change
        var written = [UInt8](repeating: 0, count: 64)
        var output = written.mutableSpan
        let length = rewrite.write(frame.span, into: &output) ?? 0
        #expect(Array(head(change, of: frame).dropFirst(10)) == Array(written.prefix(length)))
    }
}
