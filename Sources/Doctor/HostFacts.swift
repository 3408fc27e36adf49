// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
package import JSON
package import Pools

/// All that was found out about a host, for examinations to judge; plain values, so that any host can be made up.
package struct HostFacts: Sendable {
    /// A file in a directory of configurations.
    package struct File: Hashable, Sendable {
        package let path: String
        /// Nil when it is not JSON, or cannot be read.
        package let document: JSONValue?

        package init(path: String, document: JSONValue?) {
            self.path = path
            self.document = document
        }
    }

    /// A network link of the host.
    package struct Link: Hashable, Sendable {
        package let index: Int32
        package let name: String
        /// As ip-link(8) calls it; empty for hardware.
        package var kind = ""
        package var mtu = 1500
        /// The index of the bridge that it is a port of.
        package var master: Int32?
        /// Of one end of a pair, the other's index; of a link upon another, that one's.
        package var peer: Int32?
        package var isPeerAbroad = false
        package var isUp = true
        package var isLoopback = false
        /// Of a bridge, whether it can tell VLANs apart at all.
        package var knowsVLANs = true
        package var alias = ""

        package init(index: Int32, name: String, kind: String = "") {
            self.index = index
            self.name = name
            self.kind = kind
        }
    }

    package struct Address: Hashable, Sendable {
        package let address: CIDR
        package let link: Int32
        package let isLinkLocal: Bool

        package init(_ address: CIDR, link: Int32, isLinkLocal: Bool = false) {
            self.address = address
            self.link = link
            self.isLinkLocal = isLinkLocal
        }
    }

    /// A route of the main table.
    package struct Route: Hashable, Sendable {
        package let destination: CIDR
        package let link: Int32?

        package init(_ destination: CIDR, link: Int32?) {
            self.destination = destination
            self.link = link
        }
    }

    /// A chain of nf_tables.
    package struct Chain: Hashable, Sendable {
        /// Such as `ip filter`.
        package let table: String
        package let name: String
        /// Whether it sees what the host forwards, and drops what none of its rules accepts.
        package let dropsForwarded: Bool
        /// The comments of its rules, as far as they were read.
        package let comments: [String]

        package init(table: String, name: String, dropsForwarded: Bool = false, comments: [String] = []) {
            self.table = table
            self.name = name
            self.dropsForwarded = dropsForwarded
            self.comments = comments
        }
    }

    /// What a plugin wrote down about an attachment.
    package struct Record: Hashable, Sendable {
        package let network: String
        package let containerID: String
        package let interfaceName: String
        /// Empty for the plugin that made the interface.
        package var plugin = ""
        /// Whether the container's namespace is provably gone.
        package var isDead = false
        /// Whether the ADD was completed, and no DEL begun.
        package var isAttached = true
        /// The configured type, such as `bridge`.
        package var type = "bridge"
        package var bridge = ""
        package var hostInterface = ""
        package var addresses: [CIDR] = []
        /// With the length of the network that they are in.
        package var gateways: [CIDR] = []
        /// Whether its configuration asks for the shortcut past the bridge.
        package var asksForShortcut = false
        /// Where the daemon of its switch listens; empty when it is on none in user space.
        package var switchSocket = ""

        package init(network: String, containerID: String, interfaceName: String = "eth0") {
            self.network = network
            self.containerID = containerID
            self.interfaceName = interfaceName
        }

        package var name: String { "\(network)/\(containerID):\(interfaceName)" }
    }

    /// Who has something on a network, by anybody's word: a record, a lease, or what a runtime remembers.
    package struct Owner: Hashable, Sendable {
        package let network: String
        package let containerID: String

        package init(network: String, containerID: String) {
            self.network = network
            self.containerID = containerID
        }
    }

    /// A program in a directory of plugins.
    package struct Program: Hashable, Sendable {
        package let directory: String
        package let name: String
        package let isExecutable: Bool
        /// Nil when it was not asked, or is none that says so.
        package let implementation: Implementation?
        /// Empty when it did not say.
        package let versions: [String]

        package enum Implementation: Hashable, Sendable {
            case ours
            case foreign
        }

        package init(
            directory: String,
            name: String,
            isExecutable: Bool = true,
            implementation: Implementation? = nil,
            versions: [String] = []
        ) {
            self.directory = directory
            self.name = name
            self.isExecutable = isExecutable
            self.implementation = implementation
            self.versions = versions
        }

        package var path: String { "\(directory)/\(name)" }
    }

    /// One pool of a network.
    package struct Pool: Hashable, Sendable {
        package let network: String
        /// The file, and the place in it.
        package let place: String
        /// The type of the plugin that the addresses are for.
        package let type: String
        package let bridge: String
        /// The lease directory.
        package let directory: String
        package let subnet: CIDR
        package let first: IPAddress
        package let last: IPAddress
        package let gateway: IPAddress
        package var isSticky = false
        /// How many addresses may be given to anybody; 0 when nobody counted.
        package var total: UInt128 = 0
        package var taken: UInt128 = 0

        package init(
            network: String,
            place: String,
            type: String = "bridge",
            bridge: String = "cni0",
            directory: String = "",
            subnet: CIDR,
            gateway: IPAddress? = nil
        ) {
            self.init(
                network: network,
                place: place,
                type: type,
                bridge: bridge,
                directory: directory,
                subnet: subnet,
                range: (subnet.first, subnet.last),
                gateway: gateway ?? subnet.first
            )
        }

        package init(
            network: String,
            place: String,
            type: String,
            bridge: String,
            directory: String,
            subnet: CIDR,
            range: (first: IPAddress, last: IPAddress),
            gateway: IPAddress
        ) {
            self.network = network
            self.place = place
            self.type = type
            self.bridge = bridge
            self.directory = directory
            self.subnet = subnet
            (first, last) = range
            self.gateway = gateway
        }
    }

    /// The file system that a directory is on.
    package struct Store: Hashable, Sendable {
        package let directory: String
        /// As proc_pid_mountinfo(5) calls it, such as `ext4`.
        package let kind: String
        package var isReadOnly = false
        /// Whether neither a file nor an octet fits any more.
        package var isFull = false
        /// Whether what is in it should outlive a reboot.
        package var shouldLast = false

        package init(directory: String, kind: String) {
            self.directory = directory
            self.kind = kind
        }
    }

    package var files: [File] = []
    package var networks: [NetworkFile] = []
    /// What was refused of configurations: the file, and why.
    package var refusals: [String] = []
    package var searchPath: [String] = []
    package var programs: [Program] = []
    package var links: [Link] = []
    package var addresses: [Address] = []
    package var routes: [Route] = []
    package var chains: [Chain] = []
    /// Whether the kernel has nf_tables; nil when it could not be asked.
    package var hasPacketFilter: Bool?
    /// Tables of the older iptables, with the family, such as `nat (IPv4)`.
    package var legacyTables: [String] = []
    /// What runs `culvert reload --dry-run` says, one line for each attachment.
    package var missingRules: [String] = []
    package var records: [Record] = []
    /// Owners of leases that are not known to be dead, and of what runtimes remember.
    package var otherOwners: Set<Owner> = []
    /// Whether all were read who may have something here; otherwise nothing is called stale for want of an owner.
    package var isEverybodyKnown = true
    /// Of what runtimes remember, files of containers that are gone.
    package var staleCaches: [String] = []
    package var pools: [Pool] = []
    package var leaseProblems: [PoolProblem] = []
    package var stores: [Store] = []
    /// Values of settings, by their names below `net/`; those that the kernel does not have are not in it.
    package var settings: [String: String] = [:]
    /// Texts of files that tell of other programs, by path.
    package var texts: [String: String] = [:]
    /// Which of the files and directories that give other programs away are there.
    package var signs: Set<String> = []
    /// Kinds of links that the kernel does not have.
    package var missingKinds: Set<String> = []
    /// Why there can be no shortcut past bridges; nil when there can, or when nobody asks for one.
    package var shortcutFailure: String?
    /// What there is of shortcuts that records ask for, by the host's end of their pair; nil when it was not looked at.
    package var shortcuts: [String: Shortcut]?

    /// What daemons of switches said, by where they listen; those that could not be asked are not in it.
    package var switchDaemons: [String: SwitchDaemon] = [:]

    package init() {}
}

/// A network as a file configures it.
package struct NetworkFile: Hashable, Sendable {
    package let name: String
    package let path: String
    package let version: CNIVersion
    package let plugins: [JSONReader]

    package init(name: String, path: String, version: CNIVersion, plugins: [JSONReader]) {
        self.name = name
        self.path = path
        self.version = version
        self.plugins = plugins
    }
}
