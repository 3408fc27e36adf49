// SPDX-License-Identifier: Apache-2.0
internal import DaemonTalk
internal import JSON
internal import Linux
internal import SwitchControl

extension HostReader {
    /// So many daemons are asked: each may take its time.
    private static let mostDaemons = 8
    /// For one that was stopped, or hangs: a daemon that is well answers within milliseconds.
    private static let patience = Duration.seconds(2)

    /// Needs records and networks.
    mutating func readSwitches() {
        let needed = Set(facts.records.filter { $0.isLivingSwitchPort }.map { $0.switchSocket })
        let named = Set(facts.networks.flatMap { $0.plugins.compactMap { $0.switchSocket } }).subtracting(needed)
        for (position, path) in (needed.sorted() + named.sorted()).enumerated() {
            guard position < HostReader.mostDaemons else {
                unseen.append("culvert-switchd at \(path): \(HostReader.mostDaemons) others were asked")
                continue
            }
            facts.switchDaemons[path] = seeing("culvert-switchd at \(path)") { () throws(KernelError) in
                try HostReader.switchDaemon(at: path)
            }
        }
    }

    /// - Throws: ``KernelError`` when this user may not ask.
    private static func switchDaemon(at path: String) throws(KernelError) -> HostFacts.SwitchDaemon {
        do throws(DaemonLinkError) {
            let answer = try SwitchLink.ask(.show(switchName: ""), at: path, waitingAtMost: patience)
            do throws(JSONTypeError) {
                return .answers(lost: try lostPorts(JSONReader(answer)))
            } catch {
                return .stranger("an answer that makes no sense: \(error)")
            }
        } catch {
            switch error {
            case .absent(let cause) where [.permissionDenied, .notPermitted].contains(cause.errno): throw cause
            // Somebody's queue is full.
            case .absent(let cause) where [.wouldBlock, .timedOut].contains(cause.errno): return .silent("\(cause)")
            case .absent(let cause): return .absent("\(cause)")
            case .silent(let cause): return .silent("\(cause)")
            case .refused: return .silent(error.text)
            case .stranger(let words): return .stranger(words)
            }
        }
    }

    private static func lostPorts(_ answer: JSONReader) throws(JSONTypeError) -> [String: String] {
        var lost: [String: String] = [:]
        for element in try answer.array("lost") ?? [] {
            lost[try element.string("attachment") ?? ""] = try element.string("reason") ?? ""
        }
        return lost
    }
}
