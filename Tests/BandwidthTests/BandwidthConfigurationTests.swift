// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import Bandwidth

@Suite("Configurations of bandwidth")
struct BandwidthConfigurationTests {
    /// Members in addition to those every configuration has.
    private func configuration(_ members: String) throws -> BandwidthConfiguration {
        let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"bandwidth\"\(members)}"
        return try BandwidthConfiguration(try Request(text))
    }

    private func refusal(_ members: String) throws -> CNIError? {
        do {
            _ = try configuration(members)
            return nil
        } catch let error as CNIError {
            return error
        }
    }

    @Test(
        "Limits come from the network or, if it names none, from the runtime",
        arguments: [
            ("", nil, nil),
            (#", "ingressRate": 0, "ingressBurst": 0"#, nil, nil),
            (#", "ingressRate": 8000, "ingressBurst": 16000"#, BandwidthLimit(rate: 8000, burst: 16000), nil),
            (#", "EGRESSRATE": 8000, "egressburst": 16000"#, nil, BandwidthLimit(rate: 8000, burst: 16000)),
            (
                #", "runtimeConfig": {"bandwidth": {"IngressRate": 8, "IngressBurst": 34359738359, "EgressRate": 9, "EgressBurst": 4294967295}}"#,
                BandwidthLimit(rate: 8, burst: 34_359_738_359), BandwidthLimit(rate: 9, burst: 4_294_967_295)
            ),
            (
                #", "egressRate": 80, "egressBurst": 90, "runtimeConfig": {"bandwidth": {"ingressRate": 8, "ingressBurst": 9}}"#,
                nil, BandwidthLimit(rate: 80, burst: 90)
            ),
            // One key is enough, even one that says nothing.
            (#", "egressRate": 0, "runtimeConfig": {"bandwidth": {"ingressRate": 8, "ingressBurst": 9}}"#, nil, nil),
            (
                #", "egressRate": null, "runtimeConfig": {"bandwidth": {"ingressRate": 8, "ingressBurst": 9}}"#,
                BandwidthLimit(rate: 8, burst: 9), nil
            ),
            (#", "runtimeConfig": {"bandwidth": null}"#, nil, nil),
            (
                #", "ingressRate": 9223372036854775807, "ingressBurst": 34359738368"#,
                BandwidthLimit(rate: 9_223_372_036_854_775_807, burst: 1 << 35), nil
            ),
        ] as [(String, BandwidthLimit?, BandwidthLimit?)]
    )
    func limits(members: String, ingress: BandwidthLimit?, egress: BandwidthLimit?) throws {
        let configuration = try configuration(members)
        #expect(configuration.ingress == ingress)
        #expect(configuration.egress == egress)
        #expect(configuration.limitsAnything == (ingress != nil || egress != nil))
    }

    @Test("Subnets come with either, without repetitions and host bits")
    func subnets() throws {
        let ten = try #require(CIDR("10.0.0.0/8"))
        let local = try #require(CIDR("fd00::/8"))
        #expect(try configuration("").subnets == .all)
        #expect(try configuration(#", "shapedSubnets": [], "unshapedSubnets": null"#).subnets == .all)
        #expect(
            try configuration(#", "shapedSubnets": ["10.1.2.3/8", "fd00::/8", "10.0.0.0/8"]"#).subnets
                == .only([ten, local])
        )
        #expect(
            try configuration(
                #", "unshapedSubnets": ["10.0.0.0/8"], "runtimeConfig": {"bandwidth": {"egressRate": 8, "egressBurst": 8}}"#
            )
                == BandwidthConfiguration(
                    ingress: nil,
                    egress: BandwidthLimit(rate: 8, burst: 8),
                    subnets: .allBut([ten])
                )
        )
        #expect(
            try configuration(#", "runtimeConfig": {"bandwidth": {"UnshapedSubnets": ["fd00::/8"]}}"#).subnets
                == .allBut([local])
        )
    }

    @Test(
        "What cannot be a limit is refused, and the error says where it stands",
        arguments: [
            (#", "ingressRate": 8000"#, 7, "ingressBurst"),
            (#", "ingressBurst": 8000"#, 7, "ingressRate"),
            (#", "egressRate": 8000, "egressBurst": 0"#, 7, "egressBurst"),
            (#", "egressRate": 7, "egressBurst": 8000"#, 7, "egressRate"),
            (#", "egressRate": 8000, "egressBurst": 7"#, 7, "egressBurst"),
            (#", "egressRate": -1"#, 6, "egressRate: expected an integer from 0"),
            (#", "egressBurst": 34359738369"#, 6, "egressBurst: expected an integer from 0 to 34359738368"),
            (#", "IngressRate": "8000""#, 6, "IngressRate: expected an integer, found the string"),
            (#", "ingressRate": 8000.0"#, 6, "ingressRate: expected an integer"),
            (#", "runtimeConfig": {"bandwidth": 5}"#, 6, "runtimeConfig.bandwidth: expected an object"),
            (#", "runtimeConfig": {"bandwidth": {"EgressRate": true}}"#, 6, "runtimeConfig.bandwidth.EgressRate"),
            (#", "runtimeConfig": {"bandwidth": {"EgressRate": 5}}"#, 7, "egressBurst"),
            (#", "shapedSubnets": "10.0.0.0/8""#, 6, "shapedSubnets: expected an array"),
            (#", "shapedSubnets": ["10.0.0.0/8", "10.0.0.0"]"#, 6, "shapedSubnets[1]: expected an IP address"),
            (#", "unshapedSubnets": ["10.0.0.0/33"]"#, 6, "unshapedSubnets[0]"),
            (#", "unshapedSubnets": [7]"#, 6, "unshapedSubnets[0]: expected a string"),
            (#", "shapedSubnets": ["10.0.0.0/8"], "unshapedSubnets": ["10.0.0.0/9"]"#, 7, "both set"),
            (
                #", "shapedSubnets": ["10.0.0.0/8"], "runtimeConfig": {"bandwidth": {"unshapedSubnets": ["::/0"]}}"#,
                7, "both set"
            ),
        ]
    )
    func refusals(members: String, code: Int, says: String) throws {
        let error = try #require(try refusal(members))
        #expect(error.code == code)
        #expect(error.description.contains(says))
    }
}
