// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import ArgumentParser
import JSON
import LeaseStore
import Pools

/// `ipam allocate`: gives addresses to what no runtime starts.
struct IPAMAllocate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate",
        abstract: "Give an owner addresses by hand: a virtual machine, a device, a test.",
        discussion: """
            One address of each range set of the network, as a container would get them, or \
            the one that --ip names. An owner that has some already keeps them, so the same \
            command can be given again.

              ipam allocate --owner vm7 --note "build server"
              ipam allocate --owner vm7 --ip 10.1.0.77

            Only ipam release ends it, or a DEL of this owner and interface: neither a \
            reboot nor the end of any namespace does.
            """
    )

    @Option(help: ArgumentHelp("Whom for, in place of a container's id.", valueName: "name"))
    var owner: String

    @Option(help: ArgumentHelp("This address, and no other.", valueName: "address"))
    var ip: String?

    @Option(help: ArgumentHelp("Which of the owner's interfaces.", valueName: "name"))
    var ifname = "eth0"

    @Option(help: ArgumentHelp("What to remember about it.", valueName: "text"))
    var note = ""

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        if let ip, IPAddress(ip) == nil { throw ValidationError("\"\(ip)\" is no IP address") }
    }

    func run() throws {
        let (network, given) = try explaining { () throws(PoolFailure) in
            let requested = ip.flatMap { IPAddress($0) }
            let catalog = places.catalog()
            let network: PoolNetwork
            if let requested {
                network = try which.network(holding: AddressRun(requested), of: catalog)
            } else {
                network = try which.only(of: catalog)
            }
            let owner = LeaseOwner(containerID: owner, interfaceName: ifname)
            let settings = places.settings
            return (network, try network.allocate(for: owner, requested: requested, note: note, settings))
        }
        switch output.output {
        case .table, .wide:
            let columns = ["ADDRESS", "GATEWAY", "NETWORK", "OWNER"].map { TextTable.Column($0) }
            let rows = given.map { allocated in
                [
                    "\(allocated.address)/\(allocated.range.subnet.prefixLength)", "\(allocated.range.gateway)",
                    network.name, "\(owner) \(ifname)",
                ].map { TextTable.Cell($0) }
            }
            try output.print(TextTable.lines(columns, rows, output.look, hasHeader: !output.noHeaders))
        case .json, .yaml: try output.print(.object(["addresses": .array(given.map { json($0, network) })]))
        case .name: try output.print(given.map { "\($0.address)" })
        }
    }

    private func json(_ allocated: AllocatedAddress, _ network: PoolNetwork) -> JSONValue {
        .object([
            "network": .string(network.name),
            "address": .string("\(allocated.address)"),
            "prefixLength": .integer(Int64(allocated.range.subnet.prefixLength)),
            "gateway": .string("\(allocated.range.gateway)"),
            "containerID": .string(owner),
            "interface": .string(ifname),
            "held": .bool(allocated.isHeld),
        ])
    }
}
