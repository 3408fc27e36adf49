// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// A directory of programs to install: every file in it, under its name.
///
/// Names that are one file there become one file where they are installed.
package struct ProgramSource: Hashable, Sendable {
    struct Program: Hashable, Sendable {
        let name: String
        let identity: FileStatus.Identity
    }

    package let path: String
    /// In the order of their names.
    let programs: [Program]

    /// - Throws: ``InstallationFailure`` when it cannot be read, or holds nothing to install.
    package init(path: String) throws(InstallationFailure) {
        do throws(KernelError) {
            var programs: [Program] = []
            for name in try Directory(path: path).names().sorted() where InstallationRecord.isName(name) {
                // What a symbolic link leads to is copied; a directory is not.
                guard let status = try FileStatus.of("\(path)/\(name)"), status.isRegularFile else { continue }
                programs.append(Program(name: name, identity: status.identity))
            }
            self.programs = programs
        } catch {
            throw InstallationFailure(error, intention: "cannot read the programs in \(path)")
        }
        self.path = path
        guard !programs.isEmpty else {
            throw InstallationFailure("there are no programs in \(path)", advice: "name their directory with --from")
        }
    }

    /// The digest of each program by its name.
    func digests() throws(KernelError) -> [String: String] {
        var known: [FileStatus.Identity: String] = [:]
        var digests: [String: String] = [:]
        for program in programs {
            let digest: String
            if let again = known[program.identity] {
                digest = again
            } else {
                digest = try Files.digest("\(path)/\(program.name)")
            }
            known[program.identity] = digest
            digests[program.name] = digest
        }
        return digests
    }

    /// Copies all of them into a directory that is there and empty.
    func copy(into directory: String) throws(KernelError) {
        var copies: [FileStatus.Identity: String] = [:]
        for program in programs {
            let path = "\(directory)/\(program.name)"
            if let copy = copies[program.identity] {
                try Files.link(copy, as: path)
            } else {
                try Files.copyProgram("\(self.path)/\(program.name)", to: path)
                copies[program.identity] = path
            }
        }
    }
}
