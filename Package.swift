// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// With CULVERT_FUZZ set, everything is instrumented for libFuzzer and only the fuzzers can be linked.
let isFuzzing = Context.environment["CULVERT_FUZZ"] != nil

/// With CULVERT_EMBEDDED set, there is only `culvert-cni`, in Embedded Swift.
///
/// A plugin, which lives for two
/// milliseconds, is not kept waiting by a run-time library. Without it everything is ordinary Swift, for the tests and
/// for `culvert`.
let isEmbedded = Context.environment["CULVERT_EMBEDDED"] != nil

/// With CULVERT_BENCHMARKS set, there is also `forwarding-bench`, which means something only with `-c release`.
let isBenchmarking = Context.environment["CULVERT_BENCHMARKS"] != nil

let language: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
let strict = language + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : [])
/// For targets that only compute: the word `unsafe` may not occur in them.
let pure: [SwiftSetting] = strict + [.strictMemorySafety(), .treatWarning("StrictMemorySafety", as: .error)]
/// For views of memory that somebody else owns: `@_lifetime` says whose.
let pureWithViews = pure + [.enableExperimentalFeature("Lifetimes")]

/// A library of rows 1 to 5.
func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    settings: [SwiftSetting] = strict
) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// One CNI plugin, a library in `Sources/Plugins`.
func plugin(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name,
        dependencies: ["CNI", "JSON", "Addressing", "Journal", "Linux", "Plugin"] + dependencies,
        path: "Sources/Plugins/\(name)",
        swiftSettings: strict
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// An executable that feeds libFuzzer's inputs to one function of `FuzzBodies`.
func fuzzer(_ name: String, path: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["FuzzBodies"],
        path: path,
        exclude: ["corpus"],
        swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])],
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]
    )
}

let fuzzers: [Target] =
    isFuzzing
    ? [
        fuzzer("fuzz-configuration", path: "Fuzz/Configuration"),
        fuzzer("fuzz-result", path: "Fuzz/Result"),
        fuzzer("fuzz-frame", path: "Fuzz/Frame"),
    ] : []

/// `Forwarding` beside the same in C.
let benchmarks: [Target] =
    isBenchmarking
    ? [
        .target(
            name: "ForwardingReference",
            path: "Benchmarks/ForwardingReference",
            cSettings: [.unsafeFlags(["-O3"])]
        ),
        .executableTarget(
            name: "forwarding-bench",
            dependencies: ["Forwarding", "ForwardingReference", "Addressing"],
            path: "Benchmarks/Forwarding",
            swiftSettings: language
        ),
        .executableTarget(
            name: "shortcut-bench",
            dependencies: ["FastPath", "Netlink", "Linux", "Addressing"],
            path: "Benchmarks/Shortcut",
            swiftSettings: language
        ),
    ] : []

/// Row 0: C.
let foreign: [Target] = [
    .target(name: "CLinux"),
    .target(name: "CPrefetch"),
    .systemLibrary(name: "CNetlink", pkgConfig: "libnl-3.0", providers: [.apt(["libnl-3-dev"])]),
    .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
]

let modules: [Target] = [
    // Rows 1 and 2: pure
    module("Addressing", settings: pure),
    module("AddressPools", ["Addressing"], settings: pure),
    module("Forwarding", ["Addressing", "CPrefetch"], settings: pureWithViews),
    module("JSON", ["CJansson"]),
    module("CNI", ["Addressing", "JSON"], settings: pure),
    module("DHCP", ["Addressing"], settings: pure),
    // Row 3: the kernel
    module("Linux", ["CLinux"]),
    module("Netlink", ["CNetlink", "CLinux", "Linux", "Addressing"]),
    // The program that it loads is C, and compiled on the way.
    .plugin(name: "CompilePrograms", capability: .buildTool()),
    .target(
        name: "FastPath",
        dependencies: ["Netlink", "CNetlink", "CLinux", "Linux", "Addressing"],
        exclude: ["Program"],
        swiftSettings: strict,
        plugins: ["CompilePrograms"]
    ),
    module("IPTables", ["CLinux", "Linux", "Addressing"]),
    module("Firewalld", ["CLinux", "Linux", "Addressing"]),
    module("PacketFilter", ["Netlink", "CNetlink", "CLinux", "Linux", "Addressing"]),
    // Row 4
    module("Journal", ["CLinux", "Linux"]),
    module("Meters", ["Journal", "CLinux", "Linux"]),
    module("LeaseStore", ["AddressPools", "Addressing", "CLinux", "CSQLite", "Linux"]),
    module(
        "Wiring",
        [
            "FastPath", "Forwarding", "Journal", "LeaseStore", "Netlink", "PacketFilter", "IPTables", "JSON", "CLinux",
            "Linux", "Addressing",
        ]
    ),
    // Row 5
    module("Plugin", ["CNI", "Journal", "Meters", "Wiring", "JSON", "Linux"]),
    module(
        "Runtime",
        ["CNI", "Wiring", "JSON", "CLinux", "Linux", .product(name: "SystemPackage", package: "swift-system")]
    ),
    module(
        "Interfaces",
        [
            "Plugin", "CNI", "Forwarding", "Journal", "Wiring", "Netlink", "PacketFilter", "JSON", "Linux",
            "Addressing",
        ]
    ),
    module("DaemonTalk", ["CNI", "JSON", "Linux"]),
    module("DHCPLeases", ["DaemonTalk", "DHCP", "Wiring", "Netlink", "JSON", "CLinux", "Linux", "Addressing"]),
    module("SwitchControl", ["DaemonTalk", "CNI", "Wiring", "JSON", "Linux", "Addressing"]),
    // Row 6: one library per plugin
    plugin("Bandwidth", ["Wiring", "Netlink"]),
    plugin("Bridge", ["Forwarding", "Interfaces", "Wiring", "Netlink", "PacketFilter"]),
    module(
        "DHCPDaemon",
        ["DaemonTalk", "DHCPLeases", "DHCP", "CNI", "Wiring", "Netlink", "JSON", "CLinux", "Linux", "Addressing"]
    ),
    plugin("DHCPLeasing", ["CLinux", "DaemonTalk", "DHCP", "DHCPLeases", "Netlink", "Wiring"]),
    plugin("Dummy", ["Interfaces", "Netlink", "Wiring"]),
    plugin("HostDevice", ["Interfaces", "Netlink", "Wiring"]),
    plugin("HostLocal", ["AddressPools", "LeaseStore", "Wiring"]),
    plugin("IPVLAN", ["Interfaces", "Netlink", "Wiring"]),
    plugin("Loopback", ["Netlink"]),
    plugin("MACVLAN", ["Interfaces", "Netlink", "Wiring"]),
    plugin("PTP", ["Interfaces", "Netlink", "Wiring"]),
    plugin("PortMap", ["Wiring", "Netlink", "PacketFilter", "IPTables", "CLinux"]),
    plugin("Firewall", ["Wiring", "Netlink", "PacketFilter", "IPTables", "Firewalld"]),
    plugin("SBR", ["Netlink"]),
    plugin("Static", ["CLinux", "LeaseStore", "Netlink", "Wiring"]),
    plugin("Tap", ["Interfaces", "Netlink", "Wiring"]),
    plugin("Tuning", ["CLinux", "Netlink", "Wiring"]),
    plugin("VLAN", ["Interfaces", "Netlink", "Wiring"]),
    plugin("VRF", ["Interfaces", "Netlink"]),
    plugin("VSwitch", ["DaemonTalk", "Interfaces", "Netlink", "SwitchControl", "Wiring"]),
    module(
        "SwitchDaemon",
        [
            "DaemonTalk", "SwitchControl", "Forwarding", "CNI", "Wiring", "Netlink", "JSON", "CLinux", "Linux",
            "Addressing",
        ]
    ),
    module(
        "Pools",
        [
            "HostLocal", "Runtime", "Plugin", "Wiring", "LeaseStore", "CNI", "JSON", "CLinux", "Linux", "AddressPools",
            "Addressing",
        ]
    ),
    module("Manuals", ["JSON"]),
    module(
        "Doctor",
        [
            "Manuals",
            "Pools", "Runtime", "Plugin", "Wiring", "LeaseStore", "HostLocal", "Netlink", "PacketFilter", "IPTables",
            "SwitchControl", "DaemonTalk", "CNI", "JSON", "CLinux", "FastPath", "Linux", "AddressPools", "Addressing",
        ]
    ),
    module("History", ["Pools", "Journal", "CNI", "JSON", "CLinux", "Linux", "Addressing"]),
    module(
        "Attachments",
        [
            "Bridge", "Firewall", "HostDevice", "Interfaces", "IPVLAN", "MACVLAN", "Dummy", "PTP", "PortMap", "Tap",
            "VLAN", "VRF", "VSwitch", "Pools", "Runtime", "Plugin", "Wiring", "LeaseStore", "Netlink", "CNI", "JSON",
            "CLinux", "FastPath", "Linux", "Addressing",
        ]
    ),
    module(
        "Monitoring",
        [
            "Attachments", "Pools", "Meters", "Journal", "Plugin", "Wiring", "LeaseStore", "AddressPools", "Addressing",
            "CNI", "JSON", "CLinux", "DaemonTalk", "Linux", "SwitchControl",
        ]
    ),
    module("Installation", ["JSON", "CLinux", "Linux"]),
    module(
        "Reachability",
        [
            "FastPath", "Forwarding", "PacketFilter", "Netlink", "CNetlink", "IPTables", "Doctor", "Pools", "JSON",
            "CLinux", "Linux", "Addressing",
        ]
    ),
    module(
        "Topology",
        [
            "Attachments", "FastPath", "Monitoring", "Pools", "Reachability", "SwitchControl", "Wiring", "Netlink",
            "CNI", "JSON", "CLinux", "Linux", "Addressing",
        ]
    ),
    // Row 7: executables
    .executableTarget(
        name: "culvert-cni",
        dependencies: [
            "Plugin", "Bandwidth", "Bridge", "DHCPLeasing", "Dummy", "Firewall", "HostLocal", "IPVLAN", "Loopback",
            "MACVLAN", "PTP", "PortMap", "SBR", "Static", "Tap", "Tuning", "VLAN", "VRF", "VSwitch",
            "HostDevice", "Linux",
        ],
        swiftSettings: strict
    ),
    .executableTarget(name: "culvert-dhcpd", dependencies: ["DHCPDaemon", "Linux"], swiftSettings: strict),
    .executableTarget(name: "culvert-switchd", dependencies: ["SwitchDaemon", "Linux"], swiftSettings: strict),
    .executableTarget(
        name: "culvert",
        dependencies: [
            "Manuals",
            "Runtime", "CNI", "JSON", "CLinux", "Linux", "Wiring", "Plugin", "PortMap", "Firewall", "Interfaces",
            "DHCPLeases", "Attachments", "Pools", "HostLocal", "LeaseStore", "AddressPools", "Addressing",
            "Doctor", "Monitoring", "Journal", "History", "Installation", "Reachability", "Topology", "SwitchControl",
            "DaemonTalk",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict
    ),
    // Tests
    tests("AddressingTests", ["Addressing", "SeededNumbers"]),
    tests("AddressPoolsTests", ["AddressPools", "Addressing", "SeededNumbers"]),
    tests("ForwardingTests", ["Forwarding", "Addressing", "SeededNumbers"]),
    tests("JSONTests", ["JSON"]),
    tests("RuntimeTests", ["Runtime", "CNI", "JSON", "Linux", "TestSupport"]),
    tests("CNITests", ["CNI", "JSON", "Addressing", "FuzzBodies"]),
    tests("DHCPTests", ["DHCP", "Addressing"]),
    // What the fuzzers and the replay of their corpus in the tests have in common
    .target(
        name: "FuzzBodies",
        dependencies: ["CNI", "JSON", "Forwarding", "Addressing"],
        path: "Fuzz/Bodies",
        swiftSettings: strict
    ),
    // What the tests below share
    .target(name: "SeededNumbers", path: "Tests/SeededNumbers", swiftSettings: strict),
    .target(
        name: "TestSupport",
        dependencies: ["CLinux", "Linux", "Netlink", "CNI", "JSON", "Plugin"],
        path: "Tests/TestSupport",
        swiftSettings: strict
    ),
    // Forwarding against the kernel's bridge: a program, since the kernel of a guest has VLANs
    .target(name: "CTaps", path: "Tests/CTaps"),
    .executableTarget(
        name: "forwarding-replay",
        dependencies: ["Forwarding", "Netlink", "CNetlink", "CTaps", "CLinux", "Linux", "Addressing", "SeededNumbers"],
        path: "Tests/ForwardingReplay",
        swiftSettings: strict
    ),
    tests("JournalTests", ["Journal", "Linux", "TestSupport"]),
    tests("LinuxTests", ["Linux"]),
    tests("FastPathTests", ["FastPath", "Addressing", "CLinux", "Linux"]),
    tests("IPTablesTests", ["IPTables", "Addressing"]),
    tests("FirewalldTests", ["Firewalld"]),
    tests("LeaseStoreTests", ["LeaseStore", "Addressing", "Linux", "TestSupport"]),
    tests(
        "WiringTests",
        ["Wiring", "Addressing", "FastPath", "Forwarding", "JSON", "Linux", "Netlink", "PacketFilter", "SeededNumbers"]
    ),
    tests("NetlinkTests", ["Netlink", "Addressing", "Linux", "CNetlink"]),
    tests("PacketFilterTests", ["PacketFilter", "Netlink", "Addressing", "Linux"]),
    tests(
        "BandwidthTests",
        ["Bandwidth", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "Wiring", "TestSupport"]
    ),
    tests(
        "BridgeTests",
        [
            "Bridge", "Addressing", "CNI", "Forwarding", "Interfaces", "JSON", "Linux", "Netlink", "Plugin", "Wiring",
            "TestSupport",
        ]
    ),
    tests(
        "HostLocalTests",
        ["HostLocal", "AddressPools", "Addressing", "CNI", "JSON", "LeaseStore", "Linux", "Plugin", "TestSupport"]
    ),
    tests(
        "FirewallTests",
        ["Firewall", "Addressing", "CNI", "JSON", "Linux", "PacketFilter", "Plugin", "Wiring", "TestSupport"]
    ),
    tests(
        "PortMapTests",
        ["PortMap", "Addressing", "CNI", "JSON", "Linux", "PacketFilter", "Plugin", "Wiring", "TestSupport"]
    ),
    tests(
        "InterfacesTests",
        [
            "HostDevice",
            "Interfaces", "IPVLAN", "MACVLAN", "PTP", "Tap", "VLAN", "Addressing", "CNI", "Linux", "Netlink", "Plugin",
            "Wiring", "TestSupport",
        ]
    ),
    tests("PluginTests", ["Plugin", "Addressing", "CNI", "JSON", "Linux", "Wiring", "TestSupport"]),
    tests(
        "DHCPLeasesTests",
        ["DHCPLeases", "DHCP", "Addressing", "JSON", "Linux", "Wiring", "TestSupport"]
    ),
    tests("DHCPLeasingTests", ["DHCPLeasing", "Addressing", "CNI", "DHCP", "DHCPLeases", "Plugin", "TestSupport"]),
    tests("SwitchControlTests", ["SwitchControl", "Addressing", "JSON", "Wiring"]),
    tests(
        "SwitchDaemonTests",
        ["SwitchDaemon", "CLinux", "Forwarding", "JSON", "Linux", "SeededNumbers", "SwitchControl"]
    ),
    tests("DHCPDaemonTests", ["DHCPDaemon", "Addressing", "CNI", "DHCP", "DHCPLeases", "Wiring"]),
    tests(
        "PoolsTests",
        [
            "Pools", "AddressPools", "Addressing", "CNI", "HostLocal", "JSON", "LeaseStore", "Linux", "Plugin",
            "TestSupport",
        ]
    ),
    tests("MetersTests", ["Meters", "Journal", "Linux", "TestSupport"]),
    tests(
        "MonitoringTests",
        [
            "Monitoring", "Attachments", "Journal", "Meters", "Pools", "Wiring", "Addressing", "JSON", "Linux",
            "SwitchControl", "TestSupport",
        ]
    ),
    tests("HistoryTests", ["History", "Addressing", "Journal", "JSON", "Linux", "TestSupport"]),
    tests("InstallationTests", ["Installation", "JSON", "Linux", "TestSupport"]),
    tests(
        "ReachabilityTests",
        [
            "Reachability", "Doctor", "Forwarding", "Netlink", "PacketFilter", "Addressing", "JSON", "Linux",
            "SeededNumbers", "TestSupport",
        ]
    ),
    tests(
        "TopologyTests",
        [
            "Topology", "Attachments", "FastPath", "Netlink", "Pools", "Reachability", "SwitchControl", "Wiring",
            "Addressing", "CNI", "JSON", "Linux", "TestSupport",
        ]
    ),
    tests("DoctorTests", ["Doctor", "Pools", "Addressing", "CNI", "JSON", "Linux"]),
    tests(
        "ManualsTests",
        [
            "Manuals", "Bandwidth", "Bridge", "DHCPLeasing", "Dummy", "Firewall", "HostDevice", "HostLocal", "IPVLAN",
            "MACVLAN", "PTP", "PortMap", "SBR", "Static", "Tap", "Tuning", "VLAN", "VRF", "VSwitch", "CLinux", "CNI",
            "JSON", "Linux", "Plugin", "TestSupport",
        ]
    ),
    tests(
        "AttachmentsTests",
        [
            "Attachments", "Addressing", "CNI", "JSON", "Linux", "Netlink", "Plugin", "Pools", "Wiring", "TestSupport",
        ]
    ),
    // Tests of what the kernel does, for root
    tests("LinuxKernelTests", ["Linux", "TestSupport"]),
    tests("FastPathKernelTests", ["FastPath", "Addressing", "CLinux", "Linux", "Netlink", "TestSupport"]),
    tests("IPTablesKernelTests", ["IPTables", "Addressing", "Linux", "TestSupport"]),
    tests("FirewalldKernelTests", ["Firewalld", "Addressing", "Linux", "TestSupport"]),
    tests("NetlinkKernelTests", ["Netlink", "Addressing", "Linux", "TestSupport"]),
    tests("PacketFilterKernelTests", ["PacketFilter", "Netlink", "Addressing", "Linux", "TestSupport"]),
    tests(
        "BandwidthKernelTests",
        ["Bandwidth", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "Wiring", "TestSupport"]
    ),
    tests(
        "BridgeKernelTests",
        [
            "Bridge", "Addressing", "CNI", "FastPath", "JSON", "Linux", "Netlink", "PacketFilter", "Plugin", "Wiring",
            "TestSupport",
        ]
    ),
    tests("LoopbackKernelTests", ["Loopback", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "TestSupport"]),
    tests(
        "FirewallKernelTests",
        ["Firewall", "Addressing", "CNI", "Linux", "Netlink", "PacketFilter", "Plugin", "Wiring", "TestSupport"]
    ),
    tests(
        "PortMapKernelTests",
        ["PortMap", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "Wiring", "TestSupport"]
    ),
    tests("SBRTests", ["SBR", "Addressing", "CNI", "Netlink", "Plugin", "TestSupport"]),
    tests("SBRKernelTests", ["SBR", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "TestSupport"]),
    tests(
        "StaticTests",
        ["Static", "Addressing", "CNI", "JSON", "LeaseStore", "Linux", "Plugin", "Wiring", "TestSupport"]
    ),
    tests(
        "StaticKernelTests",
        ["Static", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "TestSupport"]
    ),
    tests(
        "TuningTests",
        ["Tuning", "Addressing", "CNI", "JSON", "Linux", "Netlink", "Plugin", "Wiring", "TestSupport"]
    ),
    tests("TuningKernelTests", ["Tuning", "Addressing", "CNI", "Linux", "Netlink", "Plugin", "TestSupport"]),
    tests("VRFTests", ["VRF", "Addressing", "CNI", "Netlink", "Plugin", "TestSupport"]),
    tests(
        "WiringKernelTests",
        [
            "Wiring", "Addressing", "FastPath", "Forwarding", "JSON", "Linux", "Netlink", "PacketFilter", "TestSupport",
        ]
    ),
]

/// All of `culvert-cni` as one module.
///
/// As several, the compiler (6.3.1) numbers the literals of a function anew in each
/// module that it copies the function into, and the linker then takes one literal for another.
let together: [Target] = [
    .plugin(name: "CompilePrograms", capability: .buildTool()),
    .systemLibrary(name: "Together"),
    .target(name: "CMusl"),
    .executableTarget(
        name: "culvert-cni",
        dependencies: ["CLinux", "CMusl", "CNetlink", "CJansson", "CSQLite", "Together"],
        path: "Sources",
        exclude: [
            "Manuals", "CPrefetch", "FastPath/Program", "CLinux", "CMusl", "CNetlink", "CJansson", "CSQLite",
            "Together", "Runtime", "culvert", "culvert-dhcpd", "culvert-switchd", "DHCPDaemon", "SwitchDaemon",
            "Doctor", "Pools", "Attachments", "Monitoring", "History", "Installation", "Reachability", "Topology",
            "PacketFilter/Ruleset.swift", "PacketFilter/PacketFilterSocket+Ruleset.swift",
            // Plugins say what an interface is to be, with the same values, and the kernel's bridge forwards.
            "Forwarding/Switch",
        ],
        swiftSettings: [
            .swiftLanguageMode(.v6),
            .enableExperimentalFeature("Embedded"),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            // The ordinary build warns; here imports are superfluous.
            // A section for each function: the linker drops what nobody calls. What is left lies closer together, and a
            // short life is mostly the first touch of pages.
            .unsafeFlags(["-wmo", "-suppress-warnings", "-Xfrontend", "-function-sections"]),
        ],
        plugins: ["CompilePrograms"]
    ),
]

let package = Package(
    name: "culvert",
    products: [
        .executable(name: "culvert-cni", targets: ["culvert-cni"])
    ]
        + (isEmbedded
            ? []
            : [
                .executable(name: "culvert", targets: ["culvert"]),
                .executable(name: "culvert-dhcpd", targets: ["culvert-dhcpd"]),
                .executable(name: "culvert-switchd", targets: ["culvert-switchd"]),
                // The one library that is for others: what it and Addressing offer is public.
                .library(name: "Forwarding", targets: ["Forwarding", "Addressing"]),
            ]),
    dependencies: [
        // Exact ones: whoever builds again gets the same programs.
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    ],
    targets: foreign + (isEmbedded ? together : modules + fuzzers + benchmarks)
)
