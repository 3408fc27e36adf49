// SPDX-License-Identifier: Apache-2.0
import Pools
import TestSupport
import Testing

@Suite("The effective configuration of pools")
struct EffectiveConfigurationTests {
    @Test("Each value has the place that it was written in, and what was not written is a default")
    func origins() throws {
        try Site.with { site in
            try site.configure(
                "1.conflist",
                "lan",
                ipam: """
                    "Subnet": "10.1.0.0/24", "gateway": "", "ranges": [[{"subnet": "fd01::/64", "rangeEnd": "fd01::99"}]],
                    "quarantineSeconds": 1.5, "sticky": "pod", "exclude": ["10.1.0.7"], "reserve": {"a": ["10.1.0.8"]}
                    """
            )
            let network = try #require(site.catalog.networks.first)
            let configuration = try #require(network.configurations.first)
            let said = EffectiveConfiguration(network).properties(of: configuration)
            func find(_ name: String) throws -> String {
                let property = try #require(said.first { $0.name == name })
                return "\(property.value) \(property.origin ?? "default")"
            }
            #expect(try find("dataDir") == "\(site.root)/data plugins[0].ipam.dataDir")
            #expect(try find("policy") == "next-after-last default")
            #expect(try find("quarantineSeconds") == "1.5 plugins[0].ipam.quarantineSeconds")
            #expect(try find("sticky") == "pod plugins[0].ipam.sticky")
            #expect(try find("exclude") == "10.1.0.7 plugins[0].ipam.exclude")
            #expect(try find("reserve") == "a=10.1.0.8 plugins[0].ipam.reserve")
            #expect(try find("ranges[0][0].subnet") == "10.1.0.0/24 plugins[0].ipam.Subnet")
            #expect(try find("ranges[0][0].gateway") == "10.1.0.1 default")
            #expect(try find("ranges[1][0].rangeStart") == "fd01::1 default")
            #expect(try find("ranges[1][0].rangeEnd") == "fd01::99 plugins[0].ipam.ranges[0][0].rangeEnd")
        }
    }
}
