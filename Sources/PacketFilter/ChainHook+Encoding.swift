// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

extension NetlinkMessage {
    /// Type, policy and hook of a base chain.
    func put(_ hook: ChainHook, in family: Family) {
        put(NFTA_CHAIN_TYPE, text: hook.kind.name)
        if let policy = hook.policy { put(NFTA_CHAIN_POLICY, UInt32(bitPattern: policy.code)) }
        nest(NFTA_CHAIN_HOOK) { body in
            body.put(NFTA_HOOK_HOOKNUM, hook.point.number(in: family))
            body.put(NFTA_HOOK_PRIORITY, UInt32(bitPattern: hook.priority.rawValue))
            if let device = hook.device { body.put(NFTA_HOOK_DEV, text: device) }
        }
    }
}

extension ChainHook {
    /// What a chain says of where it is hooked; nil when it is not, or in a way that we do not know.
    init?(_ attributes: NetlinkAttributes, in family: Family) {
        guard let body = attributes.nested(NFTA_CHAIN_HOOK),
            let number = body.number(NFTA_HOOK_HOOKNUM),
            let point = Point(number: number, in: family),
            let priority = body.number(NFTA_HOOK_PRIORITY),
            let kind = attributes.text(NFTA_CHAIN_TYPE).flatMap({ Kind(name: $0) })
        else { return nil }
        self.init(kind, point, priority: ChainPriority(rawValue: Int32(bitPattern: priority)))
        if let code = attributes.number(NFTA_CHAIN_POLICY) {
            policy = Verdict(code: Int32(bitPattern: code), chain: "")
        }
        var devices: [String] = []
        // Of one alone the kernel tells in both ways.
        if let list = body.nested(NFTA_HOOK_DEVS) {
            for (kind, name) in list {
                // NFTA_DEVICE_NAME; NFTA_DEVICE_PREFIX of Linux 6.16 and later
                if kind == 1 { devices.append(name.text) }
                if kind == 2 { devices.append(name.text + "*") }
            }
        }
        device = devices.first ?? body.text(NFTA_HOOK_DEV)
        otherDevices = Array(devices.dropFirst())
    }
}

extension ChainHook.Kind {
    fileprivate init?(name: String) {
        switch name {
        case "filter": self = .filter
        case "nat": self = .nat
        case "route": self = .route
        default: return nil
        }
    }
}

extension ChainHook.Point {
    /// `linux/netfilter.h` (`NF_INET_*`, `NF_NETDEV_*`), `linux/netfilter_arp.h`, `linux/netfilter_bridge.h`.
    fileprivate func number(in family: Family) -> UInt32 {
        switch self {
        case .ingress: family == .netdev ? 0 : 5
        case .prerouting: 0
        case .input: family == .arp ? 0 : 1
        case .forward: 2
        case .output: family == .arp ? 1 : 3
        case .postrouting: 4
        case .egress: 1
        }
    }

    fileprivate init?(number: UInt32, in family: Family) {
        switch (family, number) {
        case (.netdev, 0), (.inet, 5): self = .ingress
        case (.netdev, 1): self = .egress
        case (.arp, 0): self = .input
        case (.arp, 1): self = .output
        case (.arp, 2): self = .forward
        case (.netdev, _), (.arp, _): return nil
        case (_, 0): self = .prerouting
        case (_, 1): self = .input
        case (_, 2): self = .forward
        case (_, 3): self = .output
        case (_, 4): self = .postrouting
        default: return nil
        }
    }
}
