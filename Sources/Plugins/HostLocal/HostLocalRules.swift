// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import JSON
internal import LeaseStore
internal import Plugin

extension PoolRules {
    /// Reads `policy`, `quarantineSeconds`, `exclude` and `reserve` of an `ipam` object.
    init(_ ipam: JSONReader) throws(CNIError) {
        self.init()
        let (policy, seconds, exclusions, reservations) = try HostLocalConfiguration.translated {
            () throws(JSONTypeError) in
            let seconds = try ipam.integer("quarantineSeconds", in: 0...86_400)
            return (try ipam.member("policy"), seconds, try ipam.array("exclude"), try ipam.object("reserve"))
        }
        if let policy { order = try PoolRules.order(policy) }
        if let seconds { quarantineNanoseconds = Int64(seconds) * 1_000_000_000 }
        if let exclusions { excluded = try PoolRules.excluded(exclusions) }
        if let reservations { self.reservations = try PoolRules.reservations(reservations) }
    }

    private static func order(_ reader: JSONReader) throws(CNIError) -> AddressOrder {
        let text = try HostLocalConfiguration.translated { () throws(JSONTypeError) in try reader.string() }
        if let order = AddressOrder(rawValue: text) { return order }
        let known = AddressOrder.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
        throw HostLocalConfiguration.invalid("unknown policy \"\(text)\": write \(known)", reader)
    }

    private static func excluded(_ readers: [JSONReader]) throws(CNIError) -> AddressSet {
        var runs: [AddressRun] = []
        for reader in readers {
            let text = try HostLocalConfiguration.translated { () throws(JSONTypeError) in try reader.string() }
            do throws(PoolError) {
                runs.append(try AddressRun(parsing: text))
            } catch {
                throw HostLocalConfiguration.invalid("\(error)", reader)
            }
        }
        return AddressSet(runs)
    }

    private static func reservations(_ reader: JSONReader) throws(CNIError) -> AddressReservations {
        var entries: [AddressReservations.Entry] = []
        let lists = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            var lists: [(String, [JSONReader])] = []
            for member in try reader.object().members {
                lists.append((member.key, try JSONReader(member.value, path: "\(reader.path).\(member.key)").array()))
            }
            return lists
        }
        for (identity, list) in lists {
            var addresses: [IPAddress] = []
            for element in list {
                let text = try HostLocalConfiguration.translated { () throws(JSONTypeError) in try element.string() }
                guard let address = IPAddress(text) else {
                    throw HostLocalConfiguration.invalid("\"\(text)\" is no address", element)
                }
                addresses.append(address)
            }
            entries.append(AddressReservations.Entry(identity: identity, addresses: addresses))
        }
        do throws(PoolError) {
            return try AddressReservations(entries)
        } catch {
            throw HostLocalConfiguration.invalid("\(error)", reader)
        }
    }
}

/// What containers are known by, beyond the life of one: `ipam.identity`.
enum LeaseIdentity: String, CaseIterable {
    /// Namespace and name of the pod, from CNI_ARGS: `default/web-0`.
    case pod
    /// The container's id, which some runtimes keep when they start a container again.
    case container

    /// Reads the key; by default it is the pod.
    init(_ ipam: JSONReader) throws(CNIError) {
        let reader = try HostLocalConfiguration.translated { () throws(JSONTypeError) in try ipam.member("identity") }
        let text = try HostLocalConfiguration.translated { () throws(JSONTypeError) in try reader?.string() }
        guard let reader, let text else {
            self = .pod
            return
        }
        guard let identity = LeaseIdentity(rawValue: text) else {
            let known = LeaseIdentity.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            throw HostLocalConfiguration.invalid("unknown identity \"\(text)\": write \(known)", reader)
        }
        self = identity
    }

    /// What the container of a request is known by; nil when the runtime does not say.
    func name(_ request: Request, _ arguments: CNIArguments) -> String? {
        switch self {
        case .pod:
            let workload = Workload(arguments)
            return workload.name.isEmpty ? nil : "\(workload.namespace)/\(workload.name)"
        case .container: return request.invocation.containerID
        }
    }
}

extension Workload {
    /// The names that kubelet, CRI-O and podman pass.
    init(_ arguments: CNIArguments) {
        func value(_ key: String) -> String { arguments.extra.last { $0.key == key }?.value ?? "" }
        self.init(
            namespace: value("K8S_POD_NAMESPACE"),
            name: value("K8S_POD_NAME"),
            uid: value("K8S_POD_UID")
        )
    }
}
