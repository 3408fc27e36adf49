// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import CNI
internal import Journal
internal import Linux
internal import Netlink
internal import PacketFilter
package import Plugin
internal import Wiring

/// One container's interface of some kind, from ADD to DEL: record, link, addresses, and the way back.
package struct ContainerInterface<Kind: InterfaceKind> {
    let request: Request

    private init(_ request: Request) {
        self.request = request
    }

    /// Does what a runtime asks.
    ///
    /// - Throws: ``CNIError``; a refused ADD has been taken back.
    package static func answer(_ verb: Verb) throws(CNIError) -> Answer {
        let interface = ContainerInterface(verb.request)
        switch verb {
        case .add: return .result(try interface.add())
        case .check: try interface.verify()
        case .delete: try interface.remove()
        case .status: try interface.probe()
        case .collectGarbage(_, let surviving): try interface.sweep(sparing: surviving)
        }
        return .nothing
    }

    private var intention: String { "cannot give container \(request.key.containerID) \(Kind.noun)" }

    private func delegate() throws(CNIError) -> AddressDelegate? {
        let delegate = try AddressDelegate(for: request)
        guard delegate == nil, Kind.needsAddresses else { return delegate }
        throw CNIError(
            .invalidConfiguration,
            "ipam: \(Kind.noun) needs addresses",
            details: "ipam.type is empty; name the plugin that gives them, such as host-local"
        )
    }

    private func add() throws(CNIError) -> AddResult {
        let kind = try Kind(request)
        let delegate = try delegate()
        let container = try request.openNamespace()
        var record = request.newRecord(of: container)
        let transaction = try request.transaction(into: container, intention)
        let file = try request.newRecordFile(intention)
        let plan: InterfacePlan
        do throws(CNIError) {
            try settle(file.record, existed: file.existed, on: transaction.host)
            if kind.hasLink { try request.refuseExisting(in: transaction.inside, intention) }
            try kind.prepare()
            var request = request
            request.isNew = !file.existed
            plan = try kind.plan(request, host: transaction.host, inside: transaction.inside)
        } catch {
            // What was there before is somebody's; an empty file of ours is nobody's.
            throw file.existed ? error : request.close(file, nil, [], because: error)
        }
        record.hostInterface = plan.hostInterface
        record.device = plan.device
        return try carryOut(kind, plan, delegate, transaction, record, file)
    }

    /// Clears away what an ADD left that was cut off.
    ///
    /// - Throws: ``CNIError``, code 101, when the container has the interface already, in a namespace that it lives in.
    private func settle(
        _ record: AttachmentRecord?,
        existed: Bool,
        on host: borrowing NetlinkSocket
    ) throws(CNIError) {
        guard existed else { return }
        let key = request.key
        // A record that is not complete is nobody's: we hold its lock, so its writer is dead.
        guard let record, record.state == .attached else {
            return try translating(intention) { () throws(KernelError) in
                try Kind.clear(key, record, request, on: host)
            }
        }
        guard !record.isOfDeadContainer, record.namespaceIdentity != request.namespaceIdentity else { return }
        throw CNIError(
            .interfaceExists,
            "container interface \(key.interfaceName) already exists",
            details: "\(key) is attached in \(record.namespacePath); DEL it before another ADD"
        )
    }

    /// Writes down what is intended, does it, and writes down that it is done; any refusal takes back all of it.
    private func carryOut(
        _ kind: Kind,
        _ plan: InterfacePlan,
        _ delegate: AddressDelegate?,
        _ transaction: consuming Transaction,
        _ record: AttachmentRecord,
        _ file: consuming AttachmentFile
    ) throws(CNIError) -> AddResult {
        var record = record
        var isLeased = false
        do throws(CNIError) {
            request.notes.enter(.record)
            try translating(intention, .storeUnusable) { () throws(KernelError) in try file.write(record) }
            let result = try make(kind, plan, delegate, record, &transaction, &isLeased)
            record.state = .attached
            record.result = try result.json(version: request.configuration.version)
            request.notes.enter(.record)
            try translating(intention, .storeUnusable) { () throws(KernelError) in try file.write(record) }
            for warning in transaction.warnings { Machine.log("\(request.configuration.type): \(warning)") }
            transaction.commit()
            return result
        } catch {
            let leftovers = request.takeBack(&transaction, isLeased ? delegate : nil)
            throw request.close(file, record, leftovers, because: error)
        }
    }

    private func make(
        _ kind: Kind,
        _ plan: InterfacePlan,
        _ delegate: AddressDelegate?,
        _ record: AttachmentRecord,
        _ transaction: inout Transaction,
        _ isLeased: inout Bool
    ) throws(CNIError) -> AddResult {
        // The link comes first: what a kernel may lack is found out before an address is taken for nothing.
        let isPresent = delegate != nil && AddressDelegate.needsLink(request)
        try apply(plan.making, &transaction)
        if isPresent {
            try kind.connect(record, Self.made(plan, transaction, true), nil)
            try apply([.interface(plan.interface([], []))], &transaction)
        }
        var leased = kind.given
        if let delegate {
            leased = try delegate.add()
            isLeased = true
        }
        let made = kind.hasLink ? Self.made(plan, transaction, isPresent) : .nothing
        let completion = try kind.completion(of: plan, made, leased)
        try kind.connect(record, made, completion.result)
        try apply(completion.changes, &transaction)
        return completion.result
    }

    private static func made(
        _ plan: InterfacePlan,
        _ transaction: borrowing Transaction,
        _ isPresent: Bool
    ) -> MadeInterface {
        // The ends of a pair are of one size.
        let link = transaction.containerLink ?? transaction.link(plan.hostInterface)
        return MadeInterface(address: link.address, mtu: Int(link.mtu), isPresent: isPresent)
    }

    private func apply(_ changes: [Change], _ transaction: inout Transaction) throws(CNIError) {
        do throws(PlanFailure) {
            try transaction.apply(changes, defersTakingBack: AddressDelegate.needsLink(request))
        } catch {
            switch error.cause.errno {
            case .addressInUse: throw CNIError(.addressConflict, intention, error)
            case .notSupported where !error.cause.meansNoPacketFilter:
                throw CNIError(.unsupportedField, intention, error)
            default: throw CNIError(.kernelRefused, intention, error)
            }
        }
    }
}
