// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import Linux

/// Masquerading for one container, laid out as the reference plugins `bridge` and `ptp` do it in table `nat`.
///
/// The interface takes no part in the names: a container that is on one network twice has one chain, and only the
/// addresses tell whose a rule is.
package struct IPTablesMasquerade: Hashable, Sendable {
    /// `CNI-` and 24 digits.
    package let chain: String
    /// What stands at every rule: `name: "NETWORK" id: "CONTAINER"`.
    package let comment: String

    package static let table = IPTablesTable.nat

    package init(network: String, containerID: String) {
        chain = "CNI-" + SHA512(of: network + containerID).hexadecimal(digits: 24)
        comment = #"name: "\#(network)" id: "\#(containerID)""#
    }

    /// The rules for some addresses of one family.
    ///
    /// What goes to the containers' own networks is accepted before anything is masqueraded. (With two networks of a
    /// family the reference puts the second one behind, where it has no effect.)
    package func rules(_ addresses: [CIDR], _ family: AddressFamily) -> [IPTablesRule] {
        let addresses = addresses.filter { $0.family == family }
        guard !addresses.isEmpty else { return [] }
        let words = ["-m", "comment", "--comment", comment, "-j"]
        var networks: [CIDR] = []
        for address in addresses where !networks.contains(address.network) { networks.append(address.network) }
        let multicast = family == .v4 ? "224.0.0.0/4" : "ff00::/8"
        return networks.map { IPTablesRule(chain, ["-d", $0.description] + words + ["ACCEPT"]) }
            + [IPTablesRule(chain, ["!", "-d", multicast] + words + ["MASQUERADE"])]
            + addresses.map { address in
                IPTablesRule("POSTROUTING", ["-s", CIDR.host(address.address).description] + words + [chain])
            }
    }

    /// Masquerades what comes from these addresses, and from no others any more.
    ///
    /// `addresses`: with the lengths of their networks; those of the other family are passed over.
    package func install(_ addresses: [CIDR], in edit: inout IPTablesEdit) {
        let wanted = rules(addresses, edit.family)
        guard !wanted.isEmpty else { return }
        edit.deleteRules { old in
            old.target == chain && old.chain != chain && !wanted.contains { $0.means(old) }
        }
        if edit.contents.rules(in: chain) != wanted.filter({ $0.chain == chain }) {
            edit.replaceRules(in: chain, with: wanted.filter { $0.chain == chain })
        }
        for rule in wanted where rule.chain != chain { edit.ensure(rule, .last) }
    }

    /// The containers of a network that are masqueraded; what GC looks through.
    package static func containers(of network: String, in contents: IPTablesContents) -> [String] {
        contents.containers(commentedWith: #"name: "\#(network)" id: ""#) { id in
            IPTablesMasquerade(network: network, containerID: id).chain
        }
    }

    /// Removes everything of this container, by the name of its chain alone.
    ///
    /// `spared`: addresses that go on being masqueraded; if there are any, the chain stays.
    package func remove(from edit: inout IPTablesEdit, sparing spared: [IPAddress] = []) {
        let senders = spared.map { CIDR.host($0).description }
        func isSpared(_ jump: IPTablesRule) -> Bool { senders.contains { $0 == jump.sender } }
        guard edit.contents.rules(jumpingTo: chain).contains(where: isSpared) else { return edit.removeChain(chain) }
        edit.deleteRules { $0.target == chain && $0.chain != chain && !isSpared($0) }
    }
}
