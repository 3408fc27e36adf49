// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import JSON
internal import Plugin

/// What a container is known by beyond its own life, so that the next one of the same name gets the same addresses.
///
/// Several things may say so; `ipam.sticky` may name the one that counts.
struct ContainerIdentity {
    /// The key `sticky`.
    enum Source: String {
        /// Namespace and name of the pod, with a slash between, from CNI_ARGS.
        case pod
        /// The container's name, from the label `name` in `args.cni.labels` (CNI conventions, "labels") or as podman
        /// passes it, in K8S_POD_NAME; without a name its id, which some runtimes keep when they start it again.
        case container
        /// The hardware address that was asked for.
        case mac
    }

    /// Whether a freed address is to be remembered for whom it belonged to.
    let isSticky: Bool
    /// What the container is known by; nil when it is by nothing, or when nobody wants to know.
    ///
    /// Of several names it is one that something is reserved for, else the most telling one.
    let name: String?

    /// Reads the key, and where a name is of use what the runtime says of the container.
    init(_ request: Request, _ ipam: JSONReader, _ reservations: AddressReservations) throws(CNIError) {
        let (isSticky, source) = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            try ContainerIdentity.sticky(ipam)
        }
        self.isSticky = isSticky
        guard isSticky || !reservations.entries.isEmpty else {
            name = nil
            return
        }
        let names = try ContainerIdentity.names(request, source)
        name = names.first { name in reservations.entries.contains { $0.identity == name } } ?? names.first
    }

    /// The name of a container that something is reserved for, whatever the key `sticky` says; nil when there is none.
    static func name(for request: Request, _ reservations: AddressReservations) throws(CNIError) -> String? {
        let names = try names(request, nil)
        return names.first { name in reservations.entries.contains { $0.identity == name } }
    }

    /// The most telling one first.
    private static func names(_ request: Request, _ source: Source?) throws(CNIError) -> [String] {
        let arguments = try request.arguments()
        let id = request.invocation.containerID
        switch source {
        case .pod?: return [pod(arguments)].compactMap { $0 }
        case .container?: return [try container(request, arguments) ?? id]
        case .mac?: return [try mac(request, arguments)].compactMap { $0 }
        case nil:
            let known = [pod(arguments), try container(request, arguments), try mac(request, arguments), id]
            return known.compactMap { $0 }
        }
    }

    static func sticky(_ ipam: JSONReader) throws(JSONTypeError) -> (Bool, Source?) {
        guard let reader = try ipam.member("sticky") else { return (false, nil) }
        switch reader.value {
        case .bool(let isSticky): return (isSticky, nil)
        case .string(let text):
            if let source = Source(rawValue: text) { return (true, source) }
        default: break
        }
        throw reader.mismatch(expected: "true, false, \"pod\", \"container\" or \"mac\"")
    }

    private static func value(_ key: String, in arguments: CNIArguments) -> String? {
        arguments.extra.last { $0.key == key }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }

    private static func pod(_ arguments: CNIArguments) -> String? {
        guard let namespace = value("K8S_POD_NAMESPACE", in: arguments), let name = value("K8S_POD_NAME", in: arguments)
        else { return nil }
        return "\(namespace)/\(name)"
    }

    private static func container(_ request: Request, _ arguments: CNIArguments) throws(CNIError) -> String? {
        let label = try HostLocalConfiguration.translated { () throws(JSONTypeError) -> String? in
            for label in try request.configuration.arguments?.array("labels") ?? []
            where try label.string("key") == "name" {
                return try label.string("value")
            }
            return nil
        }
        if let label, !label.isEmpty { return label }
        return value("K8S_POD_NAMESPACE", in: arguments) == nil ? value("K8S_POD_NAME", in: arguments) : nil
    }

    /// CNI_ARGS, then `args.cni.mac`, then the capability: the later wins, as where the address is given to a link.
    private static func mac(_ request: Request, _ arguments: CNIArguments) throws(CNIError) -> String? {
        let text = try HostLocalConfiguration.translated { () throws(JSONTypeError) -> String? in
            let given = try request.configuration.arguments?.string("mac") ?? arguments.mac
            return try request.configuration.runtimeConfig?.string("mac") ?? given
        }
        // Whether it is one, is for the plugin to say that uses it.
        return text.flatMap { MACAddress($0) }.map { "\($0)" }
    }
}
