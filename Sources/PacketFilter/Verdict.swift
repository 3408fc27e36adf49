// SPDX-License-Identifier: Apache-2.0

/// What becomes of a packet.
///
/// nft(8), "VERDICT STATEMENT".
package enum Verdict: Hashable, Sendable {
    case accept
    case drop
    /// On with the next rule; in a map: as if there were no element.
    case `continue`
    /// Back to the rule behind the jump; in a base chain the policy.
    case `return`
    /// To the chain of that name in the same table, and back.
    case jump(String)
    /// To the chain of that name in the same table, not back.
    case goto(String)
}

extension Verdict: CustomStringConvertible {
    /// As nft says it: `jump culvert`.
    package var description: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .continue: "continue"
        case .return: "return"
        case .jump(let chain): "jump \(chain)"
        case .goto(let chain): "goto \(chain)"
        }
    }
}
