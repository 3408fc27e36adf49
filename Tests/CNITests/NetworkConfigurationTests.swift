// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON
import Testing

@Suite("Network configurations")
struct NetworkConfigurationTests {
    private static func parse(_ text: String) throws(CNIError) -> NetworkConfiguration {
        try NetworkConfiguration(parsing: Array(text.utf8))
    }

    @Test("A port map's configuration from containerd is read, capitals and all")
    func containerd() throws {
        let configuration = try Self.parse(
            """
            {"cniVersion":"0.4.0","name":"demo","type":"portmap","capabilities":{"portMappings":true},
             "runtimeConfig":{"portMappings":[{"HostPort":18080,"ContainerPort":80,"Protocol":"tcp","HostIP":""}]},
             "prevResult":{"cniVersion":"0.4.0",
              "interfaces":[{"name":"cni0","mac":"02:00:00:00:00:01"},
               {"name":"eth0","mac":"02:00:00:00:00:03","sandbox":"/run/netns/n1"}],
              "ips":[{"version":"4","interface":1,"address":"10.9.0.7/24","gateway":"10.9.0.1"}],
              "routes":[{"dst":"0.0.0.0/0"}],"dns":{}}}
            """
        )
        #expect(configuration.version == .v0_4_0)
        #expect(configuration.name == "demo")
        #expect(configuration.type == "portmap")
        let mapping = try #require(try configuration.runtimeConfig?.array("portMappings")?.first)
        #expect(mapping.path == "runtimeConfig.portMappings[0]")
        #expect(try mapping.integer("hostPort", in: 1...65535) == 18080)
        #expect(try mapping.string("protocol") == "tcp")
        #expect(try mapping.ipAddress("hostIP") == nil)
        let result = try #require(configuration.previousResult)
        #expect(result.interface(of: result.ips[0])?.name == "eth0")
        #expect(result.ips[0].gateway == IPAddress("10.9.0.1"))
    }

    @Test("Keys match in any case")
    func capitals() throws {
        let configuration = try Self.parse(
            #"{"CNIVERSION":"0.3.1","Name":"demo","IPAM":{"TYPE":"static"},"ARGS":{"Cni":{"MAC":"m"}},"Dns":{"Domain":"d"}}"#
        )
        #expect(configuration.version == .v0_3_1)
        #expect(configuration.ipamType == "static")
        #expect(try configuration.arguments?.string("mac") == "m")
        #expect(configuration.dns == DNS(domain: "d"))
    }

    @Test("Null and absent members leave the defaults")
    func null() throws {
        let nulls = """
            {"name":"demo","cniVersion":null,"type":null,"ipam":null,"args":{"cni":null},"runtimeConfig":null,
             "dns":{"nameservers":null},"prevResult":null}
            """
        for text in [nulls, #"{"name":"demo"}"#, #"{"name":"demo","cniVersion":"","dns":{}}"#] {
            let configuration = try Self.parse(text)
            #expect(configuration.version == .v0_1_0)
            #expect(configuration.type == "")
            #expect(configuration.ipam == nil)
            #expect(configuration.ipamType == "")
            #expect(configuration.runtimeConfig == nil)
            #expect(configuration.arguments == nil)
            #expect(configuration.dns.isEmpty)
            #expect(configuration.previousResult == nil)
            #expect(configuration.validAttachments == nil)
        }
    }

    @Test("An empty ipam object is there but names no plugin")
    func emptyIPAM() throws {
        let configuration = try Self.parse(#"{"name":"demo","ipam":{}}"#)
        #expect(configuration.ipam?.value == [:])
        #expect(configuration.ipamType == "")
    }

    @Test("Members that nobody reads travel on unchanged and in order")
    func unknown() throws {
        let text = #"{"zeta":[1.5,null,{"b":1,"a":2}],"name":"demo","Backend":"","alpha":{"nested":"\u0000/"}}"#
        #expect(String(decoding: JSONValue.object(try Self.parse(text).object).serialized(), as: UTF8.self) == text)
    }

    @Test(
        "GC keeps what either key lists, and knows nothing only when both are absent",
        arguments: [
            (#""a":1"#, nil),
            (#""cni.dev/valid-attachments":null,"cni.dev/attachments":null"#, []),
            (#""cni.dev/attachments":null"#, []), (#""cni.dev/valid-attachments":[]"#, []),
            (#""cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]"#, ["c1 eth0"]),
            (#""CNI.dev/Attachments":[{"ContainerID":"c1","IFNAME":"eth0"}]"#, ["c1 eth0"]),
            (#""cni.dev/attachments":[{"containerID":"c1"},{"containerID":"c1","ifname":""}]"#, ["c1 "]),
            (
                #""cni.dev/valid-attachments":[{"containerID":"b","ifname":"x"},{"containerID":"a","ifname":"x"}],"#
                    + #""cni.dev/attachments":[{"containerID":"c","ifname":"x"},{"containerID":"a","ifname":"x"}]"#,
                ["b x", "a x", "c x"]
            ),
        ] as [(String, [String]?)]
    )
    func attachments(members: String, kept: [String]?) throws {
        let attachments = try Self.parse("{\"name\":\"demo\",\(members)}").validAttachments
        #expect(attachments.map { $0.map { "\($0.containerID) \($0.interfaceName)" } } == kept)
    }

    @Test(
        "Values of a wrong type are decode errors that name the place",
        arguments: [
            (#"[]"#, "expected an object, found an array of 0"),
            (#"{"name":5}"#, "name: expected a string, found the integer 5"),
            (#"{"name":"d","CNIVersion":1.0}"#, "CNIVersion: expected a string, found the real number 1.0"),
            (#"{"name":"d","type":true}"#, "type: expected a string, found the boolean true"),
            (#"{"name":"d","ipam":"x"}"#, #"ipam: expected an object, found the string "x""#),
            (#"{"name":"d","ipam":{"type":1}}"#, "ipam.type: expected a string, found the integer 1"),
            (#"{"name":"d","runtimeConfig":[]}"#, "runtimeConfig: expected an object, found an array of 0"),
            (#"{"name":"d","args":{"cni":1}}"#, "args.cni: expected an object, found the integer 1"),
            (#"{"name":"d","dns":{"search":["a",1]}}"#, "dns.search[1]: expected a string, found the integer 1"),
            (#"{"name":"d","prevResult":[]}"#, "prevResult: expected an object, found an array of 0"),
            (
                #"{"name":"d","cniVersion":"1.0.0","prevResult":{"ips":[{"address":"10.0.0.1"}]}}"#,
                #"prevResult.ips[0].address: expected an IP address with prefix length, found the string "10.0.0.1""#
            ),
            (
                #"{"name":"d","cni.dev/valid-attachments":[{"ifname":"e"}]}"#,
                "cni.dev/valid-attachments[0]: expected an object with containerID, found an object of 1"
            ),
        ]
    )
    func wrongTypes(text: String, details: String) {
        let expected = CNIError(.decoding, "cannot decode the network configuration", details: details)
        #expect(throws: expected) { try Self.parse(text) }
    }

    @Test("What is not JSON is a decode error that names the place", arguments: ["", "{", "{} {}", #"{"name":}"#])
    func notJSON(text: String) {
        let error = #expect(throws: CNIError.self) { try Self.parse(text) }
        #expect(error?.code == 6)
        #expect(error?.details.contains("(line 1, column") == true)
    }

    @Test("A name is demanded, before the version is looked at", arguments: ["", #""name":"","#, #""name":null,"#])
    func missingName(member: String) {
        let text = "{\(member)\"cniVersion\":\"9.9.9\"}"
        #expect(throws: CNIError(.invalidConfiguration, "missing network name")) { try Self.parse(text) }
    }

    @Test("A name must be safe as a file name")
    func badName() {
        let expected = CNIError(.invalidConfiguration, "invalid characters in the network name", details: "../x")
        #expect(throws: expected) { try Self.parse(#"{"name":"../x"}"#) }
    }

    @Test("An unknown version is answered with the known ones", arguments: ["9.9.9", "1.0", "v1.0.0"])
    func unknownVersion(version: String) {
        let known = #"["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]"#
        let details = "config is \"\(version)\", plugin supports \(known)"
        #expect(throws: CNIError(.incompatibleVersion, "incompatible CNI versions", details: details)) {
            try Self.parse("{\"name\":\"demo\",\"cniVersion\":\"\(version)\"}")
        }
    }

    @Test("A previous result without version is of the configuration's version", arguments: CNIVersion.allCases)
    func previousVersion(version: CNIVersion) throws {
        let result = AddResult(ips: [.init(address: try #require(CIDR("10.9.0.7/24")))])
        var printed = try JSONReader(result.json(version: version)).object()
        printed.remove(anyCase: "cniVersion")
        let document: JSONValue = [
            "name": "demo", "cniVersion": .string(version.rawValue), "prevResult": .object(printed),
        ]
        #expect(try NetworkConfiguration(document).previousResult == result)
    }
}
