// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import Linux

/// The programs `iptables-save` and `iptables-restore` of one address family.
///
/// They act in the network namespace of the calling thread.
package struct IPTablesTool: Hashable, Sendable {
    /// Which of the two implementations, where a distribution has both.
    package enum Variant: Hashable, Sendable {
        /// Whichever the host's administrator made the usual one.
        case usual
        /// The one that keeps its rules in nf_tables.
        case nft
        /// The older one.
        case legacy
    }

    package let family: AddressFamily
    private let restore: String
    private let save: String
    private let lockSeconds: Int

    /// Where the programs are when PATH does not name their directory: podman and nerdctl call with short ones.
    static let usualDirectories = "/usr/sbin:/sbin:/usr/bin:/bin"

    /// Finds both programs, without running them.
    ///
    /// `path`: where to look first, as in PATH; entries that are no absolute paths are passed over.
    /// `lockSeconds`: how long `iptables-restore` waits for another one, which only the legacy variant needs.
    /// - Throws: ``IPTablesError/missing(program:)``.
    package init(
        _ family: AddressFamily,
        _ variant: Variant = .usual,
        path: String? = Machine.variable("PATH"),
        lockSeconds: Int = 10
    ) throws(IPTablesError) {
        try self.init(family, variant, directories: [path ?? "", Self.usualDirectories], lockSeconds: lockSeconds)
    }

    /// Finds both programs in lists of directories like PATH.
    init(
        _ family: AddressFamily,
        _ variant: Variant,
        directories: [String],
        lockSeconds: Int
    ) throws(IPTablesError) {
        let prefix = Self.prefix(family, variant)
        self.family = family
        restore = try Self.find(prefix + "-restore", directories)
        save = try Self.find(prefix + "-save", directories)
        self.lockSeconds = lockSeconds
    }

    /// Whether both programs are there, without running them.
    package static func isAvailable(
        _ family: AddressFamily,
        _ variant: Variant = .usual,
        path: String? = Machine.variable("PATH")
    ) -> Bool {
        do throws(IPTablesError) {
            _ = try IPTablesTool(family, variant, path: path)
            return true
        } catch {
            return false
        }
    }

    private static func prefix(_ family: AddressFamily, _ variant: Variant) -> String {
        let name = family == .v4 ? "iptables" : "ip6tables"
        switch variant {
        case .usual: return name
        case .nft: return name + "-nft"
        case .legacy: return name + "-legacy"
        }
    }

    private static func find(_ program: String, _ lists: [String]) throws(IPTablesError) -> String {
        for list in lists {
            for directory in list.utf8.split(separator: UInt8(ascii: ":")) where directory.first == slash {
                let candidate = "\(Substring(directory))/\(program)"
                // A directory of that name can be "executed" as well.
                if access(candidate, X_OK) == 0, access(candidate + "/.", F_OK) != 0 { return candidate }
            }
        }
        throw IPTablesError.missing(program: program)
    }

    private static let slash = UInt8(ascii: "/")

    /// What a table holds: one run of `iptables-save -t TABLE`.
    ///
    /// - Throws: ``IPTablesError``.
    package func read(_ table: IPTablesTable) throws(IPTablesError) -> IPTablesContents {
        let text = try run(save, ["-t", table.rawValue], input: [])
        // What nft made and iptables cannot show stands in a remark, with success and without any rules.
        let remark = Array("# Table `\(table.rawValue)' is incompatible".utf8)
        guard !text.split(separator: ASCIICode.newline).contains(where: { $0.starts(with: remark) }) else {
            throw IPTablesError.incompatible(table: table, program: save)
        }
        return IPTablesContents(family: family, table: table, parsing: text)
    }

    /// Changes any number of tables by one run of `iptables-restore --noflush`; without one if none is needed.
    ///
    /// Each batch happens whole or not at all; when one is refused, those before it have happened.
    ///
    /// - Throws: ``IPTablesError``.
    package func apply(_ batches: [IPTablesBatch]) throws(IPTablesError) {
        var input: [UInt8] = []
        for batch in batches where !batch.commands.isEmpty {
            input += Array("*\(batch.table.rawValue)\n".utf8)
            for command in batch.commands {
                try Self.vouch(for: command)
                input += command.octets
                input.append(ASCIICode.newline)
            }
            input += Array("COMMIT\n".utf8)
        }
        guard !input.isEmpty else { return }
        _ = try run(restore, ["--noflush", "-w", "\(lockSeconds)"], input: input)
    }

    /// Reads a table, has somebody decide, and carries that out; again when somebody else interfered.
    ///
    /// Another program may change the table between reading and writing. A change that counted on what is no longer so
    /// is refused as a whole; then everything is done anew, three times at most.
    ///
    /// `lock`: a file in an existing directory, locked meanwhile so that two of us do not both add a missing rule; made
    /// when missing. Other programs do not know it.
    /// `bound`: how long to wait for that lock.
    /// `decide`: may be called several times.
    /// - Returns: whether there was anything to do.
    /// - Throws: ``IPTablesError``.
    @discardableResult
    package func edit(
        _ table: IPTablesTable,
        holding lock: String? = nil,
        waitingAtMost bound: Duration = .seconds(10),
        _ decide: (inout IPTablesEdit) -> Void
    ) throws(IPTablesError) -> Bool {
        guard let lock else { return try edit(table, decide) }
        let file = try Self.lock(lock, bound)
        let result = try edit(table, decide)
        _ = consume file
        return result
    }

    private static func lock(_ path: String, _ bound: Duration) throws(IPTablesError) -> Descriptor {
        do throws(KernelError) {
            let file = try Descriptor(opening: path, O_RDWR | O_CREAT, mode: 0o600)
            try file.lock(path, waitingAtMost: bound)
            return file
        } catch {
            throw IPTablesError.kernel(error)
        }
    }

    private func edit(
        _ table: IPTablesTable,
        _ decide: (inout IPTablesEdit) -> Void
    ) throws(IPTablesError) -> Bool {
        var contents = try read(table)
        var attempt = 1
        while true {
            var edit = IPTablesEdit(contents)
            decide(&edit)
            do throws(IPTablesError) {
                try apply([IPTablesBatch(table, edit.commands)])
                return !edit.commands.isEmpty
            } catch {
                guard case .refused = error, attempt < 3 else { throw error }
                let now = try read(table)
                // The same again would be refused again.
                guard now != contents else { throw error }
                contents = now
                attempt += 1
            }
        }
    }

    private static func vouch(for command: IPTablesCommand) throws(IPTablesError) {
        switch command {
        case .createChain(let chain), .flushChain(let chain), .deleteChain(let chain):
            guard RuleText.canBeWritten(chain) else { throw IPTablesError.unusableWord(chain) }
        case .append(let rule), .insert(let rule, _), .delete(let rule):
            for word in rule.words + [rule.chain] where !RuleText.canBeWritten(word) {
                throw IPTablesError.unusableWord(word)
            }
        }
    }
}
