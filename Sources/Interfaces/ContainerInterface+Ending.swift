// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// Everything but ADD
extension ContainerInterface {
    /// Whether the interface still is as its ADD left it.
    func verify() throws(CNIError) {
        let kind = try Kind(request)
        guard let promised = request.configuration.previousResult else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        try AddressDelegate(for: request)?.check()
        guard kind.hasLink else { return }
        let container = try request.openNamespace()
        var findings = InterfaceFindings(request)
        try translating("cannot look at container \(request.key.containerID)") { () throws(KernelError) in
            let home = try NetworkNamespace.current()
            let host = try NetlinkSocket()
            let inside = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            let seen = try InterfaceObservation(of: request.key.interfaceName, in: inside)
            findings.compare(seen, with: promised)
            guard let link = seen.interface else { return }
            if !link.isUp { findings.add("\(link.name) is down") }
            if !Kind.linkKinds.isEmpty, !Kind.linkKinds.contains(link.kind) {
                findings.add("\(link.name) is of kind \"\(link.kind)\" instead of \(Kind.linkKinds[0])")
            }
            for complaint in try kind.complaints(request, seen, promised, on: host) { findings.add(complaint) }
        }
        try findings.refuse("container \(request.key.containerID) has not \(Kind.noun) as promised")
    }

    /// Takes the interface away; needs neither its namespace nor the result of its ADD, and can be repeated.
    func remove() throws(CNIError) {
        let intention = "cannot take \(Kind.noun) from container \(request.key.containerID)"
        try request.detach(intention) { record throws(KernelError) in
            try Kind.clear(request.key, record, request, on: try NetlinkSocket())
        }
    }

    /// Whether the network could take another container.
    func probe() throws(CNIError) {
        let kind = try Kind(request)
        try request.probeRecords()
        let host = try translating("cannot look at the host", .unavailable) { () throws(KernelError) in
            try NetlinkSocket()
        }
        try kind.probe(request, on: host)
        try AddressDelegate(for: request)?.status()
    }

    /// Removes every attachment of the network but the survivors, and those younger than this call.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        try request.sweep(sparing: surviving, hasFilters: Kind.hasFilters) { key, record, host throws(KernelError) in
            try Kind.clear(key, record, request, on: host)
        }
    }
}
