// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON
import Testing

/// A result that uses every member there is, sent through every pair of versions.
@Suite("Conversion of results")
struct ConversionTests {
    /// The versions that can express the same.
    private enum Era: Int, Comparable {
        case families, numbered, modern

        init(_ version: CNIVersion) {
            self = version < .v0_3_0 ? .families : version < .v1_0_0 ? .numbered : .modern
        }

        static func < (older: Era, newer: Era) -> Bool {
            older.rawValue < newer.rawValue
        }
    }

    static let pairs = CNIVersion.allCases.flatMap { first in CNIVersion.allCases.map { (first, $0) } }

    @Test("Through any two versions goes what both can express", arguments: pairs)
    func conversion(first: CNIVersion, second: CNIVersion) throws {
        let result = try AddResult(JSONReader(JSONValue(parsing: Self.everything)), assuming: .newest)
        // The wrong assumption must not matter: what was printed names its version.
        let between = try AddResult(
            JSONReader(try result.json(version: first)),
            assuming: Era(first) == .families ? .newest : .v0_1_0
        )
        let printed = String(decoding: try between.json(version: second).serialized(), as: UTF8.self)
        let kept = min(Era(first), Era(second))
        #expect(printed == Self.text(of: kept, in: Era(second)).replacing("VERSION", with: second.rawValue))
    }

    /// What is left of `everything` once it was expressed in the era `kept`, as printed in another era.
    private static func text(of kept: Era, in shape: Era) -> String {
        switch (shape, kept) {
        case (.families, _):
            #"{"cniVersion":"VERSION","ip4":{"ip":"10.9.0.7/24","gateway":"10.9.0.1","routes":[{"dst":"0.0.0.0/0"}]},"#
                + #""ip6":{"ip":"2001:db8::7/64","routes":[{"dst":"::/0","gw":"2001:db8::1"}]},"dns":\#(dns)}"#
        case (.numbered, .families):
            #"{"cniVersion":"VERSION","ips":[{"version":"4","address":"10.9.0.7/24","gateway":"10.9.0.1"},"#
                + #"{"version":"6","address":"2001:db8::7/64"}],"routes":\#(briefRoutes),"dns":\#(dns)}"#
        case (.numbered, _):
            #"{"cniVersion":"VERSION","interfaces":\#(briefInterfaces),"ips":["#
                + #"{"version":"6","interface":1,"address":"2001:db8::7/64"},"#
                + #"{"version":"4","interface":1,"address":"10.9.0.7/24","gateway":"10.9.0.1"},"#
                + #"{"version":"4","interface":1,"address":"10.9.1.7/24"}],"routes":\#(routes),"dns":\#(dns)}"#
        case (.modern, .families):
            #"{"cniVersion":"VERSION","dns":\#(dns),"ips":[{"address":"10.9.0.7/24","gateway":"10.9.0.1"},"#
                + #"{"address":"2001:db8::7/64"}],"routes":\#(briefRoutes)}"#
        case (.modern, .numbered):
            everything.replacing(interfaces, with: briefInterfaces)
        case (.modern, .modern):
            everything
        }
    }

    private static let everything =
        #"{"cniVersion":"VERSION","dns":\#(dns),"interfaces":\#(interfaces),"#
        + #""ips":[{"interface":1,"address":"2001:db8::7/64"},"#
        + #"{"interface":1,"address":"10.9.0.7/24","gateway":"10.9.0.1"},"#
        + #"{"interface":1,"address":"10.9.1.7/24"}],"routes":\#(routes)}"#

    private static let dns =
        #"{"nameservers":["10.9.0.1"],"domain":"example.net","search":["a","b"],"options":["ndots:5"]}"#

    private static let interfaces =
        #"[{"name":"cni0","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:02","mtu":1500,"#
        + #""sandbox":"/run/netns/n1","socketPath":"/run/s","pciID":"0000:00:01.0"}]"#

    private static let briefInterfaces =
        #"[{"name":"cni0","mac":"02:00:00:00:00:01"},"#
        + #"{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/run/netns/n1"}]"#

    private static let routes =
        #"[{"dst":"::/0","gw":"2001:db8::1","mtu":1400,"advmss":1340,"priority":5,"table":0,"scope":253},"#
        + #"{"dst":"0.0.0.0/0"}]"#

    private static let briefRoutes = #"[{"dst":"0.0.0.0/0"},{"dst":"::/0","gw":"2001:db8::1"}]"#
}
