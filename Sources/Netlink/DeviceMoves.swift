// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux

extension NetlinkRequest {
    /// Moves a link into another namespace, where it has another name at once.
    ///
    /// Like `ip link set dev NAME netns … name …`, in one message, so that nobody finds it there under its old name. The
    /// kernel sets the link down, takes it from its bridge, and forgets its addresses. A new name with `%d` gets the
    /// first number that is free. `EEXIST` means that the name is taken there; the link may have been moved all the
    /// same, if its old one is not.
    ///
    /// `namespace`: an open descriptor of the other namespace.
    package static func move(
        link index: Int32,
        name: String,
        to namespace: CInt,
        as newName: String
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.put(Int(IFLA_NET_NS_FD), UInt32(bitPattern: namespace))
        message.put(Int(IFLA_IFNAME), newName)
        return NetlinkRequest("move link \(name) into another namespace as \(newName)", message)
    }

    /// Gives a link another name; kernels before 6.2 want it to be down.
    ///
    /// Like `ip link set dev NAME name …`.
    package static func rename(link index: Int32, name: String, to newName: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.put(Int(IFLA_IFNAME), newName)
        return NetlinkRequest("rename link \(name) to \(newName)", message)
    }

    /// Writes upon a link what it is for; it keeps that wherever it goes.
    ///
    /// Like `ip link set dev NAME alias …`; an empty one takes it away. At most 255 octets.
    package static func setAlias(_ alias: String, link index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.put(Int(IFLA_IFALIAS), octets: Array(alias.utf8.prefix(255)))
        return NetlinkRequest("set alias of link \(name) to \"\(alias)\"", message)
    }
}

extension NetlinkSocket {
    /// All that there is to know about every link of the namespace, in the order they were made.
    ///
    /// - Complexity: a message for each link.
    /// - Throws: ``KernelError``.
    package func allDetails() throws(KernelError) -> [LinkDetails] {
        try links().compactMap { LinkDetails($0) }.sorted { $0.link.index < $1.link.index }
    }

    /// As ``details(ofLink:)-(String)``, by the index.
    ///
    /// - Throws: ``KernelError``.
    package func details(ofLink index: Int32) throws(KernelError) -> LinkDetails? {
        do throws(KernelError) {
            return LinkDetails(try ask(.linkQuery("find link \(index)", name: nil, index: index)))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
            return nil
        }
    }
}
