// SPDX-License-Identifier: Apache-2.0
import Addressing
import Attachments
import Linux
import Pools
import Reachability
import Wiring

/// One end of a flow as a command line says it: `NAME`, `NAME:INTERFACE`, `ADDRESS`, each perhaps with `:PORT`.
struct FlowEnd {
    enum Who {
        case host
        case address(IPAddress)
        case container(AttachmentName)
    }

    let who: Who
    let port: UInt16?

    /// Why a text is no end.
    enum Flaw: Error {
        /// It has neither name nor address.
        case nameless
        /// What stands where the port belongs is none.
        case port(String)

        /// The same in words, about the text.
        func words(_ text: String) -> String {
            switch self {
            case .nameless: "an end has a name or an address"
            case .port(let port): "\"\(port)\" of \"\(text)\" is no port: ports are 1 to 65535"
            }
        }
    }

    /// Reads an end.
    init(_ text: String) throws(Flaw) {
        if let address = IPAddress(text) {
            (who, port) = (.address(address), nil)
            return
        }
        var name = text
        var port: UInt16?
        if let colon = Self.colonOfPort(text) {
            name = String(text[..<colon])
            let digits = String(text[text.index(after: colon)...])
            guard let number = UInt16(digits), number > 0 else { throw .port(digits) }
            port = number
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
        self.port = port
        if let address = IPAddress(name) {
            who = .address(address)
        } else if name == "host" {
            who = .host
        } else {
            guard let attachment = AttachmentName(name) else { throw .nameless }
            who = .container(attachment)
        }
    }

    /// The colon that a port stands behind, sensible or not: the last one, before a number or where no interface can be.
    private static func colonOfPort(_ text: String) -> String.Index? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let (front, behind) = (text[..<colon], text[text.index(after: colon)...])
        let isNumber = !behind.isEmpty && behind.allSatisfy { $0.isASCII && $0.isNumber }
        let isAddress = front.hasPrefix("[") && front.hasSuffix("]") || IPAddress(String(front))?.family == .v4
        let hasInterface = front.count(where: { $0 == ":" }) == 1 && !front.hasPrefix("[") && !front.hasSuffix(":")
        return isNumber || isAddress || hasInterface || front == "host" ? colon : nil
    }
}

/// The attachments of this host, and what was read of it so far.
struct ExplainScene {
    private let attachments: [AttachmentFacts]
    /// Without those that are proved dead, whose addresses others may have by now.
    private let living: [AttachmentFacts]
    private var reader = ModelReader()

    /// Reads the host.
    init(_ attachments: [AttachmentFacts]) throws(PoolFailure) {
        self.attachments = attachments
        living = attachments.filter { $0.life.verdict != .dead }
        do throws(KernelError) {
            try reader.readHost()
        } catch {
            throw PoolFailure(error, intention: "cannot read the host's network")
        }
        // A switch may outlive the containers that it was for.
        for facts in attachments { reader.add(facts.switchPorts.filter { $0.kind != .container }) }
        for facts in living {
            let addresses = facts.addresses.map { $0.address }
            let stranger = HostModel.Stranger(name: facts.key.containerID, addresses: addresses)
            reader.add(facts.switchPorts)
            // Nobody gets to a tap of a switch but through the switch.
            if facts.switchPorts.isEmpty { reader.add(stranger, link: facts.hostInterface) }
        }
        reader.ask { port, frame in HostModel.SwitchAnswer(asking: port, of: frame) }
    }

    /// Explains, and looks into more containers as long as the answer depends on them.
    mutating func settled(_ explain: (HostModel) throws(PoolFailure) -> Trace) throws(PoolFailure) -> Trace {
        var seen: Set<String> = []
        while true {
            let trace = try explain(reader.model)
            guard let stranger = trace.verdict.stranger, seen.insert(stranger).inserted else { return trace }
            _ = try read(stranger)
        }
    }

    /// Looks into the container at the far end of a link of the host, if there is one: it gets the answer to what comes
    /// in there, whatever addresses it has given itself.
    mutating func readEnd(of link: String) throws(PoolFailure) {
        guard let facts = living.first(where: { $0.hostInterface == link }) else { return }
        _ = try read(facts.key.containerID)
    }

    /// Reads a container's namespace.
    private mutating func read(_ container: String) throws(PoolFailure) -> Int {
        let records = attachments.filter { $0.key.containerID == container }.compactMap { $0.record }
        guard let path = records.first(where: { !$0.namespacePath.isEmpty })?.namespacePath else {
            throw PoolFailure("nobody noted where the namespace of container \(container) is")
        }
        do throws(KernelError) {
            return try reader.readContainer(container, path: path)
        } catch {
            guard error.isMissingNamespace else {
                throw PoolFailure(error, intention: "cannot look into container \(container)")
            }
            throw PoolFailure("container \(container) is gone: \(error)", advice: "culvert gc clears up behind it")
        }
    }

    // MARK: - Ends

    mutating func flow(
        from: FlowEnd,
        to: FlowEnd,
        input: String?,
        source: IPAddress?
    ) throws(PoolFailure) -> Flow {
        if let input, !reader.model.namespaces[0].links.contains(where: { $0.name == input }) {
            throw PoolFailure("the host has no link \(input)", advice: "ip link shows all")
        }
        let origin = try origin(from, input)
        let sender = source ?? origin.address
        let families = sender.map { [$0.family] } ?? origin.families
        var flow = Flow(origin: origin.index, destination: try destination(to, families))
        guard sender == nil || sender?.family == flow.destination.family else {
            throw PoolFailure("one end is IPv4 and the other IPv6")
        }
        flow.source = sender
        flow.input = input
        if let port = to.port { flow.destinationPort = port }
        return flow
    }

    /// Whether a namespace has a link.
    func has(_ link: String, in namespace: Int) -> Bool {
        reader.model.namespaces[namespace].links.contains { $0.name == link }
    }

    private struct Origin {
        var index = 0
        var address: IPAddress?
        var families: [AddressFamily] = [.v4, .v6]
    }

    private mutating func origin(_ end: FlowEnd, _ input: String?) throws(PoolFailure) -> Origin {
        switch end.who {
        case .host: return Origin()
        case .container(let name):
            let meant = try name.resolve(among: attachments)
            let index = try read(meant[0].key.containerID)
            var origin = Origin(index: index)
            let addresses = meant.flatMap { $0.addresses }.map { $0.address }
            origin.families = [.v4, .v6].filter { family in addresses.contains { $0.family == family } }
            if name.interface != nil, meant.count == 1 { origin.address = addresses.first }
            return origin
        case .address(let address):
            if input != nil { return Origin(address: address) }
            if let owner = owner(of: address) { return Origin(index: try read(owner), address: address) }
            guard reader.model.namespaces[0].addresses.contains(where: { $0.address.address == address }) else {
                throw PoolFailure(
                    "neither the host nor a container of it has address \(address)",
                    advice: "say by which link it comes in: --in LINK"
                )
            }
            return Origin(address: address)
        }
    }

    /// What is behind a receiver's colon may have been meant for a port.
    private func receivers(_ name: AttachmentName) throws(PoolFailure) -> [AttachmentFacts] {
        do throws(PoolFailure) {
            return try name.resolve(among: attachments)
        } catch {
            guard name.interface != nil, let whole = AttachmentName(name.container),
                (try? whole.resolve(among: attachments)) != nil
            else { throw error }
            throw PoolFailure(error.message, advice: "\(error.advice); a port is a number from 1 to 65535")
        }
    }

    private func owner(of address: IPAddress) -> String? {
        living.first { facts in facts.addresses.contains { $0.address == address } }?.key.containerID
    }

    private mutating func destination(
        _ end: FlowEnd,
        _ families: [AddressFamily]
    ) throws(PoolFailure) -> IPAddress {
        var known: [IPAddress]
        let name: String
        switch end.who {
        case .address(let address): return address
        case .host:
            name = "the host"
            known = reader.model.namespaces[0].addresses.map { $0.address.address }
                .filter { !$0.isLoopback && !$0.isLinkLocalUnicast }
        case .container(let text):
            let meant = try receivers(text)
            name = "container \(meant[0].key.containerID)"
            known = meant.flatMap { $0.addresses }.map { $0.address }
        }
        known = known.filter { families.contains($0.family) }
        guard let address = known.first else {
            throw PoolFailure("\(name) has no address that the other end could reach", advice: "say which address")
        }
        return address
    }
}
