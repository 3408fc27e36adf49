// SPDX-License-Identifier: Apache-2.0
import AddressPools
import ArgumentParser
import LeaseStore
import Linux
import Pools

/// `ipam list`: who has which address, as a stream.
struct IPAMList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the leases, in the order of their addresses.",
        discussion: """
            STATE is active when a CHECK confirmed the lease or somebody else wrote it, \
            provisional after an ADD, suspect when its container seems to be dead. With \
            --all also what is no lease: reserved (by ipam reserve), resting (given back a \
            moment ago), remembered (kept in mind for who had it).

            Long lists begin at once, and keep nobody waiting who works on the leases: \
            `ipam list | head` is cheap however many there are.
            """
    )

    @Argument(
        help: "Only addresses in here: an address, a network (10.1.0.0/24) or a range (10.1.0.5-10.1.0.9).",
        transform: AddressesArgument.run
    )
    var within: AddressRun?

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    @Option(help: ArgumentHelp("Only containers whose id begins so.", valueName: "id"))
    var container: String?

    @Option(help: ArgumentHelp("Only leases in this state.", valueName: "state"))
    var state: LeaseState?

    @Flag(name: .shortAndLong, help: "Also addresses that are reserved, rest or are remembered.")
    var all = false

    @OptionGroup var output: IPAMOutput

    func run() throws {
        let networks = try explaining { () throws(PoolFailure) in try which.networks(of: places.catalog()) }
        var listing = LeaseListing(output)
        do {
            for network in networks { try list(network, &listing) }
            try listing.finish()
        } catch let failure as PoolFailure {
            try listing.abandon()
            try explaining { () throws(PoolFailure) in throw failure }
        }
    }

    private func list(_ network: PoolNetwork, _ listing: inout LeaseListing) throws {
        var stopped: (any Error)?
        SlowReading.begin()
        defer { SlowReading.end() }
        try network.forEachLease(places.settings, in: within) { record throws(PoolFailure) in
            SlowReading.end()
            guard isMeant(record) else { return true }
            do {
                try listing.write(LeaseRow(record, of: network.name))
                return true
            } catch {
                stopped = error
                return false
            }
        }
        if let stopped { throw stopped }
    }

    private func isMeant(_ record: LeaseRecord) -> Bool {
        if let state { guard record.state == state.value else { return false } }
        if let container { guard record.owner.containerID.hasPrefix(container) else { return false } }
        return all || state != nil || (record.hasFile && record.state != .reserved)
    }
}

/// Addresses as a command line names them.
enum AddressesArgument {
    static func run(_ text: String) throws -> AddressRun {
        do throws(PoolError) {
            return try AddressRun(parsing: text)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}

/// A state by its name.
struct LeaseState: ExpressibleByArgument {
    let value: LeaseRecord.State

    init?(argument: String) {
        guard let state = LeaseRecord.State.named[argument] else { return nil }
        value = state
    }

    static var allValueStrings: [String] { LeaseRecord.State.named.keys.sorted() }
}
