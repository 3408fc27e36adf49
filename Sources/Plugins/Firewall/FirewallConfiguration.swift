// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON

/// What a network says of who may talk to its containers, validated completely.
struct FirewallConfiguration {
    /// Who holds the rules.
    enum Backend: String, Hashable {
        case nftables
        case iptables
        case firewalld
    }

    /// Who may open connections to the network's containers, besides the containers of the same network.
    enum IngressPolicy: String, Hashable {
        /// Everybody.
        case open
        /// No container of another network that has a policy.
        case sameBridge = "same-bridge"
        /// No container at all, not even one of the same network.
        case isolated

        /// Those that keep somebody away.
        static let kept = [IngressPolicy.sameBridge, .isolated]
    }

    /// Nil leaves the choice to what the host runs.
    let backend: Backend?
    /// The operator's own chain, of the iptables backend.
    let adminChain: String
    let zone: String
    let policy: IngressPolicy
    /// All addresses of the result so far, as single hosts, each once.
    let addresses: [IPAddress]
    /// The bridge that the policy is about: the first interface of the result; empty for an open network.
    let bridge: String
    /// The host's interfaces of the result, among them the bridge's ports.
    let hostInterfaces: [String]

    init(_ configuration: NetworkConfiguration) throws(CNIError) {
        do throws(JSONTypeError) {
            let reader = configuration.reader
            backend = try FirewallConfiguration.choice(reader, "backend", "nftables, iptables or firewalld") {
                Backend(rawValue: $0)
            }
            policy =
                try FirewallConfiguration.choice(reader, "ingressPolicy", "open, same-bridge or isolated") {
                    IngressPolicy(rawValue: $0)
                } ?? .open
            adminChain = try FirewallConfiguration.name(reader, "iptablesAdminChainName") ?? "CNI-ADMIN"
            zone = try FirewallConfiguration.name(reader, "firewalldZone") ?? "trusted"
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        let result = configuration.previousResult
        var addresses: [IPAddress] = []
        for ip in result?.ips ?? [] where !addresses.contains(ip.address.address) {
            addresses.append(ip.address.address)
        }
        self.addresses = addresses
        hostInterfaces = (result?.interfaces ?? []).filter { $0.sandbox.isEmpty }.map { $0.name }
        bridge = policy == .open ? "" : result?.interfaces.first?.name ?? ""
    }

    /// - Throws: ``CNIError`` when a policy has no bridge to be about, or one that no rule can name.
    func requireBridge() throws(CNIError) {
        guard policy != .open else { return }
        guard !bridge.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "ingressPolicy: \(policy.rawValue) needs an interface in prevResult",
                details: "the first one is the bridge the policy is about; put firewall behind the bridge plugin"
            )
        }
        // In a rule, a star at the end stands for any ending.
        if bridge.utf8.count <= 15, !bridge.utf8.contains(0), bridge.utf8.last != UInt8(ascii: "*") { return }
        throw CNIError(
            .invalidConfiguration,
            "ingressPolicy: \(policy.rawValue) cannot be about interface \"\(bridge)\" of prevResult",
            details: "the first one is the bridge the policy is about: 1 to 15 octets, and no * at the end"
        )
    }

    private static func choice<Choice>(
        _ reader: JSONReader,
        _ key: String,
        _ expected: String,
        _ parse: (String) -> Choice?
    ) throws(JSONTypeError) -> Choice? {
        // podman writes "backend": "" and means that it has no opinion.
        guard let member = try reader.member(key), case let text = try member.string(), !text.isEmpty else {
            return nil
        }
        guard let choice = parse(text) else { throw member.mismatch(expected: expected) }
        return choice
    }

    /// A chain's or zone's name; iptables takes 28 octets, and nobody takes blanks.
    private static func name(_ reader: JSONReader, _ key: String) throws(JSONTypeError) -> String? {
        guard let member = try reader.member(key), case let text = try member.string(), !text.isEmpty else {
            return nil
        }
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
        guard isPlain, text.utf8.count <= 28, text.utf8.first != UInt8(ascii: "-") else {
            throw member.mismatch(expected: "a name of at most 28 octets without blanks")
        }
        return text
    }
}
