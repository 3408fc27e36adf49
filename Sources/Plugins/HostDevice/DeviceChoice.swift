// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Interfaces
internal import JSON

/// By what a configuration names the device.
enum DeviceChoice: Hashable, Sendable {
    case name(String)
    case address(MACAddress)
    /// A directory below `/sys/devices`, in which the link is.
    case path(String)
    /// On the PCI bus, such as `0000:03:00.1`.
    case pci(String)
    /// On the auxiliary bus, such as `mlx5_core.sf.4`.
    case auxiliary(String)

    /// Reads `device`, `hwaddr`, `kernelpath` and `pciBusID`, of which the first counts.
    ///
    /// `assigned`: the capability `deviceID`, which takes the place of `pciBusID`.
    /// - Returns: nil when there is none.
    static func read(_ reader: JSONReader, assigned: JSONReader?) throws(JSONTypeError) -> DeviceChoice? {
        let bus = try onBus(reader, assigned: assigned)
        let choices = [try named(reader), try addressed(reader), try placed(reader), bus]
        for case .some(let choice) in choices { return choice }
        return nil
    }

    /// The device on a bus alone: by that its driver is known.
    static func onBus(_ reader: JSONReader, assigned: JSONReader?) throws(JSONTypeError) -> DeviceChoice? {
        let configured = try given("pciBusID", reader).map { member throws(JSONTypeError) in
            guard let address = pciAddress(try member.string()) else {
                throw member.mismatch(expected: "a PCI address, such as 0000:03:00.1")
            }
            return DeviceChoice.pci(address)
        }
        guard let member = try assigned.flatMap({ reader throws(JSONTypeError) in try given("deviceID", reader) })
        else { return configured }
        let text = try member.string()
        if let address = pciAddress(text) { return .pci(address) }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "/") }), ![".", ".."].contains(text) else {
            throw member.mismatch(expected: "a PCI address, or the name of a device of the auxiliary bus")
        }
        return .auxiliary(text)
    }

    private static func named(_ reader: JSONReader) throws(JSONTypeError) -> DeviceChoice? {
        try given("device", reader).map { member throws(JSONTypeError) in
            let name = try member.string()
            guard isLinkName(name) else { throw member.mismatch(expected: "the name of a link") }
            return .name(name)
        }
    }

    private static func addressed(_ reader: JSONReader) throws(JSONTypeError) -> DeviceChoice? {
        try given("hwaddr", reader).map { member throws(JSONTypeError) in
            guard let address = MACAddress(try member.string()) else {
                throw member.mismatch(expected: "a MAC address")
            }
            return .address(address)
        }
    }

    private static func placed(_ reader: JSONReader) throws(JSONTypeError) -> DeviceChoice? {
        try given("kernelpath", reader).map { member throws(JSONTypeError) in
            var path = try member.string()
            while path.hasSuffix("/") { path.removeLast() }
            guard path.hasPrefix("/sys/devices/"), !path.split(separator: "/").contains("..") else {
                throw member.mismatch(expected: "an absolute path that begins with /sys/devices/")
            }
            return .path(path)
        }
    }

    /// A member that says something.
    private static func given(_ key: String, _ reader: JSONReader) throws(JSONTypeError) -> JSONReader? {
        guard let member = try reader.member(key), try !member.string().isEmpty else { return nil }
        return member
    }

    /// The address as sysfs writes it; nil for what is none.
    ///
    /// Domain, bus, device and function, in hexadecimal: `%04x:%02x:%02x.%d` of the kernel's `pci_setup_device`, with
    /// longer domains behind some bridges.
    private static func pciAddress(_ text: String) -> String? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, (4...8).contains(parts[0].utf8.count), parts[1].utf8.count == 2 else { return nil }
        let place = Array(parts[2].utf8)
        guard place.count == 4, place[2] == UInt8(ascii: "."), functions.contains(place[3]) else { return nil }
        let digits = Array(parts[0].utf8) + Array(parts[1].utf8) + place[0..<2]
        guard digits.allSatisfy(isHexadecimal) else { return nil }
        return text.lowercased()
    }

    private static let functions = UInt8(ascii: "0")...UInt8(ascii: "7")

    private static func isHexadecimal(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    /// The key and its value, for messages.
    var description: String {
        switch self {
        case .name(let name): "device \"\(name)\""
        case .address(let address): "hwaddr \(address)"
        case .path(let path): "kernelpath \(path)"
        case .pci(let address): "PCI device \(address)"
        case .auxiliary(let name): "auxiliary device \(name)"
        }
    }

    /// Where it is in sysfs; empty when it is not named by that.
    var place: String {
        switch self {
        case .name, .address: ""
        case .path(let path): path
        case .pci(let address): "/sys/bus/pci/devices/\(address)"
        case .auxiliary(let name): "/sys/bus/auxiliary/devices/\(name)"
        }
    }
}
