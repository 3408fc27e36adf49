// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import Installation
import Linux

/// `culvert install`: puts plugins where a runtime looks for them, all in one moment.
struct InstallPlugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Put plugins where runtimes look for them, all in one moment.",
        discussion: """
            Installs every program of a directory under its name. Runtimes may go on \
            working meanwhile: at any moment either all the programs that were there \
            before are found, or all the new ones, also when this is killed; whoever runs \
            it again, or uninstall, tidies up what was left. What bore a name before is \
            kept in .culvert in the same directory until uninstall gives it back. \
            Programs of other names stay as they are.

            For a Kubernetes DaemonSet: with --stay it ends when it is asked to (SIGTERM); \
            with --watch it looks again and again whether somebody has put other \
            programs in place of these, and puts them back; with --uninstall-at-end it \
            then gives all names back.

            Exit status:
              0   all is installed, or was
              1   refused: the reason stands on standard error, and what was there stays
              64  the command line makes no sense
            """
    )

    @Option(help: ArgumentHelp("The directory with the programs to install.", valueName: "directory"))
    var from = "/usr/libexec/culvert/cni"

    @OptionGroup var place: InstallationPlace

    @Option(help: ArgumentHelp("Also install this list of plugins, when they are there.", valueName: "file"))
    var conflist: String?

    @Flag(help: "Stay until SIGTERM.")
    var stay = false

    @Flag(help: "Stay, and install again what somebody replaces.")
    var watch = false

    @Option(help: ArgumentHelp("How often --watch looks.", valueName: "seconds"))
    var interval = 10

    @Flag(help: "Uninstall when asked to end; with --stay or --watch.")
    var uninstallAtEnd = false

    func validate() throws {
        guard stay || watch || !uninstallAtEnd else {
            throw ValidationError("--uninstall-at-end makes sense with --stay or --watch only")
        }
        guard (1...86400).contains(interval) else { throw ValidationError("--interval is 1 to 86400 seconds") }
    }

    func run() throws {
        // Before anything else: whoever asks for the end meanwhile gets a whole installation, and then the end.
        let farewell = stay || watch ? try installing { () throws(InstallationFailure) in try Farewell() } : nil
        var looks = try install()
        guard let farewell else { return }
        while !farewell.arrives(within: .seconds(interval)) {
            guard watch else { continue }
            let isWhole = try installing { () throws(InstallationFailure) in
                try place.open().isWhole(since: looks)
            }
            guard !isWhole else { continue }
            Machine.log("culvert: programs in \(place.cniBinDir) were changed: installing them again")
            looks = try install()
        }
        if uninstallAtEnd { try place.uninstall() }
    }

    /// Installs once, and says what was done.
    ///
    /// - Returns: what it looks like.
    private func install() throws -> [String: NamedFile] {
        try installing { () throws(InstallationFailure) in
            let source = try ProgramSource(path: from)
            var directory = try place.open()
            if let conflist { try directory.checkConfiguration(conflist, into: place.confDir) }
            let isNew = try directory.install(source, release: Release.own)
            let count = directory.record.installed?.programs.count ?? 0
            let done = isNew ? "installed" : "are there"
            Installations.say("\(place.cniBinDir): \(count) programs of Culvert \(Release.own) \(done)")
            if let conflist {
                let isNew = try directory.installConfiguration(conflist, into: place.confDir)
                let name = directory.record.configuration?.name ?? conflist
                Installations.say("\(place.confDir)/\(name) \(isNew ? "installed" : "is there")")
            }
            for leftover in directory.leftovers { Machine.log("culvert: \(leftover)") }
            return try directory.looks()
        }
    }
}
