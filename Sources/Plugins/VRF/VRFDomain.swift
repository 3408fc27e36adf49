// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

/// A VRF of a container: a link that stands for a routing table.
struct VRFDomain {
    let link: Link
    let table: Int
    /// Whether this call has made it.
    let isNew: Bool

    init(link: Link, table: Int, isNew: Bool) {
        self.link = link
        self.table = table
        self.isNew = isNew
    }

    /// The VRF that DEL is about: the one of a name, or without a name the one that an interface is in.
    init?(of interface: String, named name: String?, on socket: borrowing NetlinkSocket) throws(KernelError) {
        var name = name
        if name == nil, let master = try socket.link(named: interface)?.master {
            name = try socket.link(index: master)?.name
        }
        guard let name, let details = try socket.details(ofLink: name), case .vrf(let table)? = details.kind else {
            return nil
        }
        self.init(link: details.link, table: Int(table), isNew: false)
    }

    /// `default`, `main` and `local`, which are everybody's (rt_tables of iproute2).
    private static let reserved = 253...255

    /// The lowest table that nobody uses, neither a VRF nor a rule nor a route.
    static func firstFree(besides taken: Set<Int>) -> Int {
        var table = 1
        while taken.contains(table) || reserved.contains(table) { table += 1 }
        return table
    }
}

// ADD
extension VRFMembership {
    /// The VRF that the configuration names, up; made when it is not there.
    func domain(
        _ configuration: VRFConfiguration,
        on socket: borrowing NetlinkSocket,
        _ intention: String
    ) throws(CNIError) -> VRFDomain {
        let found = try translating(intention) { () throws(KernelError) in
            try socket.details(ofLink: configuration.name)
        }
        guard let found else { return try make(configuration, on: socket, intention) }
        guard case .vrf(let table)? = found.kind else {
            throw CNIError(
                .invalidConfiguration,
                "vrfname: link \(configuration.name) of the container is no VRF",
                details: "it is of kind \"\(found.link.kind)\"; name another"
            )
        }
        if let wanted = configuration.table, wanted != table {
            throw CNIError(
                .invalidConfiguration,
                "table: VRF \(configuration.name) has table \(table) already, not \(wanted)",
                details: "VRF \(configuration.name) already exist with different routing table \(table)"
            )
        }
        if !found.link.isUp {
            try translating(intention) { () throws(KernelError) in
                try socket.execute(.setUp(true, link: found.link.index, name: found.link.name))
            }
        }
        return VRFDomain(link: found.link, table: Int(table), isNew: false)
    }

    private func make(
        _ configuration: VRFConfiguration,
        on socket: borrowing NetlinkSocket,
        _ intention: String
    ) throws(CNIError) -> VRFDomain {
        do throws(KernelError) {
            let table = if let wanted = configuration.table { Int(wanted) } else { try freeTable(on: socket) }
            return try make(configuration.name, table: table, on: socket)
        } catch {
            throw CNIError(error.errno == .notSupported ? .unsupportedField : .kernelRefused, intention, error)
        }
    }

    private func make(_ name: String, table: Int, on socket: borrowing NetlinkSocket) throws(KernelError) -> VRFDomain {
        let kind = LinkKind.vrf(table: UInt32(table))
        do throws(KernelError) {
            var link = try socket.makeLink(name, kind, master: nil, address: nil, mtu: 0)
            if link == nil { link = try socket.link(named: name) }
            guard let link else { throw KernelError("find link \(name)", .noSuchDevice) }
            try socket.execute(.setUp(true, link: link.index, name: name))
            return VRFDomain(link: link, table: table, isNew: true)
        } catch {
            // Somebody else's, or none; of any other refusal the kernel's answer may have been lost.
            if error.errno == .fileExists || error.errno == .notSupported { throw error }
            guard let first = remove(name, on: socket).first else { throw error }
            throw KernelError(error.operation, error.errno, explanation: "\(error); left behind: \(first)")
        }
    }

    private func freeTable(on socket: borrowing NetlinkSocket) throws(KernelError) -> Int {
        let rules = try socket.rules(.v4) + socket.rules(.v6)
        let routes = try socket.installedRoutes(.v4) + socket.installedRoutes(.v6)
        let taken = try Set(socket.tablesOfVRFs() + rules.map { $0.table } + routes.map { $0.table })
        return VRFDomain.firstFree(besides: taken)
    }

    /// Takes back a VRF that this call has made.
    ///
    /// - Returns: what could not be taken back, in words.
    func remove(_ name: String, on socket: borrowing NetlinkSocket) -> [String] {
        do throws(KernelError) {
            try socket.execute(.deleteLink(named: name))
        } catch {
            return error.errno == .noSuchDevice ? [] : ["\(error)"]
        }
        return []
    }
}
