// SPDX-License-Identifier: Apache-2.0
import CNI
import Plugin
import Testing

@Suite("Settings")
struct SettingsTests {
    @Test("Without a word there are defaults", arguments: [[:], ["CULVERT_RUN_DIR": "", "CULVERT_LOCK_TIMEOUT": ""]])
    func defaults(environment: [String: String]) {
        let settings = Settings { environment[$0] }
        #expect(settings.runDirectory == "/run/culvert")
        #expect(settings.lockBound == .seconds(20))
    }

    @Test("The records are where one says")
    func runDirectory() {
        #expect(Settings { ["CULVERT_RUN_DIR": "/elsewhere"][$0] }.runDirectory == "/elsewhere")
    }

    @Test("Directories are the same from everywhere", arguments: ["CULVERT_RUN_DIR", "CULVERT_STATE_DIR"])
    func relative(name: String) throws {
        try Settings { [name: "/a"][$0] }.refuseRelativeDirectories()
        for path in ["run", "./run", "../run"] {
            let settings = Settings { [name: path][$0] }
            let error = #expect(throws: CNIError.self) { try settings.refuseRelativeDirectories() }
            #expect(error?.code == 4 && error?.message == "\(name) is no absolute path: \"\(path)\"")
        }
    }

    @Test(
        "The bound of a lock is in seconds, within reason",
        arguments: [
            ("0", 0), ("1", 1000), ("2.5", 2500), ("0.001", 1), ("0.0001", 0), ("3600", 3_600_000), ("3601", 3_600_000),
            ("1e300", 3_600_000), ("inf", 3_600_000), ("-1", 0), ("-inf", 0), ("nan", 0), ("x", 20_000), ("5s", 20_000),
            (" 5", 20_000),
        ]
    )
    func lockBound(text: String, milliseconds: Int) {
        let settings = Settings { ["CULVERT_LOCK_TIMEOUT": text][$0] }
        #expect(settings.lockBound == .milliseconds(milliseconds))
    }

    @Test(
        "Which record is meant is a number, or any",
        arguments: [("17", 17), ("-1", -1), ("", nil), ("x", nil), ("1.5", nil), ("99999999999999999999", nil)]
    )
    func onlyBegun(text: String, begun: Int64?) {
        #expect(Settings { ["CULVERT_ONLY_BEGUN": text][$0] }.onlyBegun == begun)
    }
}
