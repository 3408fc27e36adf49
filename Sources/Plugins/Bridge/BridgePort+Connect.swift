// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import JSON
internal import Journal
internal import Linux
internal import Netlink
internal import PacketFilter
internal import Plugin
internal import Wiring

// ADD
extension BridgePort {
    /// Joins the container to the bridge: all of it, or nothing.
    func connect() throws(CNIError) -> AddResult {
        let configuration = try BridgeConfiguration(request)
        let delegate = try AddressDelegate(for: request)
        let container = try request.openNamespace()
        let intention = "cannot connect container \(request.key.containerID) to bridge \(configuration.bridge)"
        var record = request.newRecord(of: container)
        var transaction = try request.transaction(into: container, intention)
        transaction.leavesWaiting = true
        let bridge = try usable(configuration, on: transaction.host, intention)
        if let bridge { transaction.remember(bridge) }
        let file = try request.newRecordFile(intention)
        let plan: BridgePlan
        do throws(CNIError) {
            let end = try settle(file.record, existed: file.existed, on: transaction.host, intention)
            try request.refuseExisting(in: transaction.inside, intention)
            plan = try self.plan(
                configuration,
                end,
                configuration.mtu.octets(on: transaction.host),
                former: bridge == nil ? formerAddress(of: configuration.bridge) : nil,
                intention
            )
        } catch {
            // What was there before is somebody's; an empty file of ours is nobody's.
            throw file.existed ? error : request.close(file, nil, [], because: error)
        }
        record.hostInterface = plan.pair.host.name
        return try carryOut(plan, delegate, transaction, record, file, intention)
    }

    /// Writes down what is intended, does it, and writes down that it is done; any refusal takes back all of it.
    private func carryOut(
        _ plan: BridgePlan,
        _ delegate: AddressDelegate?,
        _ transaction: consuming Transaction,
        _ record: AttachmentRecord,
        _ file: consuming AttachmentFile,
        _ intention: String
    ) throws(CNIError) -> AddResult {
        var record = record
        var isLeased = false
        do throws(CNIError) {
            request.notes.enter(.record)
            try translating(intention, .storeUnusable) { () throws(KernelError) in try file.write(record) }
            let result = try make(plan, delegate, &transaction, &isLeased, intention)
            record.state = .attached
            record.result = try result.json(version: request.configuration.version)
            request.notes.enter(.record)
            try translating(intention, .storeUnusable) { () throws(KernelError) in try file.write(record) }
            for warning in transaction.warnings { Machine.log("bridge: \(warning)") }
            transaction.commit()
            return result
        } catch {
            let leftovers = request.takeBack(&transaction, isLeased ? delegate : nil)
            throw request.close(file, record, leftovers, because: error)
        }
    }

    /// Clears away what an ADD left that was cut off.
    ///
    /// - Returns: where the host's end of the pair goes.
    /// - Throws: ``CNIError``, code 101, when the container is attached already.
    private func settle(
        _ record: AttachmentRecord?,
        existed: Bool,
        on host: borrowing NetlinkSocket,
        _ intention: String
    ) throws(CNIError) -> VethPair.End {
        let key = request.key
        let end = try translating(intention) { () throws(KernelError) in
            let end = try HostEnd.find(of: key, on: host, isNew: !existed)
            // A record that is not complete is nobody's: we hold its lock, so its writer is dead.
            if existed, record?.state != .attached {
                try FilterPlan.removeAll(of: key, sparing: InterfaceFilters.siblings(of: key, in: request.attachments))
            }
            guard case .ours(let link) = end, existed, record?.state != .attached else { return end }
            if asksForShortcut(record) { BridgePort.removeShortcut(of: link) }
            try HostEnd.removeLink(link, on: host)
            return try HostEnd.find(of: key, on: host)
        }
        switch end {
        case .free(let end): return end
        case .ours(let link):
            throw CNIError(
                .interfaceExists,
                "container interface \(key.interfaceName) already exists",
                details: "\(key) is attached through \(link.name); DEL it before another ADD"
            )
        }
    }

    /// The bridge if it is there already, and can serve the network.
    private func usable(
        _ configuration: BridgeConfiguration,
        on host: borrowing NetlinkSocket,
        _ intention: String
    ) throws(CNIError) -> Link? {
        try translating(intention, .addressConflict) { () throws(KernelError) in
            guard let link = try host.link(named: configuration.bridge) else { return nil }
            try Transaction.requireBridge(link)
            return link
        }
    }

    private func plan(
        _ configuration: BridgeConfiguration,
        _ end: VethPair.End,
        _ mtu: Int,
        former: MACAddress?,
        _ intention: String
    ) throws(CNIError) -> BridgePlan {
        let octets = try translating(intention) { () throws(KernelError) in try Machine.randomBytes(24) }
        let siblings = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try configuration.filters.siblings(of: request.key, in: request.attachments)
        }
        func random(_ index: Int) -> MACAddress { Request.address(octets[(6 * index)..<(6 * index + 6)]) }
        return BridgePlan(
            key: request.key,
            configuration: configuration,
            pair: VethPair(
                host: end,
                container: VethPair.End(
                    name: request.invocation.interfaceName,
                    address: configuration.mac ?? random(0)
                ),
                mtu: mtu
            ),
            sandbox: request.invocation.namespacePath,
            bridgeAddress: former ?? random(1),
            vlanAddresses: (random(2), random(3)),
            siblings: siblings
        )
    }

    private func make(
        _ plan: BridgePlan,
        _ delegate: AddressDelegate?,
        _ transaction: inout Transaction,
        _ isLeased: inout Bool,
        _ intention: String
    ) throws(CNIError) -> AddResult {
        // What a kernel may lack is found out before an address is taken for nothing; everything else comes after it,
        // so that a configuration that IPAM refuses leaves no bridge behind.
        let isThroughLink = AddressDelegate.needsLink(request)
        let isPreparedEarly = plan.configuration.filtersVLANs || isThroughLink
        if isPreparedEarly { try apply(plan.preparation, &transaction, intention) }
        if isThroughLink { try apply(plan.presence, &transaction, intention) }
        var addresses: BridgeAddressing?
        if let delegate {
            let leased = try delegate.add()
            isLeased = true
            addresses = BridgeAddressing(leased, plan.configuration)
        }
        if !isPreparedEarly { try apply(plan.preparation, &transaction, intention) }
        try apply(plan.connection(addresses, isPresent: isThroughLink), &transaction, intention)
        let name = plan.configuration.bridge
        // A bridge that somebody else made follows the lowest address of its ports.
        let bridge = try translating(intention) { () throws(KernelError) in try transaction.host.link(named: name) }
        // Since we began somebody has brought VLANs to it, and may not have seen our port.
        if let bridge, bridge.isGuarded, !transaction.link(name).isGuarded {
            transaction.remember(bridge)
            try apply([plan.portChange], &transaction, intention)
        }
        return plan.result(
            addresses,
            bridge: bridge ?? transaction.link(name),
            vlanInterface: plan.vlanInterface(addresses).map { transaction.link($0.gateway.name) },
            mtu: Int(transaction.link(plan.pair.host.name).mtu)
        )
    }

    private func apply(
        _ changes: [Change],
        _ transaction: inout Transaction,
        _ intention: String
    ) throws(CNIError) {
        do throws(PlanFailure) {
            try transaction.apply(changes, defersTakingBack: AddressDelegate.needsLink(request))
        } catch {
            switch error.cause.errno {
            case .addressInUse: throw CNIError(.addressConflict, intention, error)
            case .notSupported where !error.cause.meansNoPacketFilter:
                throw CNIError(.unsupportedField, intention, error).adding("needed by vlan and vlanTrunk")
            default: throw CNIError(.kernelRefused, intention, error)
            }
        }
    }
}
