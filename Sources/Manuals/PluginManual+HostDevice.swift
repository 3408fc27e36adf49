// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let hostDevice = PluginManual(
        name: "host-device",
        role: .interface,
        summary: "lends a container a link of the host",
        example: [
            "type": "host-device", "device": "ens1",
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.78.0.0/24"]]]],
        ],
        tables: [
            KeyTable(
                mark: "host-device",
                place: "",
                keys: [
                    ConfigurationKey(
                        "device",
                        .string,
                        .none,
                        example: "ens7",
                        "the link's name on the host"
                    ),
                    ConfigurationKey(
                        "hwaddr",
                        .string,
                        .none,
                        example: "02:00:00:00:00:05",
                        without: ["device"],
                        """
                        its MAC address, of six octets. Of several links, hardware comes first, then what was \
                        made first
                        """
                    ),
                    ConfigurationKey(
                        "kernelpath",
                        .string,
                        .none,
                        example: "/sys/devices/pci0000:00/0000:00:1f.6",
                        without: ["device"],
                        "a directory below `/sys/devices/`, of whose links the first by name is meant"
                    ),
                    ConfigurationKey(
                        "pciBusID",
                        .string,
                        .none,
                        example: "0000:03:00.1",
                        without: ["device"],
                        "its address on the PCI bus, such as `0000:03:00.1`; also of a virtio device"
                    ),
                    ConfigurationKey(
                        "dpdkMode",
                        .boolean,
                        .value(false),
                        example: true,
                        "a process has the device: no link is touched"
                    ),
                    .optionalIPAM,
                    .dns,
                ]
            )
        ],
        related: ["culvert-macvlan", "culvert-host-local"]
    )
}
