// SPDX-License-Identifier: Apache-2.0
import Pools
import TestSupport
import Testing

@Suite("The catalog of networks")
struct PoolCatalogTests {
    private static let subnet = #""subnet": "10.1.0.0/24""#

    @Test("Networks come in the order of their files, then what has leases and no configuration, by name")
    func order() throws {
        try Site.with { site in
            try site.configure("20-b.conflist", "b", ipam: Self.subnet)
            try site.configure("10-c.conflist", "c", ipam: Self.subnet)
            try site.lease("z", ["10.9.0.1"])
            try site.lease("a", ["10.9.0.1"])
            try makeDirectory("\(site.root)/data/empty")
            let catalog = site.catalog
            #expect(catalog.networks.map { $0.name } == ["c", "b", "a", "z"])
            #expect(catalog.networks.map { $0.configurations.count } == [1, 1, 0, 0])
            #expect(catalog.warnings.isEmpty)
        }
    }

    @Test("What nobody can read is a warning that names the file, and hides nothing else")
    func broken() throws {
        try Site.with { site in
            try writeFile("\(site.root)/net.d/00.conflist", "{")
            try site.configure("10.conflist", "wrong", ipam: #""subnet": "10.1.0.5/24""#)
            try site.configure("20.conflist", "right", ipam: Self.subnet)
            let catalog = site.catalog
            #expect(catalog.networks.map { $0.name } == ["right"])
            #expect(catalog.warnings.count == 2)
            #expect(catalog.warnings[0].hasPrefix("\(site.root)/net.d/00.conflist was passed over: "))
            #expect(catalog.warnings[1].contains("10.conflist: plugins[0] was passed over: "))
            #expect(catalog.warnings[1].contains("host bits"))
        }
    }

    @Test("A plugin alone in its file is a network too, and other plugins' addresses are not our business")
    func kinds() throws {
        try Site.with { site in
            let ipam = #"{"type": "host-local", \#(Self.subnet)}"#
            try writeFile(
                "\(site.root)/net.d/a.conf",
                #"{"cniVersion": "1.0.0", "name": "alone", "type": "ptp", "ipam": \#(ipam)}"#
            )
            try writeFile(
                "\(site.root)/net.d/b.conflist",
                #"{"cniVersion": "1.0.0", "name": "dhcp", "plugins": [{"type": "macvlan", "ipam": {"type": "dhcp"}}]}"#
            )
            let networks = site.catalog.networks
            #expect(networks.map { $0.name } == ["alone"])
            #expect(networks.first?.configurations.first?.pluginType == "ptp")
            #expect(networks.first?.directory == "/var/lib/cni/networks/alone")
        }
    }

    @Test("Configurations that share a directory are one network")
    func shared() throws {
        try Site.with { site in
            try site.configure("1.conflist", "lan", ipam: Self.subnet)
            try site.configure("2.conflist", "lan", ipam: #""subnet": "10.2.0.0/24""#)
            let network = try #require(site.catalog.networks.first)
            #expect(site.catalog.networks.count == 1)
            #expect(network.configurations.map { $0.file.suffix(10) } == ["1.conflist", "2.conflist"])
        }
    }

    @Test("Whoever names a network that is not there is told which ones are")
    func names() throws {
        try Site.with { site in
            try site.configure("1.conflist", "lan", ipam: Self.subnet)
            try site.configure("2.conflist", "dmz", ipam: Self.subnet)
            let catalog = site.catalog
            #expect(try catalog.network(named: "dmz").name == "dmz")
            #expect(throws: PoolFailure("there is no network \"wan\"", advice: "there are: lan, dmz")) {
                try catalog.network(named: "wan")
            }
            #expect(throws: PoolFailure("there is no network \"wan\"", advice: PoolCatalog.nothingFound)) {
                try PoolCatalog().network(named: "wan")
            }
        }
    }

    @Test("Of two networks with one name in two places neither is guessed")
    func ambiguous() {
        let networks = ["/a/lan", "/b/lan"].map { PoolNetwork(name: "lan", directory: $0, configurations: []) }
        let error = #expect(throws: PoolFailure.self) { try PoolCatalog(networks: networks).network(named: "lan") }
        #expect(error?.message == "there are 2 networks \"lan\": /a/lan and /b/lan")
    }
}
