// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import CNI
internal import Linux

/// The directory in which an administrator describes networks, one per file.
package struct ConfigurationDirectory: Hashable, Sendable {
    /// Such as `/etc/cni/net.d`.
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Finds a network: first among the lists (`.conflist`), then among single plugins (`.conf`, `.json`), files in
    /// the order of their names.
    ///
    /// A file that cannot be read does not hide the others, as it would from the original.
    ///
    /// - Parameters:
    ///   - name: The network's name, which need not be the file's.
    ///   - warn: Told of files that were passed over because something is wrong with them.
    /// - Returns: The first network of that name, whole.
    /// - Throws: `CNIError` with code 7 when there is no such network, naming those that are there.
    package func network(named name: String, warn: (String) -> Void) throws(CNIError) -> NetworkList {
        let files = try self.files(endingIn: [".conflist"]) + self.files(endingIn: [".conf", ".json"])
        guard !files.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "no net configurations found in \(path)",
                details: "set NETCONFPATH to the directory with the .conflist files"
            )
        }
        var others: [String] = []
        for file in files {
            do throws(CNIError) {
                let text = try read(file)
                let isList = file.hasSuffix(".conflist")
                let list = isList ? try NetworkList(parsing: text) : try NetworkList(wrapping: text)
                if list.name == name { return isList ? try completed(list) : list }
                others.append(list.name)
            } catch {
                warn("\(file) was passed over: \(error)")
            }
        }
        throw CNIError(
            .invalidConfiguration,
            "no net configuration with name \"\(name)\" in \(path)",
            details: others.isEmpty ? "" : "found there: \(others.joined(separator: ", "))"
        )
    }

    /// The list with the plugins that stand in files of their own, `<directory>/<network>/*.conf`, behind its own.
    ///
    /// - Throws: `CNIError` when one of the files cannot be used, or no plugin is found at all.
    func completed(_ list: NetworkList) throws(CNIError) -> NetworkList {
        guard !list.loadsOnlyInlinedPlugins else { return list }
        var further: [PluginConfiguration] = []
        for file in try ConfigurationDirectory(path: "\(path)/\(list.name)").files(endingIn: [".conf"]) {
            further.append(try PluginConfiguration(parsing: try read(file), file: file))
        }
        return try list.appending(further)
    }

    /// Paths of the files with these endings, by name; a missing directory has none.
    func files(endingIn endings: [String]) throws(CNIError) -> [String] {
        do throws(KernelError) {
            let names = try Directory(path: path).names().filter { name in endings.contains { name.hasSuffix($0) } }
            var files: [String] = []
            for name in names.sorted(by: { $0.precedesBytewise($1) }) {
                // What a dangling link was meant to be shows when it is read.
                let isFile = try FileStatus.of("\(path)/\(name)")?.isRegularFile ?? true
                if isFile { files.append("\(path)/\(name)") }
            }
            return files
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return [] }
            throw CNIError(.inputOutput, "cannot look for network configurations", details: "\(error)")
        }
    }

    func read(_ file: String) throws(CNIError) -> [UInt8] {
        do throws(KernelError) {
            return try Descriptor(opening: file, O_RDONLY).readAll(file)
        } catch {
            throw CNIError(.inputOutput, "cannot read the network configuration", details: "\(error)")
        }
    }
}
