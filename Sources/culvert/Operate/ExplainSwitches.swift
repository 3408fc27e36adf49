// SPDX-License-Identifier: Apache-2.0
import Addressing
import Attachments
import CNI
import DaemonTalk
import JSON
import Reachability
import SwitchControl
import Wiring

extension AttachmentFacts {
    /// The ports of a switch in user space that this attachment wants; none where it is on no such switch.
    var switchPorts: [HostModel.SwitchPort] {
        guard let record = notes.first(where: { $0.file.isEmpty })?.record, let order = SwitchPortOrder(record) else {
            return []
        }
        func port(_ kind: HostModel.SwitchPort.Kind, _ link: String, _ name: String) -> HostModel.SwitchPort {
            HostModel.SwitchPort(
                kind,
                link: link,
                name: name,
                switchName: order.switchName,
                socketPath: order.socketPath
            )
        }
        var own = port(.container, key.interfaceName, order.portName)
        own.container = key.containerID
        own.isIsolated = order.isIsolated
        own.address = interface.flatMap { MACAddress($0.mac) }
        own.addresses = addresses.map { $0.address }
        var ports = [own]
        if !order.gateway.isEmpty { ports.append(port(.gateway, order.gateway, order.gateway)) }
        if !order.uplink.isEmpty { ports.append(port(.uplink, order.uplink, order.uplink)) }
        return ports
    }
}

extension HostModel.SwitchAnswer {
    /// Asks the daemon what would become of a frame; nothing is sent.
    ///
    /// - Parameters:
    ///   - port: the port that it would come from.
    ///   - frame: the whole of it, with its tag.
    init(asking port: HostModel.SwitchPort, of frame: [UInt8]) {
        let reference = SwitchPortReference(switchName: port.switchName, port: port.name)
        let answer: JSONValue
        do throws(DaemonLinkError) {
            answer = try SwitchLink.ask(.trace(reference, frame: frame), at: port.socketPath)
        } catch {
            switch error {
            case .absent: self = .absent(error.text)
            case .refused: self = .refused(error.text)
            case .stranger, .silent: self = .silent(error.text)
            }
            return
        }
        do throws(JSONTypeError) {
            self = .told(HostModel.SwitchDecision(try SwitchTraceView(JSONReader(answer)), of: frame))
        } catch {
            self = .silent("\(error)")
        }
    }
}

extension HostModel.SwitchDecision {
    /// - Parameters:
    ///   - view: what the daemon says.
    ///   - frame: what it was asked about.
    fileprivate init(_ view: SwitchTraceView, of frame: [UInt8]) {
        let isTagged = frame.count > 15 && frame[12] == 0x81 && frame[13] == 0
        let tag = isTagged ? UInt16(frame[14] & 15) << 8 | UInt16(frame[15]) : 0
        let outputs = view.outputs.filter { !$0.isCopy }
        self.init(
            steps: view.steps,
            sentence: view.explanation,
            isDropped: view.verdict == "drop",
            // A tag that changes comes or goes: nothing leaves in another VLAN than it belongs to.
            outputs: outputs.map { output in
                Output(port: output.port, tag: output.change.isEmpty ? tag : isTagged ? 0 : UInt16(view.vlan))
            }
        )
    }
}
