// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Runtime
import Synchronization

/// Plugins that only write down how they were called, and a host with a directory for networks and one for memory.
final class Scene: Sendable {
    let networks: String
    let cache: ResultCache
    /// Types of plugins that fail, each with its own name as message and code 50.
    private let failing: Set<String>
    private let recorded = Mutex<[PluginCall]>([])
    private let noted = Mutex<[String]>([])

    init(_ folder: borrowing Folder, failing: Set<String> = []) {
        networks = "\(folder.path)/net.d"
        cache = ResultCache(path: "\(folder.path)/results")
        self.failing = failing
    }

    var chains: ChainRunner {
        ChainRunner(
            configurations: ConfigurationDirectory(path: networks),
            cache: cache,
            note: { note in self.noted.withLock { $0.append(note) } },
            execute: { call throws(CNIError) in try self.answer(call) }
        )
    }

    /// `ADD a` and so on, and forgets them.
    func calls() -> [String] {
        take().map { "\($0.command.rawValue) \($0.type)" }
    }

    func take() -> [PluginCall] {
        recorded.withLock { calls in
            defer { calls = [] }
            return calls
        }
    }

    var notes: [String] { noted.withLock { $0 } }

    static func attachment(_ containerID: String = "c1") -> Attachment {
        Attachment(containerID: containerID, namespacePath: "/run/netns/\(containerID)", interfaceName: "eth0")
    }

    private func answer(_ call: PluginCall) throws(CNIError) -> [UInt8] {
        recorded.withLock { $0.append(call) }
        guard !failing.contains("\(call.command.rawValue) \(call.type)") else {
            throw CNIError(.unavailable, call.type, details: "detail")
        }
        guard call.command == .add else { return [] }
        return Array("{\"ips\":[{\"address\":\"10.0.0.1/24\"}],\"dns\":{\"domain\":\"\(call.type)\"}}".utf8)
    }
}
