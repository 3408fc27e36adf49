// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import LeaseStore
internal import Linux
internal import Plugin

/// The addresses named for one interface of one container.
struct AddressAssignment {
    private let request: Request
    private let configuration: StaticConfiguration
    private let claims: AddressClaims

    init(_ request: Request) throws(CNIError) {
        self.request = request
        configuration = try StaticConfiguration(request)
        claims = AddressClaims(request)
    }

    private var addresses: [IPAddress] { configuration.addresses.map { $0.address.address } }

    /// Takes all of the addresses, or none when somebody has one.
    func assign() throws(CNIError) -> AddResult {
        guard !addresses.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "no IP addresses specified",
                details: "give ipam.addresses, or IP in CNI_ARGS, or args.cni.ips, or the capability ips"
            )
        }
        var strange: [IPAddress] = []
        for address in addresses {
            switch try claims.holder(of: address) {
            case .nobody: strange.append(address)
            case .us, .dead: break
            case .other(let other): throw claims.refusal(of: address, heldBy: other)
            }
            try refuseLeased(address)
        }
        try HostAddresses(request).refuseUsed(addresses, strange: strange)
        try claims.take(addresses)
        return AddResult(
            ips: configuration.addresses.map { named in
                AddResult.IPConfiguration(address: named.address, gateway: named.gateway)
            },
            routes: configuration.routes,
            dns: configuration.dns
        )
    }

    /// Refuses an address that host-local leased in this network to somebody else.
    private func refuseLeased(_ address: IPAddress) throws(CNIError) {
        let file = "\(configuration.leaseDirectory)/\(address)"
        let holder = try translating("cannot read lease \(file)", .storeUnusable) { () throws(KernelError) in
            try LeaseOwner(inFile: file)
        }
        let owner = LeaseOwner(
            containerID: request.invocation.containerID,
            interfaceName: request.invocation.interfaceName
        )
        guard let holder, !holder.covers(owner) else { return }
        throw CNIError(
            .addressUnavailable,
            "requested IP address \(address) is not available: host-local leased it to container \(holder)",
            details: "see \(file); DEL that container, or ask for another address"
        )
    }

    /// Everything that ADD promised is as it is configured, and still this attachment's own.
    ///
    /// Addresses that ADD did not return are passed over, as in the reference: the runtime may not repeat what it named
    /// then.
    func verify() throws(CNIError) {
        guard let promised = request.configuration.previousResult else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        for named in configuration.addresses {
            let address = named.address.address
            let matching = promised.ips.filter { $0.address.address == address }
            guard !matching.isEmpty else { continue }
            if let gateway = named.gateway, !matching.contains(where: { $0.gateway == gateway }) {
                throw CNIError(
                    .verificationFailed,
                    "static: Failed to match addr \(address) on interface \(request.invocation.interfaceName)",
                    details: "\(named.place) has gateway \(gateway), and prevResult another or none"
                )
            }
            try verifyClaim(address)
        }
    }

    private func verifyClaim(_ address: IPAddress) throws(CNIError) {
        let why: String
        switch try claims.holder(of: address) {
        case .us: return
        case .nobody, .dead: why = "nobody claims it for this container"
        case .other(let other): why = "container \(other) has it"
        }
        throw CNIError(
            .verificationFailed,
            "static: address \(address) of container \(request.invocation.containerID) is not its own",
            details: why
        )
    }

    /// The configuration makes sense, and claims could be made.
    ///
    /// That a configured address is taken says nothing: the runtime may name another one for the next container.
    func probe() throws(CNIError) {
        try claims.probe()
    }
}
