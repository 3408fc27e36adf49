// SPDX-License-Identifier: Apache-2.0
import CTaps
import Linux

/// Puts frames on links, and hears what comes out of them.
///
/// What is put on one end of a pair of veth(4) goes through the bridge to the other pairs' far ends in the kernel's own
/// queue of this processor, in order. So a marker that takes as many turns in that queue as any frame is heard when all
/// frames before it have been: nobody has to wait for what may not come.
struct Taps: ~Copyable {
    private let descriptor: Descriptor
    private var memory: [UInt8]
    private var frames = Array(repeating: culvert_tapped_frame(), count: 256)
    private var outgoing: [UInt8] = []
    private var outgoingFrames: [culvert_tapped_frame] = []

    /// How long a marker may take on a machine that is busy with other things.
    private static let patience: CInt = 20_000

    /// Hears what comes out of links with these indices.
    init(hearing links: ClosedRange<Int32>) throws(KernelError) {
        let taps = culvert_open_taps(UInt32(links.lowerBound), UInt32(links.upperBound))
        guard taps >= 0 else { throw KernelError("open a packet socket", Errno(rawValue: 0 &- taps)) }
        descriptor = Descriptor(adopting: taps)
        memory = Array(repeating: 0, count: frames.count * 2048)
    }

    /// Puts a frame on a link when `send` is called.
    mutating func add(_ octets: [UInt8], to link: Int32) {
        outgoingFrames.append(
            culvert_tapped_frame(link: UInt32(link), offset: UInt32(outgoing.count), length: UInt32(octets.count))
        )
        outgoing += octets
    }

    /// Puts all frames on their links.
    mutating func send() throws(KernelError) {
        var problem: CInt = 0
        let sent = culvert_inject(descriptor.rawValue, outgoing, outgoingFrames, outgoingFrames.count, &problem)
        let refused = outgoingFrames.count - sent
        outgoing.removeAll(keepingCapacity: true)
        outgoingFrames.removeAll(keepingCapacity: true)
        guard refused == 0 else { throw KernelError("send a frame", Errno(rawValue: problem)) }
    }

    /// Hands over what has come, until a marker is among it.
    ///
    /// - Parameters:
    ///   - isMarker: of the link where markers come out, whether it is the one that is waited for.
    ///   - body: called with the link and the octets of everything else, in order.
    /// - Throws: ``KernelError``; `ETIMEDOUT` when the marker does not come, `ENOBUFS` when frames were lost.
    mutating func receive(
        until isMarker: (Int32, ArraySlice<UInt8>) -> Bool,
        _ body: (Int32, ArraySlice<UInt8>) -> Void
    ) throws(KernelError) {
        var isOver = false
        while !isOver {
            let count = culvert_collect(descriptor.rawValue, &memory, memory.count, &frames, frames.count)
            guard count >= 0 else { throw KernelError("receive frames", Errno(rawValue: CInt(0 &- count))) }
            for frame in frames[..<count] {
                let octets = memory[Int(frame.offset)..<Int(frame.offset + frame.length)]
                let link = Int32(frame.link)
                if isMarker(link, octets) { isOver = true } else { body(link, octets) }
            }
            guard count == 0, !isOver else { continue }
            let ready = culvert_await_frames(descriptor.rawValue, Self.patience)
            guard ready > 0 else { throw KernelError("wait for the marker", ready == 0 ? .timedOut : .current) }
        }
    }
}
