// SPDX-License-Identifier: Apache-2.0
import Addressing
import LeaseStore
import Linux
import Plugin
import Pools
import TestSupport
import Testing

/// An address from its text.
func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

/// A directory that stands for a host: configurations, leases and the run directory.
struct Site {
    let root: String

    static func with<Value>(_ body: (Site) throws -> Value) throws -> Value {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/net.d")
            try makeDirectory("\(root)/data")
            return try body(Site(root: root))
        }
    }

    var settings: Settings {
        Settings { $0 == "CULVERT_RUN_DIR" ? "\(root)/run" : $0 == "CULVERT_LOCK_TIMEOUT" ? "0" : nil }
    }

    var catalog: PoolCatalog {
        PoolCatalog.find(configurationDirectories: ["\(root)/net.d"], dataDirectories: ["\(root)/data"])
    }

    /// A list with one plugin that has host-local give addresses below this site.
    func configure(_ file: String, _ name: String, ipam: String) throws {
        let ipam = #"{"type": "host-local", "dataDir": "\#(root)/data", \#(ipam)}"#
        try writeFile(
            "\(root)/net.d/\(file)",
            #"{"cniVersion": "1.0.0", "name": "\#(name)", "plugins": [{"type": "bridge", "ipam": \#(ipam)}]}"#
        )
    }

    func ledger(_ network: String) throws -> LeaseLedger {
        try LeaseLedger(creating: "\(root)/data/\(network)", runDirectory: "\(root)/run", waitingAtMost: .seconds(20))
    }

    /// Leases addresses to containers `c1`, `c2` and so on.
    func lease(_ network: String, _ addresses: [String]) throws {
        var ledger = try ledger(network)
        for (position, text) in addresses.enumerated() {
            guard let address = IPAddress(text) else { throw KernelError(text, .invalidArgument) }
            let owner = LeaseOwner(containerID: "c\(position + 1)", interfaceName: "eth0")
            let isTaken = try ledger.take(address, for: LeaseClaimant(owner: owner))
            guard isTaken else { throw KernelError(text, .fileExists) }
        }
        ledger.commit()
    }
}
