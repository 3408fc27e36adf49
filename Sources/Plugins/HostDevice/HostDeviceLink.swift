// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// A link of the host in a container; like `ip link set DEVICE netns … name NAME`, and back.
struct HostDeviceLink: InterfaceKind {
    static let noun = "a device of the host"
    /// Whatever the host has.
    static let linkKinds: [String] = []
    /// A device may be there for frames, or for a process.
    static let needsAddresses = false

    /// nil when the runtime chooses one for each container, and this is no ADD.
    let choice: DeviceChoice?
    /// The driver that has handed the device to a process, or `dpdkMode`; nil when the device has a link.
    let userspaceDriver: String?
    /// As sysfs writes it; empty when the device is not named by it.
    let pciAddress: String
    let dns: DNS

    var hasLink: Bool { userspaceDriver == nil }

    init(_ request: Request) throws(CNIError) {
        let configuration = request.configuration
        let (choice, onBus, isUserspace, isAssigned) = try request.reading { reader throws(JSONTypeError) in
            (
                try DeviceChoice.read(reader, assigned: configuration.runtimeConfig),
                try DeviceChoice.onBus(reader, assigned: configuration.runtimeConfig),
                try reader.bool("dpdkMode") ?? false,
                try reader.object("capabilities")?.bool("deviceID") ?? false
            )
        }
        let isAdd = request.invocation.command == .add
        if choice == nil, !isAssigned || isAdd {
            throw CNIError(
                .invalidConfiguration,
                "specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"",
                details: "or have the runtime say deviceID, by \"capabilities\": {\"deviceID\": true}"
            )
        }
        // The runtime tells ADD, and whoever it remembers to.
        self.choice = isAssigned && !isAdd && choice == onBus ? nil : choice
        dns = configuration.dns
        var address = ""
        if case .pci(let written) = onBus { address = written }
        pciAddress = address
        userspaceDriver = try HostDeviceLink.userspaceDriver(request, address) ?? (isUserspace ? "dpdkMode" : nil)
    }

    private static func userspaceDriver(_ request: Request, _ address: String) throws(CNIError) -> String? {
        // What was done counts, not what would be done now.
        if request.invocation.command == .check {
            let record = try translating("cannot read the record of \(request.key)", .storeUnusable) {
                () throws(KernelError) in try request.attachments.record(of: request.key)
            }
            if let record { return record.device == nil ? "a driver in userspace" : nil }
        }
        guard !address.isEmpty else { return nil }
        return try translating("cannot look for PCI device \(address)") { () throws(KernelError) in
            try DeviceTree.userspaceDriver(ofPCI: address)
        }
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        guard let choice else { preconditionFailure("an ADD without a device was refused before") }
        if let userspaceDriver {
            guard !AddressDelegate.needsLink(request) else {
                throw CNIError(
                    .invalidConfiguration,
                    "ipam: \(request.configuration.ipamType) asks through a link, and \(choice.description) has none",
                    details: "its driver is \(userspaceDriver); have ipam give addresses by itself, such as static"
                )
            }
            var plan = InterfacePlan(request, making: [])
            plan.pciID = pciAddress
            return plan
        }
        let loans = DeviceLoans(choice, request)
        guard let found = try loans.find(on: host) else { throw try loans.refusal(.invalidConfiguration) }
        guard !found.link.isLoopback else {
            throw CNIError(
                .invalidConfiguration,
                "\(choice.description): the loopback interface cannot be lent",
                details: "name another link"
            )
        }
        let device = try loans.own(found)
        let move = DeviceMove(
            device,
            index: found.link.index,
            currentName: found.link.name,
            name: request.key.interfaceName
        )
        var plan = InterfacePlan(request, making: [.move(move)])
        plan.device = device
        if case .pci(let address) = choice { plan.pciID = address }
        return plan
    }

    static func clear(
        _ key: AttachmentKey,
        _ record: AttachmentRecord?,
        _ request: Request,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) {
        try request.takeBackDevice(of: key, record, on: host)
    }

    func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError) {
        // A device that the runtime chooses is not known yet; one that a process has needs no link.
        guard let choice, hasLink else { return }
        let loans = DeviceLoans(choice, request)
        guard try loans.find(on: host) == nil, try loans.holder() == nil else { return }
        throw try loans.refusal(.unavailable)
    }

    func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        guard let details = seen.details, let device = try request.attachments.record(of: request.key)?.device,
            !device.isMarked(upon: details)
        else { return [] }
        return ["\(details.link.name) is not \(device.name) of the host"]
    }
}
