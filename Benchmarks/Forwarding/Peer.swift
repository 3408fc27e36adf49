// SPDX-License-Identifier: Apache-2.0
import ForwardingReference

/// Tables of somebody else, out of a shared object, as Benchmarks/DPDK makes one.
struct Peer {
    let name: String
    private let tables: peer_tables

    /// Loads the shared object and starts what is in it.
    ///
    /// - Returns: nil when that fails; the reason has gone to standard error.
    init?(_ name: String, path: String) {
        guard let tables = peer_open(path)?.pointee, tables.start() == 0 else { return nil }
        self.name = name
        self.tables = tables
    }

    /// How often a second the processor's clock ticks.
    var frequency: UInt64 { tables.frequency() }

    /// A table of stations with the numbers of their interfaces.
    func stations(_ stations: [(key: UInt64, interface: UInt16)], asked keys: [UInt64]) -> PeerStations {
        guard let table = tables.stations_make(UInt32(stations.count)) else {
            preconditionFailure("\(name) has no memory for \(stations.count) stations")
        }
        for (key, interface) in stations {
            precondition(tables.stations_add(table, key, UInt64(interface)) >= 0, "\(name) takes every station")
        }
        return PeerStations(tables: tables, table: table, keys: keys)
    }

    /// A table of routes.
    func routes(_ routes: [(prefix: UInt32, length: Int)], values: [UInt32], asked addresses: [UInt32]) -> PeerRoutes {
        guard let table = tables.routes_make() else { preconditionFailure("\(name) has no memory for routes") }
        for (index, route) in routes.enumerated() {
            let result = tables.routes_add(table, route.prefix, UInt8(route.length), UInt64(values[index]))
            precondition(result == 0, "\(name) takes every route")
        }
        return PeerRoutes(tables: tables, table: table, addresses: addresses)
    }
}

/// A table of stations, and what it is asked.
final class PeerStations {
    private let tables: peer_tables
    private let table: UnsafeMutableRawPointer
    private let keys: [UInt64]
    private var found: [UInt64]

    fileprivate init(tables: peer_tables, table: UnsafeMutableRawPointer, keys: [UInt64]) {
        self.tables = tables
        self.table = table
        self.keys = keys
        found = [UInt64](repeating: 0, count: keys.count)
    }

    deinit {
        tables.stations_free(table)
    }

    func lookup(_ range: Range<Int>) {
        keys.withUnsafeBufferPointer { keys in
            guard let base = keys.baseAddress else { return }
            tables.stations_lookup(table, base + range.lowerBound, range.count, &found)
        }
    }

    /// The interfaces of all keys that are asked for.
    func interfaces() -> [UInt16] {
        lookup(keys.indices)
        return found.map { UInt16(truncatingIfNeeded: $0) }
    }
}

/// A table of routes, and what it is asked.
final class PeerRoutes {
    private let tables: peer_tables
    private let table: UnsafeMutableRawPointer
    private var addresses: [UInt32]
    private var found: [UInt64]

    fileprivate init(tables: peer_tables, table: UnsafeMutableRawPointer, addresses: [UInt32]) {
        self.tables = tables
        self.table = table
        self.addresses = addresses
        found = [UInt64](repeating: 0, count: addresses.count)
    }

    deinit {
        tables.routes_free(table)
    }

    func lookup(_ range: Range<Int>) {
        addresses.withUnsafeMutableBufferPointer { addresses in
            guard let base = addresses.baseAddress else { return }
            tables.routes_lookup(table, base + range.lowerBound, range.count, &found)
        }
    }

    /// The values of all addresses that are asked for.
    func values() -> [UInt32] {
        lookup(addresses.indices)
        return found.map { UInt32(truncatingIfNeeded: $0) }
    }
}
