// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import IPTables
internal import Linux

/// The older iptables, whose rules nf_tables does not tell, and which nobody here follows.
struct LegacyRules {
    /// Where the kernel lists its tables, `ip_tables_names` and `ip6_tables_names`.
    var lists = "/proc/thread-self/net"
    /// Where there are `iptables-legacy-save` and `ip6tables-legacy-save`, which print its rules and change nothing.
    var programs = "/usr/sbin"

    /// Why what becomes of packets cannot be told for certain; nil where it has no rule.
    ///
    /// A table that somebody only listed is there, and empty: that is told by the program, which only then is started.
    var objection: String? {
        for family in [AddressFamily.v4, .v6] {
            do throws(KernelError) {
                let tables = try LegacyTables.inUse(family, in: lists)
                guard !tables.isEmpty else { continue }
                let program = "\(programs)/\(family == .v4 ? "iptables" : "ip6tables")-legacy-save"
                if let objection = objection(tables, program) { return objection }
            } catch {
                return "whether the older iptables has rules: \(error)"
            }
        }
        return nil
    }

    private func objection(_ tables: [String], _ program: String) -> String? {
        let names = tables.joined(separator: ", ")
        let output: [UInt8]
        do throws(KernelError) {
            let child = try ChildProcess.run(program, [program], environment: [], input: [], errorLimit: 4096)
            guard child.ending == .exited(0) else {
                return "the older iptables has tables (\(names)), and \(program) does not say what is in them"
            }
            output = child.output
        } catch {
            return "the older iptables has tables (\(names)), and what is in them \(program) could say: \(error)"
        }
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        guard lines.contains(where: { $0.hasPrefix("-A") || $0.hasPrefix(":") && $0.contains(" DROP ") }) else {
            return nil
        }
        return "the older iptables has rules (\(program)), which are not followed here"
    }
}
