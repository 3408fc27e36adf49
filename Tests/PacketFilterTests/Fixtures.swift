// SPDX-License-Identifier: Apache-2.0
import Netlink
import Testing

@testable import PacketFilter

let table = Table(.inet, "t")
let chain = Chain(table, "c")

/// The messages of a batch.
func messages(_ fill: (inout Batch) -> Void) -> [[UInt8]] {
    var batch = Batch()
    fill(&batch)
    return batch.steps.indices.map { Array(batch.octets[batch.range(of: $0)]) }
}

/// Octets that are written as hexadecimal digits, a line for each attribute, with words behind `//`.
func octets(_ text: String) -> [UInt8] {
    var octets: [UInt8] = []
    for line in text.split(separator: "\n") {
        let digits = (line.split(separator: "//", omittingEmptySubsequences: false).first ?? "").filter(\.isHexDigit)
        var rest = digits[...]
        while rest.count >= 2 {
            octets.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
    }
    return octets
}

/// A message of ours as if the kernel had said it.
func reply(_ octets: [UInt8]) -> NetlinkReply? { NetlinkReply.messages(in: octets).first }
