// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import Installation
import Linux

/// Where something is installed.
struct InstallationPlace: ParsableArguments {
    @Option(help: ArgumentHelp("Where runtimes look for plugins.", valueName: "directory"))
    var cniBinDir = "/opt/cni/bin"

    @Option(help: ArgumentHelp("Where runtimes look for configurations of networks.", valueName: "directory"))
    var confDir = "/etc/cni/net.d"

    /// The directory, for this installer alone.
    func open() throws(InstallationFailure) -> PluginDirectory {
        try PluginDirectory.open(cniBinDir, waitingAtMost: .seconds(20))
    }

    /// Gives everything back, and says what was done.
    func uninstall() throws {
        try installing { () throws(InstallationFailure) in
            var directory = try open()
            if let changed = try directory.uninstallConfiguration(from: confDir) {
                Machine.log("culvert: \(changed) was changed since it was installed, and stays")
            }
            let all = directory.record.installed?.programs.count ?? 0
            if let names = try directory.uninstall() {
                let kept = names.count == all ? "" : "; \(all - names.count) others were replaced since, and stay"
                Installations.say("\(cniBinDir): \(names.count) names given back\(kept)")
            } else {
                Installations.say("\(cniBinDir): nothing is installed")
            }
            for leftover in directory.leftovers { Machine.log("culvert: \(leftover)") }
        }
    }
}

/// The end of this process, asked for by SIGTERM or SIGINT, which do nothing else as long as this lives.
struct Farewell: ~Copyable {
    private let descriptor: Descriptor

    init() throws(InstallationFailure) {
        let result = culvert_open_farewells()
        guard result >= 0 else {
            let error = KernelError("watch for signals", Errno(rawValue: -result))
            throw InstallationFailure(error, intention: "cannot stay")
        }
        descriptor = Descriptor(adopting: result)
    }

    /// Waits for it.
    ///
    /// - Returns: whether it was asked for in that time.
    func arrives(within bound: Duration) -> Bool {
        var waiting = [pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)]
        return poll(&waiting, 1, CInt(clamping: Int64(bound / .milliseconds(1)))) > 0
    }
}

extension ParsableCommand {
    /// Does a command's work; why it cannot be done goes to standard error.
    ///
    /// - Throws: `ExitCode` 1 after an ``InstallationFailure``.
    func installing<Value: ~Copyable>(_ work: () throws(InstallationFailure) -> Value) throws(ExitCode) -> Value {
        try Installations.explain(work)
    }
}

extension ParsableArguments {
    /// As for commands.
    func installing<Value>(_ work: () throws(InstallationFailure) -> Value) throws(ExitCode) -> Value {
        try Installations.explain(work)
    }
}

/// What all commands about installations do alike.
enum Installations {
    /// Prints a line at once: who stays is read while it runs.
    static func say(_ line: String) {
        do throws(KernelError) {
            try Machine.writeStandardOutput(Array("\(line)\n".utf8))
        } catch {
            // What was done is done, whoever hears of it.
            Machine.log("culvert: \(error)")
        }
    }

    /// Does something; why it cannot be done goes to standard error.
    static func explain<Value: ~Copyable>(
        _ work: () throws(InstallationFailure) -> Value
    ) throws(ExitCode) -> Value {
        do throws(InstallationFailure) {
            return try work()
        } catch {
            Machine.log("culvert: \(error)")
            throw ExitCode(1)
        }
    }
}
