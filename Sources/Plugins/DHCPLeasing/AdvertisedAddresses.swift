// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

/// The addresses that a container's kernel makes from what routers advertise.
///
/// Source: RFC 4862, 5.5. They, and the routes that come with them, stay the kernel's, which prolongs them and lets them
/// go with the advertisements.
struct AdvertisedAddresses: ~Copyable {
    private let name: String
    private let container: NetworkNamespace

    /// A second for the link-local address, up to one until routers are asked, one for the address itself, and some time
    /// for routers that are slow.
    ///
    /// RFC 4861, 6.3.7; RFC 4862, 5.4.
    private static let bound = Duration.seconds(15)

    init(of name: String, in container: consuming NetworkNamespace) {
        self.name = name
        self.container = container
    }

    /// Waits until there is a global address that nobody else has.
    ///
    /// - Throws: ``CNIError``, code 11, when there is none in time.
    func wait() throws(CNIError) -> [CIDR] {
        let intention = "cannot wait for what routers advertise on \(name)"
        do throws(KernelError) {
            return try container.run(from: .current()) { () throws(KernelError) in
                let announcements = try Announcements(of: .addresses)
                let socket = try NetlinkSocket()
                guard let link = try socket.link(named: name) else {
                    throw KernelError("find link \(name)", .noSuchDevice)
                }
                let isChanged = try prepare()
                // Routers are asked when a link comes up.
                if isChanged, link.isUp { try socket.execute(.setUp(false, link: link.index, name: name)) }
                if isChanged || !link.isUp { try socket.execute(.setUp(true, link: link.index, name: name)) }
                return try socket.waitForAddresses(
                    ofLink: link.index,
                    name: name,
                    announcements: announcements,
                    atMost: AdvertisedAddresses.bound
                ) { address in
                    address.address.family == .v6 && !address.isLinkLocal && !address.isTentative
                        && !address.isDuplicate
                }.map { $0.address }
            }
        } catch {
            guard error.errno == .timedOut else { throw CNIError(.kernelRefused, intention, error) }
            throw CNIError(
                .tryAgainLater,
                "no router on the link of \(name) advertised a prefix within \(AdvertisedAddresses.bound)",
                details: "is there one, and does its prefix have the autonomous flag?"
            )
        }
    }

    /// - Returns: whether something had to be changed.
    private func prepare() throws(KernelError) -> Bool {
        var isChanged = false
        // 2: also where the container forwards.
        for (setting, value) in [("disable_ipv6", "0"), ("accept_ra", "2"), ("autoconf", "1")] {
            let sysctl = Sysctl("ipv6", link: name, setting)
            let found = try sysctl.read()
            if found == value { continue }
            try sysctl.set(value)
            isChanged = isChanged || !(setting == "accept_ra" && found == "1")
        }
        return isChanged
    }
}
