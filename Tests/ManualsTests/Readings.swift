// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Plugin
import TestSupport

@testable import Bandwidth
@testable import Bridge
@testable import DHCPLeasing
@testable import Dummy
@testable import Firewall
@testable import HostDevice
@testable import HostLocal
@testable import IPVLAN
@testable import MACVLAN
@testable import PTP
@testable import PortMap
@testable import SBR
@testable import Static
@testable import Tap
@testable import Tuning
@testable import VLAN
@testable import VRF
@testable import VSwitch

/// What a plugin makes of a configuration, in words.
enum Reading: Hashable, CustomStringConvertible {
    case accepted(String)
    case refused(code: Int, String)

    /// Asks the parser of the plugin itself.
    init(_ plugin: String, _ configuration: JSONValue) {
        do {
            let text = String(decoding: configuration.serialized(), as: UTF8.self)
            let request = try Request(text)
            var words = ""
            dump(try Reading.parsed(plugin, request), to: &words)
            if !(configuration.member("ipam")?.member("type") == .string(plugin)) {
                words += "ipam: \(request.configuration.ipamType) "
                dump(request.configuration.dns, to: &words)
            }
            self = .accepted(words)
        } catch let error as CNIError {
            self = .refused(code: error.code, "\(error.message); \(error.details)")
        } catch {
            self = .refused(code: 0, "\(error)")
        }
    }

    private static func parsed(_ plugin: String, _ request: Request) throws -> Any {
        switch plugin {
        case "bandwidth": try BandwidthConfiguration(request)
        case "bridge": try BridgeConfiguration(request)
        case "dhcp": (try DHCPConfiguration(request), DHCPConfiguration.socketPath(request))
        case "dummy": try DummyLink(request)
        case "firewall": try FirewallConfiguration(request.configuration)
        case "host-device": try HostDeviceLink(request)
        case "host-local":
            (try HostLocalConfiguration(request), try request.configuration.ipam.map { try ConfiguredPools($0) } as Any)
        case "ipvlan": try IPVLANLink(request)
        case "macvlan": try MACVLANLink(request)
        case "portmap": try PortMapConfiguration(request.configuration, interfaceName: "eth0")
        case "ptp": try PointToPointLink(request)
        case "sbr": try SourceRoutingConfiguration(request)
        case "static": try StaticConfiguration(request)
        case "tap": try TapLink(request)
        case "tuning": try TuningConfiguration(request)
        case "vlan": try VLANLink(request)
        case "vrf": try VRFConfiguration(request)
        case "vswitch": try SwitchPortLink(request)
        default: "no keys"
        }
    }

    var isAccepted: Bool {
        switch self {
        case .accepted: true
        case .refused: false
        }
    }

    /// Whether the plugin complains about the value at a place.
    func complains(about path: String) -> Bool {
        guard case .refused(let code, let words) = self else { return false }
        return [6, 7].contains(code) && words.contains(path)
    }

    var description: String {
        switch self {
        case .accepted(let words): "accepted as \(words)"
        case .refused(let code, let words): "refused with code \(code): \(words)"
        }
    }
}

extension JSONValue {
    func member(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// The document with another value, or none, at a place such as `ipam.ranges[][].subnet`.
    ///
    /// Of lists, in their first elements. What leads there is made.
    func setting(_ path: String, to value: JSONValue?) -> JSONValue {
        var steps: [String] = []
        for word in path.split(separator: ".") {
            let key = word.prefix { $0 != "[" }
            steps.append(String(key))
            steps += Array(repeating: "[]", count: (word.count - key.count) / 2)
        }
        return setting(steps[...], to: value)
    }

    private func setting(_ steps: ArraySlice<String>, to value: JSONValue?) -> JSONValue {
        guard let step = steps.first else { return value ?? .null }
        let rest = steps.dropFirst()
        if step == "[]" {
            var elements: [JSONValue] = []
            if case .array(let present) = self { elements = present }
            let first = (elements.first ?? .null).setting(rest, to: value)
            return .array([first] + elements.dropFirst())
        }
        var object = JSONObject()
        if case .object(let present) = self { object = present }
        if rest.isEmpty {
            object.members.removeAll { $0.key == step }
            if let value { object.members.append(JSONObject.Member(key: step, value: value)) }
        } else {
            object[exact: step] = (object[step] ?? .null).setting(rest, to: value)
        }
        return .object(object)
    }
}
