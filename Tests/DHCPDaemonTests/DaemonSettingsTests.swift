// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import DHCP
import DHCPLeases
import Testing
import Wiring

@testable import DHCPDaemon

@Suite("The DHCP daemon's command line")
struct DaemonSettingsTests {
    private static let second: Int64 = 1_000_000_000

    @Test("Without flags it is as the reference is")
    func usual() throws {
        let settings = try DaemonSettings([], runDirectory: "/run/culvert")
        #expect(settings.socketPath == "/run/cni/dhcp.sock" && settings.pidFile == "" && settings.hostPrefix == "")
        #expect(settings.searchBound == 208 * Self.second)
        #expect(
            settings.patience
                == .init(answer: 10 * Self.second, longestPause: 62 * Self.second, wantsBroadcast: false)
        )
    }

    @Test("Flags come in all forms of Go")
    func flags() throws {
        let settings = try DaemonSettings(
            [
                "-pidfile", "/p", "--socketpath=/s", "-hostprefix=/h", "-broadcast", "-timeout=1m30s", "-resendmax",
                "500ms",
            ],
            runDirectory: ""
        )
        #expect(settings.pidFile == "/p" && settings.socketPath == "/s" && settings.hostPrefix == "/h")
        #expect(
            settings.patience
                == .init(answer: 90 * Self.second, longestPause: Self.second / 2, wantsBroadcast: true)
        )
        #expect(try !DaemonSettings(["-broadcast=false"], runDirectory: "").patience.wantsBroadcast)
    }

    @Test(
        "What makes no sense is refused",
        arguments: [
            ["serve"], ["-nonsense"], ["-nonsense=1"], ["-pidfile"], ["-timeout", "10"], ["-timeout", "s"],
            ["-timeout", "1x"], ["-timeout", "0s"], ["-timeout", "48h"], ["-timeout", "-5s"], ["-broadcast=maybe"],
        ]
    )
    func nonsense(arguments: [String]) {
        let complaint = #expect(throws: DaemonSettings.Complaint.self) {
            try DaemonSettings(arguments, runDirectory: "")
        }
        #expect(complaint?.isAnswer == false && complaint?.text.contains("usage:") == true)
    }

    @Test("Help is an answer")
    func help() {
        let answer = #expect(throws: DaemonSettings.Complaint.self) { try DaemonSettings(["-h"], runDirectory: "") }
        #expect(answer?.isAnswer == true)
    }
}

@Suite("The result of a DHCP lease")
struct LeaseResultTests {
    private static func result(_ requested: [DHCPOptionCode], priority: Int = 0) throws -> AddResult {
        var message = DHCPMessage(.acknowledgement, transaction: 1, clientHardware: .zero)
        message.yourAddress = IPAddress(v4: 0x0a01_0014)
        message.options[.subnetMask] = [255, 255, 255, 0]
        message.options[.serverIdentifier] = [10, 1, 0, 1]
        message.options[.leaseTime] = [0, 0, 0, 100]
        message.options[.routers] = [10, 1, 0, 1]
        message.options[.classlessRoutes] = [0, 10, 1, 0, 1, 24, 10, 2, 3, 0, 0, 0, 0]
        message.options[.nameServers] = [10, 1, 0, 2]
        message.options[.domainName] = Array("lan".utf8)
        message.options[.domainSearch] = [1, 97, 0]
        message.options[.interfaceMTU] = [5, 0]
        let order = DHCPOrder(
            key: AttachmentKey(network: "n", containerID: "c", interfaceName: "e"),
            namespacePath: "/",
            options: [],
            requested: requested,
            priority: priority
        )
        return AddResult(try DHCPTerms(message), for: order)
    }

    @Test("Routes have the configured metric, and those without a router the scope of the link")
    func routes() throws {
        let result = try Self.result([.routers], priority: 9)
        #expect(result.ips.map { "\($0.address) \($0.gateway.map { "\($0)" } ?? "")" } == ["10.1.0.20/24 10.1.0.1"])
        #expect(result.routes.map { "\($0.destination)" } == ["0.0.0.0/0", "10.2.3.0/24"])
        #expect(result.routes.map(\.scope) == [nil, 253] && result.routes.map(\.priority) == [9, 9])
        #expect(result.routes.map(\.mtu) == [0, 0] && result.dns.isEmpty)
    }

    @Test("What was asked for besides is there")
    func extras() throws {
        let result = try Self.result([.nameServers, .domainName, .domainSearch, .interfaceMTU])
        #expect(result.dns == DNS(nameservers: ["10.1.0.2"], domain: "lan", search: ["a"]))
        #expect(result.routes.map(\.mtu) == [1280, 1280])
    }
}
