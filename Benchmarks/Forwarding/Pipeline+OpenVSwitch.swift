// SPDX-License-Identifier: Apache-2.0
import Forwarding
import Glibc

/// The frames and the rules of the pipeline, in the forms that Open vSwitch and its drivers read.
extension Pipeline {
    /// Writes the frames to standard output as a pcap file.
    func writeFrames() {
        let frames = makeFrames()
        // Magic, version 2.4, no offset of time, longest frame, Ethernet.
        var file = octets([0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1])
        for reference in frames.references {
            file += octets([0, 0, reference.length, reference.length])
            file += frames.memory[Int(reference.offset)..<Int(reference.offset + reference.length)]
        }
        var written = 0
        while written < file.count {
            let count = write(STDOUT_FILENO, Array(file[written...]), file.count - written)
            if count <= 0 { exit(1) }
            written += count
        }
    }

    private func octets(_ numbers: [UInt32]) -> [UInt8] {
        numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
    }

    /// Writes the rules to standard output in the language of ovs-ofctl: who is permitted leaves by the second port.
    ///
    /// Where a switch has learned that the destination is does not matter here: Open vSwitch remembers the output of a
    /// flow, whoever chose it.
    func writeRules() {
        for index in 0..<masks {
            let bits = UInt16.max << UInt16(index)
            for place in 0..<1024 / masks {
                let flow = place * masks + index
                let destination = (0..<6).map { octet in
                    let text = String(station(flow) >> UInt64(40 - octet * 8) & 0xff, radix: 16)
                    return text.count == 1 ? "0" + text : text
                }
                let port = "0x" + String(sourcePort(flow) & bits, radix: 16) + "/0x" + String(bits, radix: 16)
                print(
                    "priority=\(masks - index),udp,dl_dst=\(destination.joined(separator: ":")),tp_src=\(port),"
                        + "actions=output:2"
                )
            }
        }
    }
}
