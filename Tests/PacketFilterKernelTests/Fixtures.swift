// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import PacketFilter

/// A text that is no address.
struct Malformed: Error {
    let text: String
}

/// What nft(8) refused.
struct NFTFailure: Error {
    let arguments: [String]
    let input: String
    let output: String
}

func address(_ text: String) throws(Malformed) -> IPAddress {
    guard let address = IPAddress(text) else { throw Malformed(text: text) }
    return address
}

func cidr(_ text: String) throws(Malformed) -> CIDR {
    guard let cidr = CIDR(text) else { throw Malformed(text: text) }
    return cidr
}

func ether(_ text: String) throws(Malformed) -> MACAddress {
    guard let address = MACAddress(text) else { throw Malformed(text: text) }
    return address
}

/// Runs nft in the namespace of the calling thread.
///
/// - Returns: what it wrote.
@discardableResult
func nft(_ arguments: String..., input: String = "") throws -> String {
    let child = try ChildProcess.run("/usr/sbin/nft", ["nft"] + arguments, environment: [], input: Array(input.utf8))
    let output = String(decoding: child.output, as: UTF8.self)
    guard child.ending == .exited(0) else { throw NFTFailure(arguments: arguments, input: input, output: output) }
    return output
}

/// The rules of the only chain of that name in what nft has listed, a line each.
func ruleLines(of chain: String, in listing: String) -> [String] {
    var lines: [String] = []
    var isInside = false
    for line in listing.split(separator: "\n") {
        let text = line.drop { $0 == "\t" }
        if text == "chain \(chain) {" {
            isInside = true
        } else if isInside, text == "}" {
            return lines
        } else if isInside, !text.hasPrefix("type ") {
            lines.append(String(text))
        }
    }
    return lines
}

/// JSON of nft's without the kernel's numbers, which are others each time.
func withoutHandles(_ json: String) -> String {
    var kept = ""
    for (index, piece) in json.split(separator: "\"handle\": ", omittingEmptySubsequences: false).enumerated() {
        kept += index == 0 ? piece[...] : piece.drop { $0.isNumber }
    }
    return kept
}

/// What the kernel answers to a batch; nil when it agrees.
func objection(
    _ socket: borrowing PacketFilterSocket,
    at generation: UInt32? = nil,
    _ fill: (inout Batch) -> Void
) -> KernelError? {
    var batch = Batch()
    fill(&batch)
    do throws(KernelError) {
        try socket.apply(batch, at: generation)
        return nil
    } catch {
        return error
    }
}

extension PacketFilterSocket {
    /// Applies what the body puts into a batch.
    func apply(_ fill: (inout Batch) -> Void) throws(KernelError) {
        var batch = Batch()
        fill(&batch)
        try apply(batch)
    }
}
