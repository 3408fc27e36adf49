// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// What sysfs says of devices; of their links it shows those of its own namespace alone.
///
/// The kernel's Documentation/ABI/testing/sysfs-class-net and sysfs-bus-pci.
enum DeviceTree {
    /// Drivers that hand a device to a process: no link belongs to it.
    ///
    /// DPDK, "Linux Drivers".
    private static let userspaceDrivers = ["vfio-pci", "uio_pci_generic", "igb_uio"]

    /// The driver that has handed a PCI device to a process; nil when none has.
    static func userspaceDriver(ofPCI address: String) throws(KernelError) -> String? {
        for driver in userspaceDrivers where try FileStatus.of("/sys/bus/pci/drivers/\(driver)/\(address)") != nil {
            return driver
        }
        return nil
    }

    /// The names of the links of a device, in order; none when the device is gone.
    static func links(of place: String) throws(KernelError) -> [String] {
        let own = try names(in: "\(place)/net")
        if !own.isEmpty { return own.sorted() }
        // Of a virtio device, its PCI device has only the transport.
        for name in try names(in: place).sorted() where name.hasPrefix("virtio") {
            let below = try names(in: "\(place)/\(name)/net")
            if !below.isEmpty { return below.sorted() }
        }
        return []
    }

    static func exists(_ place: String) throws(KernelError) -> Bool { try FileStatus.of(place) != nil }

    private static func names(in path: String) throws(KernelError) -> [String] {
        do throws(KernelError) {
            return try Directory(path: path).names()
        } catch {
            guard [.noSuchFileOrDirectory, .notDirectory].contains(error.errno) else { throw error }
            return []
        }
    }
}
