// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import Linux
import TestSupport
import Testing

@testable import IPTables

private let top = IPTablesRule("POSTROUTING", ["-m", "comment", "--comment", "to X", "-j", "TEST-X"])
private let odd = IPTablesRule("TEST-X", ["-m", "comment", "--comment", #"it's a "b" \ c"#, "-j", "RETURN"])
private let start: [IPTablesCommand] = [.createChain("TEST-X"), .append(odd), .append(top)]

/// What a refused call says, and what the table held afterwards.
private struct Refusal: Sendable {
    var error: IPTablesError?
    var rules: [String] = []
}

@Suite("The programs of iptables", .enabled(if: canUnshare, "needs root"))
struct IPTablesToolTests {
    @Test("What was decided is what is there afterwards, and a second time nothing is to do", arguments: Kind.all)
    func reading(kind: Kind) throws {
        let (before, expected, after, again) = try inNewNamespace {
            let tool = try kind.tool()
            let before = try tool.read(.nat)
            var expected = before
            func decide(_ edit: inout IPTablesEdit) {
                edit.ensureChain("TEST-X")
                edit.ensure(odd, .last)
                edit.ensure(top, .last)
                edit.ensure(IPTablesRule("TEST-X", ["-m", "comment", "--comment", "-j", "-j", "RETURN"]), .first)
                edit.ensure(
                    IPTablesRule("TEST-X", ["!", "-i", "a+", "-p", "tcp", "-j", "ACCEPT"]),
                    .behindJumps(to: ["ACCEPT", "RETURN"])
                )
                expected = edit.contents
            }
            try tool.edit(.nat, decide)
            return (layout(before), layout(expected), layout(try tool.read(.nat)), try tool.edit(.nat, decide))
        }
        #expect(before == [])
        #expect(expected.count == 5)
        #expect(after == expected)
        #expect(!again)
    }

    @Test("A chain goes while others jump to it, in one step", arguments: Kind.all)
    func removal(kind: Kind) throws {
        let (full, left) = try inNewNamespace {
            let tool = try kind.tool()
            try tool.apply([
                IPTablesBatch(.nat, start + [.insert(IPTablesRule("OUTPUT", ["-g", "TEST-X"]), position: 1)])
            ])
            let full = layout(try tool.read(.nat))
            try tool.edit(.nat) { $0.removeChain("TEST-X") }
            return (full, layout(try tool.read(.nat)))
        }
        #expect(full.count == 4)
        #expect(left == [])
    }

    @Test("Of rules that are alike the one that was meant goes", arguments: Kind.all)
    func alike(kind: Kind) throws {
        let matches = (1...4).flatMap { (number: Int) -> [String] in
            ["-m tcp --dport \(number)", "-m multiport --dports 1,\(number)", "-m tcp --sport \(number)"]
        }
        let rules = matches.map { (match: String) -> IPTablesRule in
            IPTablesRule("TEST-X", "-p tcp \(match) -j RETURN".split(separator: " ").map { String($0) })
        }
        let all: [IPTablesCommand] = [.createChain("TEST-X")] + rules.map { .append($0) }
        for rule in rules {
            let left = try inNewNamespace {
                let tool = try kind.tool()
                try tool.apply([IPTablesBatch(.nat, all)])
                try tool.edit(.nat) { $0.deleteRules { old in old == rule } }
                return try tool.read(.nat).rules
            }
            #expect(left == rules.filter { $0 != rule })
        }
    }

    @Test("A line that is refused is named, and nothing of its table has happened", arguments: Kind.all)
    func refusal(kind: Kind) throws {
        let seen = try inNewNamespace {
            let tool = try kind.tool()
            try tool.apply([IPTablesBatch(.nat, start)])
            return try [
                [.createChain("TEST-Y"), .createChain("TEST-X")],
                [.flushChain("TEST-X"), .append(IPTablesRule("TEST-X", ["-m", "nosuch", "-j", "ACCEPT"]))],
                [.flushChain("TEST-X"), .delete(IPTablesRule("POSTROUTING", ["-s", "::", "-j", "ACCEPT"]))],
            ].map { (commands: [IPTablesCommand]) in
                var refusal = Refusal()
                do throws(IPTablesError) {
                    try tool.apply([IPTablesBatch(.nat, commands)])
                } catch {
                    refusal.error = error
                }
                refusal.rules = layout(try tool.read(.nat))
                return refusal
            }
        }
        let complained = seen.map { refusal -> String? in
            guard case .refused(_, _, let message, let line) = refusal.error, !message.isEmpty else { return nil }
            return line
        }
        #expect(complained[0] == "-N TEST-X")
        #expect(complained[1] == "-A TEST-X -m nosuch -j ACCEPT")
        #expect(complained[2] == "-D POSTROUTING -s :: -j ACCEPT")
        for refusal in seen { #expect(refusal.rules == [":TEST-X", "\(top)", "\(odd)"]) }
        let text = seen[1].error.map { "\($0)" } ?? ""
        #expect(text.contains("nosuch") && text.contains("exit status 2"))
        #expect(seen[1].error?.kernelError.errno == .invalidArgument)
    }

    @Test("Words that would be another line never reach the program", arguments: ["a\n-F", "a\0b"])
    func unusable(word: String) throws {
        let tool = try IPTablesTool(.v4)
        for command in [
            IPTablesCommand.createChain(word), .append(IPTablesRule(word, [])), .delete(IPTablesRule("A", [word])),
        ] {
            #expect(throws: IPTablesError.unusableWord(word)) { try tool.apply([IPTablesBatch(.nat, [command])]) }
        }
    }

    @Test("Any number of tables takes one run, and nothing to do takes none")
    func oneRun() throws {
        try withTemporaryDirectory { directory in
            for program in ["iptables-restore", "iptables-save"] {
                try writeScript(
                    "\(directory)/\(program)",
                    "echo \"$(basename $0) $*\" >> \(directory)/log; exec /usr/sbin/\(program) \"$@\""
                )
            }
            let rules = try inNewNamespace {
                let tool = try IPTablesTool(.v4, path: "relative:\(directory):/usr/sbin", lockSeconds: 7)
                try tool.apply([
                    IPTablesBatch(.nat, start), IPTablesBatch(.raw, []),
                    IPTablesBatch(.filter, [.createChain("TEST-F")]),
                ])
                try tool.apply([])
                try tool.apply([IPTablesBatch(.nat, [])])
                return (layout(try tool.read(.nat)), layout(try tool.read(.filter)))
            }
            #expect(rules.0.count == 3)
            #expect(rules.1 == [":TEST-F"])
            #expect(
                try readFile("\(directory)/log")
                    == "iptables-restore --noflush -w 7\niptables-save -t nat\niptables-save -t filter\n"
            )
        }
    }

    @Test("A batch that is refused leaves the batches before it done")
    func batches() throws {
        let layouts = try inNewNamespace {
            let tool = try IPTablesTool(.v4)
            do throws(IPTablesError) {
                try tool.apply([
                    IPTablesBatch(.filter, [.createChain("TEST-F")]),
                    IPTablesBatch(.nat, [.createChain("TEST-X"), .flushChain("TEST-NONE")]),
                ])
            } catch {
                return (layout(try tool.read(.filter)), layout(try tool.read(.nat)))
            }
            return ([], ["nothing was refused"])
        }
        #expect(layouts.0 == [":TEST-F"])
        #expect(layouts.1 == [])
    }

    @Test("What somebody else changes meanwhile is decided anew", arguments: Kind.all)
    func interference(kind: Kind) throws {
        let (calls, rules) = try inNewNamespace {
            let tool = try kind.tool()
            var calls = 0
            try tool.edit(.nat) { edit in
                calls += 1
                edit.ensureChain("TEST-X")
                edit.ensure(odd, .last)
                edit.ensure(top, .last)
                guard calls == 1 else { return }
                _ = try? tool.apply([IPTablesBatch(.nat, start)])
            }
            return (calls, layout(try tool.read(.nat)))
        }
        #expect(calls == 2)
        #expect(rules == [":TEST-X", "\(top)", "\(odd)"])
    }

    @Test("What is refused for its own sake is not tried again")
    func noRetry() throws {
        let calls = try inNewNamespace {
            var calls = 0
            do throws(IPTablesError) {
                try IPTablesTool(.v4).edit(.nat) { edit in
                    calls += 1
                    edit.append(IPTablesRule("POSTROUTING", ["-m", "nosuch"]))
                }
            } catch {
                return calls
            }
            return 0
        }
        #expect(calls == 1)
    }

    @Test("Two of us with one lock do not both add what is missing", arguments: Kind.all)
    func lock(kind: Kind) throws {
        try withTemporaryDirectory { directory in
            let rules = try inNewNamespace {
                let path = try thread() + "/ns/net"
                let home = try NetworkNamespace(path: path)
                defer { withExtendedLifetime(home) {} }
                try kind.tool().apply([IPTablesBatch(.nat, [.createChain("TEST-X")])])
                _ = try onThreads(6) { number in
                    let other = try NetworkNamespace(path: path)
                    let elsewhere = try NetworkNamespace.current()
                    return try other.run(from: elsewhere) { () throws(KernelError) in
                        do throws(IPTablesError) {
                            return try IPTablesTool(kind.family, kind.variant).edit(.nat, holding: "\(directory)/lock")
                            { edit in
                                edit.ensure(top, .last)
                                edit.ensure(IPTablesRule("TEST-X", ["-i", "eth\(number)"]), .last)
                            }
                        } catch {
                            throw error.kernelError
                        }
                    }
                }
                return try kind.tool().read(.nat).rules
            }
            #expect(rules.filter { $0.chain == "POSTROUTING" } == [top])
            #expect(rules.count == 7)
        }
    }

    @Test("Who does not get the lock changes nothing")
    func locked() throws {
        try withTemporaryDirectory { directory in
            let error = try inNewNamespace { () -> IPTablesError? in
                let file = try Descriptor(opening: "\(directory)/lock", O_RDWR | O_CREAT, mode: 0o600)
                try file.lock("lock", waitingAtMost: .seconds(20))
                do throws(IPTablesError) {
                    try IPTablesTool(.v4).edit(.nat, holding: "\(directory)/lock", waitingAtMost: .milliseconds(20)) {
                        $0.ensureChain("TEST-X")
                    }
                    return nil
                } catch {
                    return error
                }
            }
            #expect(error == .kernel(KernelError("lock \(directory)/lock", .wouldBlock)))
        }
    }

    @Test("The legacy lock is waited for no longer than was said")
    func legacyLock() throws {
        let error = try inNewNamespace { () -> IPTablesError? in
            let file = try Descriptor(opening: "/run/xtables.lock", O_RDONLY | O_CREAT, mode: 0o600)
            try file.lock("/run/xtables.lock", waitingAtMost: .seconds(30))
            do throws(IPTablesError) {
                try IPTablesTool(.v4, .legacy, lockSeconds: 1).apply([IPTablesBatch(.nat, start)])
                return nil
            } catch {
                return error
            }
        }
        guard case .busy = error else {
            Issue.record("expected busy: \(error.map { "\($0)" } ?? "success")")
            return
        }
        #expect(error?.kernelError.errno == .wouldBlock)
    }
}
