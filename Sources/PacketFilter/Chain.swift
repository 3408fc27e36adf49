// SPDX-License-Identifier: Apache-2.0

/// What names a chain: a table and a name within it.
package struct Chain: Hashable, Sendable {
    package let table: Table
    package let name: String

    package init(_ table: Table, _ name: String) {
        self.table = table
        self.name = name
    }
}

extension Chain: CustomStringConvertible {
    /// As nft says it: `inet culvert forward`.
    package var description: String { "\(table) \(name)" }
}

/// Where packets enter a chain by themselves, which makes it a base chain.
///
/// nft(8), "CHAINS".
package struct ChainHook: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case filter
        /// Sees the first packet of a connection only, and decides for all of it.
        case nat
        /// Packets that it marks are routed again.
        case route

        /// As nft and the kernel say it.
        package var name: String {
            switch self {
            case .filter: "filter"
            case .nat: "nat"
            case .route: "route"
            }
        }
    }

    package enum Point: Hashable, Sendable {
        case ingress
        case prerouting
        case input
        case forward
        case output
        case postrouting
        /// Of family `netdev`: where a link sends.
        case egress
    }

    package var kind: Kind
    package var point: Point
    /// Of several chains at one point the lowest number comes first.
    package var priority: ChainPriority
    /// What becomes of a packet that no rule has decided on: `.accept` or `.drop`.
    ///
    /// nil is not said: the kernel takes `accept`, and leaves the policy of a chain that exists alone.
    package var policy: Verdict?
    /// The device of a chain at `ingress` or `egress`; of several the first.
    package var device: String?
    /// The others; a star in the end stands for whatever name goes on there.
    package var otherDevices: [String] = []

    package init(
        _ kind: Kind,
        _ point: Point,
        priority: ChainPriority,
        policy: Verdict? = nil,
        device: String? = nil
    ) {
        self.kind = kind
        self.point = point
        self.priority = priority
        self.policy = policy
        self.device = device
    }
}

/// The place of a chain among those at one point.
///
/// Named ones are those of nft(8), "Standard priority names".
package struct ChainPriority: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let raw = ChainPriority(rawValue: -300)
    package static let mangle = ChainPriority(rawValue: -150)
    /// Not in family bridge.
    package static let dstnat = ChainPriority(rawValue: -100)
    /// Not in family bridge.
    package static let filter = ChainPriority(rawValue: 0)
    package static let security = ChainPriority(rawValue: 50)
    /// Not in family bridge.
    package static let srcnat = ChainPriority(rawValue: 100)

    /// In family bridge `dstnat`.
    package static let bridgeDstnat = ChainPriority(rawValue: -300)
    /// In family bridge `filter`.
    package static let bridgeFilter = ChainPriority(rawValue: -200)
    /// In family bridge `out`.
    package static let bridgeOut = ChainPriority(rawValue: 100)
    /// In family bridge `srcnat`.
    package static let bridgeSrcnat = ChainPriority(rawValue: 300)

    /// A little later, or earlier when negative: `filter - 5` is `.filter + -5`.
    package static func + (priority: ChainPriority, offset: Int32) -> ChainPriority {
        ChainPriority(rawValue: priority.rawValue + offset)
    }
}

/// A chain as the kernel has it.
package struct InstalledChain: Hashable, Sendable {
    package let chain: Chain
    /// nil when no packet comes here but by `jump` or `goto`.
    package var hook: ChainHook?
    package var comment: String?
    package var handle: UInt64 = 0
    /// How many rules it has, and how many rules and map elements jump here.
    package var useCount: UInt32 = 0
}
