// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import DHCP
internal import DHCPLeases
internal import DaemonTalk
internal import JSON
internal import Linux
internal import Netlink
internal import Wiring

// What plugins ask.
extension LeaseKeeper {
    func answer(_ line: [UInt8], to number: Int, _ connection: DaemonConnection) {
        let now = Machine.bootNanoseconds
        // How Go's RPC begins.
        if line.starts(with: "CONNECT ".utf8) { return refuseReference(connection, now) }
        let question: DHCPQuestion
        do {
            question = try DHCPQuestion(JSONReader(try JSONValue(parsing: line)))
        } catch {
            connection.refuse(
                CNIError(.decoding, "the DHCP daemon cannot read the question", details: "\(error)"),
                now: now
            )
            return
        }
        switch question {
        case .add(let order): add(order, number, connection)
        case .check(let name): check(name, number, connection)
        case .delete(let key):
            for family in [AddressFamily.v4, .v6] {
                let name = DHCPLeaseName(key: key, family: family)
                if let lease = leases[name] {
                    release(lease)
                } else {
                    // A record that could not be read is nobody's.
                    try? store.remove(name)
                }
            }
            connection.answer(.null, now: now)
        case .collect(let network, let surviving, let begun):
            for lease in leases.values where lease.order.key.network == network && lease.begunAt < begun {
                let key = lease.order.key
                if !surviving.contains(where: { $0.covers(key) }) { release(lease) }
            }
            connection.answer(.null, now: now)
        case .status:
            connection.answer(.object(["leases": .integer(Int64(leases.count))] as JSONObject), now: now)
        case .list:
            let rows = leases.values.sorted { $0.order.name.description < $1.order.name.description }
            connection.answer(.object(["leases": .array(rows.map { $0.row(at: now) })] as JSONObject), now: now)
        }
    }

    /// Tells the reference's plugin, which speaks as HTTP begins, that it is in the wrong place; it passes the words on.
    private func refuseReference(_ connection: DaemonConnection, _ now: Int64) {
        let words = "here is culvert-dhcpd which serves only the dhcp plugin of Culvert"
        connection.finish(Array("HTTP/1.0 501 \(words)\r\n\r\n".utf8), now: now)
    }

    private func add(_ order: DHCPOrder, _ number: Int, _ connection: DaemonConnection) {
        let now = Machine.bootNanoseconds
        do throws(CNIError) {
            try Invocation.validate(containerID: order.key.containerID)
            try Invocation.validate(networkName: order.key.network)
            try Invocation.validate(interfaceName: order.key.interfaceName)
            let found = try look(order)
            if let kept = leases[order.name] {
                // Who asks again for what stands gets it; a search, or what is over, begins anew.
                if kept.isValid(at: now), kept.order == order, kept.identity == found.identity,
                    kept.hardware == found.hardware, let terms = kept.client.terms
                {
                    return answer(number, AddResult(terms, for: order))
                }
                release(kept)
            }
            let seed = try translating("cannot lease an address") { () throws(KernelError) in
                try Machine.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
            }
            let client = DHCPClient(
                DHCPClient.Identity(order, hardware: found.hardware),
                patience: settings.patience,
                seed: seed
            )
            let lease = KeptLease(
                order,
                identity: found.identity,
                hardware: found.hardware,
                client: client,
                begunAt: now
            )
            lease.waiter = number
            lease.searchEnd = now + settings.searchBound
            leases[order.name] = lease
            connection.stay(saying: ["wait": .integer(settings.searchBound / 1_000_000_000 + 1)])
            perform(lease.client.handle(.start, at: now), lease)
        } catch {
            connection.refuse(error, now: now)
        }
    }

    /// Which namespace and which link an order means.
    private func look(_ order: DHCPOrder) throws(CNIError) -> (identity: String, hardware: MACAddress) {
        let name = order.key.interfaceName
        let intention = "cannot ask for an address of \(name) in \(order.namespacePath)"
        return try translating(intention) { () throws(KernelError) in
            try visit(order) { () throws(KernelError) in
                guard let link = try NetlinkSocket().link(named: name) else {
                    throw KernelError("find link \(name)", .noSuchDevice)
                }
                guard let hardware = link.address else {
                    throw KernelError(
                        "use link \(name)",
                        .notSupported,
                        explanation: "DHCP is for links with an address of Ethernet"
                    )
                }
                return ("\(try NetworkNamespace.current().identity)", hardware)
            }
        }
    }

    private func check(_ name: DHCPLeaseName, _ number: Int, _ connection: DaemonConnection) {
        let now = Machine.bootNanoseconds
        guard let lease = leases[name], let terms = lease.client.terms else {
            let refusal = CNIError(
                .verificationFailed,
                "\(name) has no lease",
                details: "the daemon at \(socketPath) keeps none; DEL and ADD get a new one"
            )
            return connection.refuse(refusal, now: now)
        }
        guard lease.isValid(at: now) else {
            let refusal = CNIError(
                .verificationFailed,
                "the lease of \(terms.address) for \(name) is over",
                details: "no server prolonged it, so it was taken away; DEL and ADD get a new one"
            )
            return connection.refuse(refusal, now: now)
        }
        answer(number, AddResult(terms, for: lease.order))
    }

    private func translating<Value>(
        _ intention: String,
        _ body: () throws(KernelError) -> Value
    ) throws(CNIError) -> Value {
        do throws(KernelError) {
            return try body()
        } catch {
            throw CNIError(.kernelRefused, intention, details: "\(error)")
        }
    }
}
