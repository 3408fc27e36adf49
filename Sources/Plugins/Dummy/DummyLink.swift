// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import Netlink
internal import Plugin
internal import Wiring

/// A link of kind `dummy` in a container; like `ip link add NAME type dummy`.
struct DummyLink: InterfaceKind {
    static let noun = "a dummy interface"
    static let linkKinds = ["dummy"]

    /// A dummy's names are IPAM's business.
    let dns = DNS()

    /// The network says nothing of the interface itself.
    init(_ request: Request) throws(CNIError) {}

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        InterfacePlan(request, making: [.link(ContainerLink(name: request.key.interfaceName, kind: .dummy))])
    }
}
