// SPDX-License-Identifier: Apache-2.0
import SwitchControl
import Testing

@testable import SwitchDaemon

@Suite("The daemon's command line")
struct SwitchSettingsTests {
    @Test("Flags are read in both forms, and nothing is needed")
    func flags() throws {
        let plain = try SwitchSettings([], runDirectory: "/run/culvert", processors: 2)
        #expect(plain.socketPath == SwitchLink.usualPath && plain.busyPoll == 50_000)
        #expect(try SwitchSettings([], runDirectory: "/run/culvert", processors: 1).busyPoll == 0)
        let settings = try SwitchSettings(["-socketpath", "/a", "--busypoll=50"], runDirectory: "/run/culvert")
        #expect(settings.socketPath == "/a" && settings.busyPoll == 50_000)
    }

    @Test(
        "What is none is refused",
        arguments: [["x"], ["-busypoll"], ["-busypoll", "1001"], ["-busypoll=-1"], ["-fast"], ["-socketpath="]]
    )
    func refused(arguments: [String]) {
        let complaint = #expect(throws: SwitchSettings.Complaint.self) {
            try SwitchSettings(arguments, runDirectory: "/run/culvert")
        }
        #expect(complaint?.isAnswer == false && complaint?.text.contains("usage") == true)
    }

    @Test("Who asks for help gets it")
    func help() {
        let complaint = #expect(throws: SwitchSettings.Complaint.self) {
            try SwitchSettings(["--help"], runDirectory: "/run/culvert")
        }
        #expect(complaint?.isAnswer == true)
    }
}

@Suite("What is told of a switch")
struct SwitchMetricsTests {
    @Test("Names are escaped, reasons have lines of their own, and the text ends as it should")
    func text() {
        var counters = SwitchPortCounters()
        counters.receivedBytes = 12
        counters.drops = [.init(reason: "isolated", explanation: "", frames: 3)]
        let port = SwitchPortView(
            name: "c\"1:eth0",
            number: 0,
            kind: .container,
            network: "net",
            container: "c1",
            interface: "eth0",
            isUp: true,
            native: 1,
            tagged: [],
            flags: [],
            mirror: "",
            counters: counters
        )
        let view = SwitchView(name: "vs0", ports: [port], stations: 4, maximumStations: 9)
        let text = SwitchMetrics.text(of: SwitchSurvey(of: "/s", [view], lost: 2))
        let labels = #"daemon="/s",switch="vs0",port="c\"1:eth0",network="net""#
        #expect(text.contains("culvert_switch_port_received_bytes_total{\(labels)} 12\n"))
        #expect(text.contains("culvert_switch_port_drops_total{\(labels),reason=\"isolated\"} 3\n"))
        #expect(text.contains("culvert_switch_stations{daemon=\"/s\",switch=\"vs0\"} 4\n"))
        #expect(text.contains("culvert_switch_lost_ports{daemon=\"/s\"} 2\n"))
        #expect(text.contains("culvert_switch_up{daemon=\"/s\"} 1\n") && text.hasSuffix("\n# EOF\n"))
    }

    @Test("Numbers that follow each other are one run")
    func runs() {
        #expect(RunningSwitch.runs([1, 2, 3, 7, 9, 10]) == [1...3, 7...7, 9...10])
        #expect(RunningSwitch.runs([]) == [])
    }
}
