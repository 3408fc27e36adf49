// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// Where a device is: on the host, or in a container that a record tells of.
struct DeviceLoans {
    private let choice: DeviceChoice
    private let request: Request

    init(_ choice: DeviceChoice, _ request: Request) {
        self.choice = choice
        self.request = request
    }

    /// The link of the device on the host, by whatever name; nil when it is not there.
    func find(on host: borrowing NetlinkSocket) throws(CNIError) -> LinkDetails? {
        try translating("cannot look for \(choice.description)") { () throws(KernelError) in
            switch choice {
            case .name(let name):
                if let details = try host.details(ofLink: name) { return details }
                return try returned(on: host)
            case .address(let address):
                let links = try host.allDetails().filter { $0.link.address == address && !$0.link.isLoopback }
                // VLANs and bridges have the address of what they rest upon.
                return links.first { $0.link.kind.isEmpty } ?? links.first
            case .path, .pci, .auxiliary:
                for name in try DeviceTree.links(of: choice.place) {
                    if let details = try host.details(ofLink: name) { return details }
                }
                return nil
            }
        }
    }

    /// The device when the kernel took it back from a dead container, under another name.
    private func returned(on host: borrowing NetlinkSocket) throws(KernelError) -> LinkDetails? {
        for (_, device) in try loans() where isChosen(device) {
            if let details = try host.allDetails().first(where: { device.isMarked(upon: $0) }) { return details }
        }
        return nil
    }

    /// What a link of the host is to be again one day: what it is now, or what it was before it went to a container that
    /// never gave it back.
    func own(_ details: LinkDetails) throws(CNIError) -> LentDevice {
        if !details.alias.isEmpty {
            let earlier = try translating("cannot read the records") { () throws(KernelError) in
                try loans().first { $0.device.isMarked(upon: details) }
            }
            if let device = earlier?.device { return LentDevice(device, place: choice.place) }
        }
        return LentDevice(details, place: choice.place)
    }

    /// The attachment that has the device, unless its container is dead; nil when none has.
    func holder() throws(CNIError) -> AttachmentKey? {
        try translating("cannot read the records", .storeUnusable) { () throws(KernelError) in
            try loans().first { isChosen($0.device) && !$0.record.isOfDeadContainer }?.record.key
        }
    }

    /// Why there is no device for a container.
    ///
    /// `code`: when nobody has it; another container may give it back.
    func refusal(_ code: CNIError.Code) throws(CNIError) -> CNIError {
        if let holder = try holder() {
            return CNIError(
                .tryAgainLater,
                "\(choice.description) is in a container",
                details: "\(holder) has it; DEL that first"
            )
        }
        let isThere = try translating("cannot look for \(choice.description)") { () throws(KernelError) in
            choice.place.isEmpty ? false : try DeviceTree.exists(choice.place)
        }
        return CNIError(
            code,
            isThere ? "\(choice.description) has no link on the host" : "\(choice.description) is not on the host",
            details: isThere ? "its driver makes none, or the link is in another namespace" : "name a device that is"
        )
    }

    /// The attachment that was lent a device last, whether its container lives or not; nil when no record tells of one.
    static func latest(of device: LentDevice, _ request: Request) throws(CNIError) -> AttachmentKey? {
        try translating("cannot read the records", .storeUnusable) { () throws(KernelError) in
            try DeviceLoans(.name(device.name), request).loans().first { loan in
                loan.device.name == device.name && loan.device.kind == device.kind
            }?.record.key
        }
    }

    private func isChosen(_ device: LentDevice) -> Bool {
        switch choice {
        case .name(let name): device.name == name
        case .address(let address): device.address == address
        case .path, .pci, .auxiliary: device.place == choice.place
        }
    }

    /// All loans that are recorded, the latest first.
    private func loans() throws(KernelError) -> [(record: AttachmentRecord, device: LentDevice)] {
        var found: [(record: AttachmentRecord, device: LentDevice)] = []
        for network in try request.attachments.networks() {
            for key in try request.attachments.keys(of: network) {
                guard let record = try request.attachments.record(of: key), let device = record.device else { continue }
                found.append((record, device))
            }
        }
        return found.sorted { $0.record.intendedNanoseconds > $1.record.intendedNanoseconds }
    }
}
