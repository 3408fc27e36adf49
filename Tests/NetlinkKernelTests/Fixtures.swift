// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport

let address5 = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 5]) ?? .zero
let address6 = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 6]) ?? .zero

/// A pair `veth0` here, `eth0` there.
func pair(_ host: String = "veth0", _ container: String = "eth0", mtu: Int = 0) -> VethPair {
    VethPair(
        host: VethPair.End(name: host, address: address5),
        container: VethPair.End(name: container, address: address6),
        mtu: mtu
    )
}

/// Reads a network that the test vouches for.
func cidr(_ text: String) throws(Malformed) -> CIDR {
    guard let cidr = CIDR(text) else { throw Malformed(text: text) }
    return cidr
}

struct Malformed: Error {
    let text: String
}

struct MissingLink: Error {
    let name: String
}

extension NetlinkSocket {
    /// The link of a name that must be there.
    func required(_ name: String) throws -> Link {
        guard let link = try link(named: name) else { throw MissingLink(name: name) }
        return link
    }

    /// Makes a bridge that is up, the simplest link to have.
    func makeBridge(_ name: String) throws -> Link {
        try execute(.addBridge(name, address: address5, mtu: 0, filtersVLANs: false))
        let bridge = try required(name)
        try execute(.setUp(true, link: bridge.index, name: name))
        return bridge
    }

    /// What the kernel answers to a request; nil when it agrees.
    func refusal(of requests: NetlinkRequest...) -> KernelError? {
        do throws(KernelError) {
            try execute(requests)
            return nil
        } catch {
            return error
        }
    }
}
