// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

// CHECK and STATUS
extension TunedInterface {
    /// Whether the interface still has what the configuration names; what it does not name is nobody's business here.
    func verify() throws(CNIError) {
        guard request.configuration.previousResult != nil else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        let configuration = try TuningConfiguration(request)
        guard !configuration.isEmpty else { return }
        var sysctls: [Sysctl] = []
        for setting in configuration.sysctls { sysctls.append(try setting.resolved(for: name)) }
        let container = try request.openNamespace()
        let intention = "cannot look at container \(request.invocation.containerID)"
        let tuner = try visit(container, intention)
        let link: LinkSettings?
        let values: [String?]
        do throws(KernelError) {
            link = configuration.adjustment.isEmpty ? nil : try tuner.existingLink(named: name)
            values = try tuner.read(sysctls)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
        var complaints: [String] = []
        for (index, setting) in configuration.sysctls.enumerated() {
            // What can only be written cannot be compared, and writing nothing changes nothing.
            guard let value = values[index], !setting.value.isEmpty, !SysctlChange.isSame(value, setting.value) else {
                continue
            }
            complaints.append("sysctl \(sysctls[index]) is \(value) instead of \(setting.value)")
        }
        if !configuration.adjustment.isEmpty {
            complaints += link.map { differences(of: $0, from: configuration.adjustment) } ?? ["\(name) is missing"]
        }
        guard complaints.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "\(name) of container \(request.invocation.containerID) is not tuned as promised",
                details: complaints.joined(separator: "; ")
            )
        }
    }

    private func differences(of link: LinkSettings, from wanted: LinkAdjustment) -> [String] {
        var complaints: [String] = []
        if let address = wanted.address, link.address != address {
            complaints.append("\(name) has MAC \(link.address.map { "\($0)" } ?? "none") instead of \(address)")
        }
        if let mtu = wanted.mtu, link.mtu != mtu { complaints.append("\(name) has MTU \(link.mtu) instead of \(mtu)") }
        if let isOn = wanted.isPromiscuous, link.isPromiscuous != isOn {
            complaints.append("\(name) is \(isOn ? "not " : "")promiscuous")
        }
        if let isOn = wanted.isAllMulticast, link.isAllMulticast != isOn {
            complaints.append("\(name) is \(isOn ? "not " : "")in all-multicast mode")
        }
        if let length = wanted.transmitQueueLength, link.transmitQueueLength != length {
            complaints.append("\(name) has a transmit queue of \(link.transmitQueueLength) instead of \(length)")
        }
        return complaints
    }

    /// Whether an ADD could be served: the configuration makes sense, and the administrator allows its sysctls.
    func probe() throws(CNIError) {
        let configuration = try TuningConfiguration(request)
        guard !configuration.sysctls.isEmpty else { return }
        do throws(CNIError) {
            try SysctlAllowlist.installed()?.permit(configuration.sysctls)
        } catch {
            throw CNIError(.unavailable, error.message, details: error.details)
        }
    }
}
