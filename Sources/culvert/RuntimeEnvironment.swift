// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Linux
import Runtime

/// What the environment says to a tool that plays the runtime.
struct RuntimeEnvironment {
    private let variables: [String: String]

    static var current: RuntimeEnvironment { RuntimeEnvironment(variables: Machine.variables) }

    /// Runs plugins as the environment says.
    func chains() -> ChainRunner {
        let searchPath = (variables["CNI_PATH"] ?? "").split(separator: ":").map(String.init)
        let directory = variables["NETCONFPATH"] ?? ""
        let executor = PluginExecutor(searchPath: searchPath, environment: variables)
        return ChainRunner(
            configurations: ConfigurationDirectory(path: directory.isEmpty ? "/etc/cni/net.d" : directory),
            cache: .standard,
            note: { Machine.log("note: \($0)") },
            execute: { call throws(CNIError) in try executor.run(call) }
        )
    }

    /// The attachment that a command line and the environment name together.
    ///
    /// - Throws: `CNIError` with code 4, naming the variable that makes no sense.
    func attachment(_ arguments: AttachmentArguments) throws(CNIError) -> Attachment {
        let netns: String
        do throws(KernelError) {
            let isAbsolute = arguments.netns.hasPrefix("/")
            let directory = isAbsolute ? "/" : try Machine.workingDirectory()
            netns = Attachment.absolutePath(of: arguments.netns, in: directory)
        } catch {
            throw CNIError(.inputOutput, "cannot tell where \(arguments.netns) is", details: "\(error)")
        }
        return Attachment(
            containerID: Attachment.containerID(forNamespace: netns),
            namespacePath: netns,
            interfaceName: arguments.ifname ?? variables["CNI_IFNAME"] ?? "eth0",
            arguments: try said("CNI_ARGS").map { text throws(CNIError) in try RuntimeArguments(parsing: text) },
            capabilityArguments: try said("CAP_ARGS").map { text throws(CNIError) in try Self.object(text) }
        )
    }

    /// The value of a variable that is set to something.
    private func said(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func object(_ text: String) throws(CNIError) -> JSONObject {
        do {
            return try JSONReader(try JSONValue(parsing: text)).object()
        } catch {
            throw CNIError(
                .invalidEnvironment,
                "CAP_ARGS is no JSON object",
                details: "\(error); write CAP_ARGS='{\"ips\":[\"10.1.2.3\"]}'"
            )
        }
    }
}
