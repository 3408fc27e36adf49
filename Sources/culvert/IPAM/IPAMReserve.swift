// SPDX-License-Identifier: Apache-2.0
import AddressPools
import ArgumentParser
import Pools

/// `ipam reserve`: keeps addresses while the network is in use.
struct IPAMReserve: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reserve",
        abstract: "Keep addresses from being given, or keep them for somebody.",
        discussion: """
            Without --for no container gets them. With it, those of this identity do (a pod \
            as namespace/name, a container's name or id, a hardware address; as in \
            ipam.reserve of the configuration), and afterwards the reservation stands again.

              ipam reserve 10.1.0.5 --note "the printer"
              ipam reserve 10.1.0.16/28 --network lan
              ipam reserve 10.1.0.7 --for default/web-0

            Takes effect at once, outlives reboots, and is respected by the Go host-local \
            too. Addresses that containers have cannot be reserved for others. At most 65536 \
            addresses at once, for somebody 256.
            """
    )

    @Argument(
        help: "An address, a network (10.1.0.16/28) or a range (10.1.0.5-10.1.0.9).",
        transform: AddressesArgument.run
    )
    var addresses: AddressRun

    @Option(name: .customLong("for"), help: ArgumentHelp("Whom for.", valueName: "identity"))
    var key = ""

    @Option(help: ArgumentHelp("What to remember about it.", valueName: "text"))
    var note = ""

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func run() throws {
        try explaining { () throws(PoolFailure) in
            let network = try which.network(holding: addresses, of: places.catalog())
            try network.reserve(addresses, for: key, note: note, places.settings)
            print("reserved \(addresses)\(key.isEmpty ? "" : " for \(key)") (\(network.name))")
        }
    }
}

/// `ipam unreserve`: the opposite.
struct IPAMUnreserve: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unreserve",
        abstract: "End reservations made with ipam reserve.",
        discussion: """
            Also parts of one. Containers that have such addresses keep them. Reservations \
            of the configuration are ended there. That nothing is reserved is no error.
            """
    )

    @Argument(
        help: "An address, a network (10.1.0.16/28) or a range (10.1.0.5-10.1.0.9).",
        transform: AddressesArgument.run
    )
    var addresses: AddressRun

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func run() throws {
        try explaining { () throws(PoolFailure) in
            let network = try which.network(holding: addresses, of: places.catalog())
            let count = try network.unreserve(addresses, places.settings)
            print("\(CheckReport.count(count, "reservation")) ended (\(network.name))")
        }
    }
}

extension IPAMNetworkOption {
    /// The network that is meant by addresses: the one that was named, the only one whose pools hold them, or the only
    /// one there is.
    ///
    /// - Throws: ``PoolFailure`` when it cannot be told.
    func network(holding run: AddressRun, of catalog: PoolCatalog) throws(PoolFailure) -> PoolNetwork {
        let holding = try networks(of: catalog).filter { $0.holds(run) }
        if network == nil, let only = holding.first, holding.count == 1 { return only }
        return try only(of: catalog)
    }
}
