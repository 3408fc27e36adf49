// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import DaemonTalk
import JSON
import Linux
import Pools
import SwitchControl
import Topology

/// `culvert switch`: what switches know, those of the kernel and those of culvert-switchd.
struct SwitchTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switch",
        abstract: "Ask what switches know: ports, stations, what would become of a frame; look on.",
        discussion: """
            A switch is a bridge of the kernel or one that culvert-switchd runs: a name is \
            enough, and the columns are the same.
            """,
        subcommands: [SwitchShow.self, SwitchStations.self, SwitchTrace.self, SwitchMirror.self]
    )
}

/// Where culvert-switchd is to be asked.
struct SwitchSocket: ParsableArguments {
    @Option(
        help: ArgumentHelp("Where culvert-switchd listens.", valueName: "path"),
        completion: .file()
    )
    var socket = SwitchLink.usualPath

    /// One question and its answer.
    ///
    /// - Throws: ``PoolFailure``, saying how to start the daemon when it is not there.
    func ask<Answer>(
        _ question: SwitchQuestion,
        _ read: (JSONValue) throws(JSONTypeError) -> Answer
    ) throws(PoolFailure) -> Answer {
        let answer: JSONValue
        do throws(DaemonLinkError) {
            answer = try SwitchLink.ask(question, at: socket)
        } catch {
            throw failure(error)
        }
        do throws(JSONTypeError) {
            return try read(answer)
        } catch {
            throw PoolFailure("culvert-switchd at \(socket) gave an answer that makes no sense: \(error)")
        }
    }

    /// The same in an operator's words.
    func failure(_ error: DaemonLinkError) -> PoolFailure {
        switch error {
        case .absent(let cause) where cause.errno == .permissionDenied:
            PoolFailure(
                "culvert-switchd answers whoever may open \(socket), and you may not: \(cause)",
                advice: "run this as root"
            )
        case .absent(let cause):
            PoolFailure(
                "culvert-switchd does not listen at \(socket): \(cause)",
                advice: "start it with systemctl start culvert-switchd, or culvert-switchd -socketpath \(socket)"
            )
        case .refused: PoolFailure(error.text)
        case .stranger, .silent: PoolFailure("culvert-switchd at \(socket): \(error.text)")
        }
    }

    /// Does what is about a port of the daemon's; where that fails, and a bridge of the kernel has the port, says so.
    ///
    /// - Throws: ``PoolFailure``.
    func about<Answer: ~Copyable>(
        _ ports: [SwitchPortReference],
        _ body: () throws(PoolFailure) -> Answer
    ) throws(PoolFailure) -> Answer {
        do throws(PoolFailure) {
            return try body()
        } catch {
            for port in ports {
                if let bridge = bridge(of: port) { throw bridge }
            }
            throw error
        }
    }

    /// That a bridge of the kernel has the port; nil when none has one of that name.
    private func bridge(of port: SwitchPortReference) -> PoolFailure? {
        let name = port.switchName.isEmpty ? nil : port.switchName
        guard let bridges = try? KernelSwitch.all(named: name, []),
            let bridge = bridges.first(where: { $0.view.ports.contains { $0.name == port.port } })
        else { return nil }
        return PoolFailure(
            "\(port.port) is a port of \(bridge.view.name), a bridge of the kernel, and none of culvert-switchd",
            advice: "culvert explain says what becomes of packets there, tcpdump -i \(port.port) shows its frames"
        )
    }

    /// Whether there is anything to ask, for all that can be seen: who may not look hears of it from ``ask(_:_:)``.
    private var isThere: Bool {
        do throws(KernelError) {
            return try FileStatus.of(socket) != nil
        } catch {
            return true
        }
    }

    /// Everything about one switch, or about all of them.
    ///
    /// - Parameters:
    ///   - name: which one; nil is all.
    ///   - attachments: whose ports are whose.
    /// - Returns: what they know.
    /// - Throws: ``PoolFailure``; also when there is no such switch.
    func report(_ name: String?, _ attachments: [AttachmentFacts]) throws(PoolFailure) -> SwitchReport {
        let kernel: [KernelSwitch]
        do throws(KernelError) {
            kernel = try KernelSwitch.all(named: name, attachments)
        } catch {
            throw PoolFailure(error, intention: "cannot look at the bridges of this host")
        }
        // Who names a bridge, or asks for everything where no daemon ever ran, wants nothing of it.
        if name != nil ? !kernel.isEmpty : !isThere { return SwitchReport(kernel: kernel) }
        do throws(PoolFailure) {
            return SwitchReport(
                kernel: kernel,
                daemon: try ask(.show(switchName: name ?? "")) { answer throws(JSONTypeError) in
                    try SwitchView.all(in: answer)
                },
                stations: try ask(.stations(switchName: name ?? "")) { answer throws(JSONTypeError) in
                    try SwitchStationView.all(in: answer)
                }
            )
        } catch {
            guard let name else { throw error }
            throw PoolFailure("there is no bridge \(name) here, and \(error)")
        }
    }
}
