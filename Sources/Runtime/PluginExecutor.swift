// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import JSON
internal import Linux

/// Runs plugins as programs.
package struct PluginExecutor: Sendable {
    /// The directories of CNI_PATH.
    private let searchPath: [String]
    /// What plugins see besides the variables of the protocol.
    private let environment: [String: String]
    private let pause: @Sendable (Duration) -> Void

    /// An executor for plugins in these directories.
    ///
    /// - Parameters:
    ///   - searchPath: The directories of CNI_PATH.
    ///   - environment: What plugins see besides the variables of the protocol.
    ///   - pause: Waits before a plugin that is being replaced is tried again.
    package init(
        searchPath: [String],
        environment: [String: String],
        pause: @escaping @Sendable (Duration) -> Void = Machine.pause
    ) {
        self.searchPath = searchPath
        self.environment = environment
        self.pause = pause
    }

    /// Runs one plugin to its end; its standard error is passed through.
    ///
    /// - Returns: what it printed.
    /// - Throws: `CNIError`: the plugin's own, or code 107 when it could not be run or its refusal not be read.
    package func run(_ call: PluginCall) throws(CNIError) -> [UInt8] {
        let path = try find(call.type)
        let variables = environment.merging(call.variables(searchPath: searchPath)) { _, ours in ours }
        let process = try start(path, variables.map { "\($0.key)=\($0.value)" }, input: call.input.serialized())
        guard process.ending != .exited(0) else { return process.output }
        throw Self.refusal(output: process.output, ending: "\(process.ending)")
    }

    /// The first regular file of that name in CNI_PATH.
    private func find(_ type: String) throws(CNIError) -> String {
        guard !type.contains("/"), type != ".", type != ".." else {
            throw CNIError(.invalidConfiguration, "invalid plugin name: \(type)", details: "no file can be named so")
        }
        guard !searchPath.isEmpty else {
            throw CNIError(
                .invalidEnvironment,
                "no paths provided",
                details: "set CNI_PATH to where the plugins are, such as CNI_PATH=/opt/cni/bin"
            )
        }
        do throws(KernelError) {
            for directory in searchPath {
                let path = "\(directory)/\(type)"
                if let status = try FileStatus.of(path), status.isRegularFile { return path }
            }
        } catch {
            throw CNIError(.delegateFailed, "cannot look for plugin \"\(type)\"", details: "\(error)")
        }
        throw CNIError(
            .delegateFailed,
            "failed to find plugin \"\(type)\" in path [\(searchPath.joined(separator: " "))]",
            details: "install it there, set CNI_PATH, or correct \"type\""
        )
    }

    /// While a plugin is being replaced by a new release, its file may be open for writing for a moment.
    private func start(_ path: String, _ environment: [String], input: [UInt8]) throws(CNIError) -> ChildProcess {
        // libcni waits as long, but in steps of a second.
        var remaining = 50
        while true {
            do throws(KernelError) {
                return try ChildProcess.run(path, [path], environment: environment, input: input)
            } catch {
                guard error.errno == .textFileBusy, remaining > 0 else {
                    throw CNIError(.delegateFailed, "cannot run the plugin", details: "\(error)")
                }
            }
            remaining -= 1
            pause(.milliseconds(100))
        }
    }

    /// What a plugin that failed says is wrong.
    package static func refusal(output: [UInt8], ending: String) -> CNIError {
        guard !output.isEmpty else {
            return CNIError(
                .delegateFailed,
                "netplugin failed with no error message",
                details: "\(ending); what it wrote to standard error stands above"
            )
        }
        do {
            let reader = JSONReader(try JSONValue(parsing: output))
            let code = try reader.integer("code", in: 0...Int(Int32.max)) ?? CNIError.Code.internal.rawValue
            return CNIError(
                CNIError.Code(rawValue: code),
                try reader.string("msg") ?? "",
                details: try reader.string("details") ?? ""
            )
        } catch {
            let said = String(decoding: output.prefix(500), as: UTF8.self)
            return CNIError(
                .delegateFailed,
                "netplugin failed but error parsing its diagnostic message \"\(said)\"",
                details: "\(error); \(ending)"
            )
        }
    }
}
