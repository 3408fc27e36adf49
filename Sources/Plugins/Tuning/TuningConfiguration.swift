// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin

/// What a plugin of type `tuning` says, parsed and validated completely.
struct TuningConfiguration {
    /// What the interface should get.
    let adjustment: LinkAdjustment
    /// In the order of the configuration, those of `args.cni` last.
    let sysctls: [SysctlSetting]
    /// Where the files are that remember what interfaces had before.
    let dataDirectory: String

    /// Nothing to do at all, as in most networks that podman and nerdctl make.
    var isEmpty: Bool { sysctls.isEmpty && adjustment.isEmpty }

    init(_ request: Request) throws(CNIError) {
        let mac = try TuningConfiguration.mac(request)
        let configured: [SysctlSetting]
        let overriding: [SysctlSetting]
        do throws(JSONTypeError) {
            let reader = request.configuration.reader
            let arguments = request.configuration.arguments
            adjustment = try TuningConfiguration.adjustment(reader, arguments, mac)
            dataDirectory = try reader.string("dataDir").flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultDirectory
            configured = try SysctlSetting.list(reader.object("sysctl"))
            overriding = try SysctlSetting.list(arguments?.object("sysctl"))
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        guard !configured.isEmpty || !overriding.isEmpty else {
            sysctls = []
            return
        }
        let interface = request.invocation.interfaceName
        try SysctlSetting.refuseRepetitions(among: configured, and: overriding, in: request.text, interface)
        sysctls = try SysctlSetting.merge(configured, overriddenBy: overriding, interface)
    }

    /// The directory alone, from a configuration that may make no sense otherwise.
    static func dataDirectory(_ request: Request) -> String {
        guard case .string(let path) = request.configuration.object["dataDir"], !path.isEmpty, !path.utf8.contains(0)
        else { return defaultDirectory }
        return path
    }

    private static let defaultDirectory = "/run/cni/tuning"

    /// `args.cni` wins, whatever it says: `"mtu": 0` there leaves the interface's MTU alone.
    private static func adjustment(
        _ reader: JSONReader,
        _ arguments: JSONReader?,
        _ mac: MACAddress?
    ) throws(JSONTypeError) -> LinkAdjustment {
        func chosen<Value>(
            _ read: (JSONReader) throws(JSONTypeError) -> Value?
        ) throws(JSONTypeError) -> Value? {
            // Both are read, so that what is wrong is found though it does not count.
            let configured = try read(reader)
            guard let arguments else { return configured }
            return try read(arguments) ?? configured
        }
        var adjustment = LinkAdjustment()
        adjustment.address = mac
        let mtu = try chosen { reader throws(JSONTypeError) in try TuningConfiguration.mtu(reader) }
        adjustment.mtu = mtu == 0 ? nil : mtu
        // Only turning it on is an order: `false` is what everybody writes who does not want it.
        let isPromiscuous = try chosen { reader throws(JSONTypeError) in try reader.bool("promisc") }
        adjustment.isPromiscuous = isPromiscuous == true ? true : nil
        adjustment.isAllMulticast = try chosen { reader throws(JSONTypeError) in try reader.bool("allmulti") }
        adjustment.transmitQueueLength = try chosen { reader throws(JSONTypeError) in
            try reader.integer("txQLen", in: 0...Int(Int32.max))
        }
        return adjustment
    }

    /// 0 leaves it alone; IPv4 needs 68 octets (RFC 791, 3.2), and `lo`, the widest link there is, has 65536.
    private static func mtu(_ reader: JSONReader) throws(JSONTypeError) -> Int? {
        guard let mtu = try reader.integer("mtu", in: 0...65_536), mtu > 0 else {
            return try reader.integer("mtu", in: 0...0)
        }
        return try mtu >= 68 ? mtu : reader.integer("mtu", in: 68...65_536)
    }

    /// The configuration, CNI_ARGS, the capability, `args.cni.mac`: the later wins; empty ones say nothing.
    private static func mac(_ request: Request) throws(CNIError) -> MACAddress? {
        var candidates: [String?] = []
        let argument = request.invocation.arguments.isEmpty ? nil : try request.arguments().mac
        do throws(JSONTypeError) {
            candidates.append(try request.configuration.reader.string("mac"))
            candidates.append(argument)
            candidates.append(try request.configuration.runtimeConfig?.string("mac"))
            candidates.append(try request.configuration.arguments?.string("mac"))
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        guard let text = candidates.compactMap({ $0 }).last(where: { !$0.isEmpty }) else { return nil }
        guard let mac = MACAddress(text), !mac.isMulticast, !mac.isZero else {
            throw CNIError(
                .invalidConfiguration,
                "invalid MAC address \"\(text)\"",
                details: "give six octets of a single station, such as 02:00:00:00:00:05"
            )
        }
        return mac
    }
}
