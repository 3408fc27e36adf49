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
    private enum Source: String {
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
    /// What the container is known by, the most telling first; empty when what counts is unknown.
    private let names: [String]

    init(_ request: Request, _ ipam: JSONReader) throws(CNIError) {
        let (isSticky, source) = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            try ContainerIdentity.sticky(ipam)
        }
        self.isSticky = isSticky
        let arguments = try request.arguments()
        switch source {
        case .pod?:
            names = [ContainerIdentity.pod(arguments)].compactMap { $0 }
        case .container?:
            names = [try ContainerIdentity.container(request, arguments) ?? request.invocation.containerID]
        case .mac?:
            names = [try ContainerIdentity.mac(request, arguments)].compactMap { $0 }
        case nil:
            let known = [
                ContainerIdentity.pod(arguments), try ContainerIdentity.container(request, arguments),
                try ContainerIdentity.mac(request, arguments), request.invocation.containerID,
            ]
            names = known.compactMap { $0 }
        }
    }

    /// The name that counts: one that something is reserved for, else the most telling one; nil when there is none.
    func name(preferring reservations: AddressReservations) -> String? {
        names.first { name in reservations.entries.contains { $0.identity == name } } ?? names.first
    }

    private static func sticky(_ ipam: JSONReader) throws(JSONTypeError) -> (Bool, Source?) {
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
