// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import ForwardingReference

/// How many look-ups there are, each of something else, and how many of them a measurement is of.
private let total = 1 << 20
private let window = 1 << 14

/// Look-ups of known stations, as many different ones as the table holds.
func compareStations(_ count: Int, _ rounds: Int, beside peer: Peer?) {
    var table = MACTable(capacity: count)
    var slots: UInt32 = 16
    while slots < count * (count <= 16384 ? 4 : 2) { slots *= 2 }
    guard let reference = reference_make(64, slots, 30000) else { return }
    defer { reference_free(reference) }
    var numbers = Numbers()
    var stations: [(key: UInt64, interface: UInt16)] = []
    for index in 0..<count {
        let address = numbers.next() & 0xfcff_ffff_ffff
        let interface = UInt16(index % 64)
        stations.append((address | 1 << 63 | 1 << 48, interface))
        table.learn(MACAddress(value: address), vlan: 1, at: InterfaceID(index: interface), now: 0)
        reference_learn(reference, address, 1, interface, 0)
    }
    let plain = (0..<total).map { _ in stations[numbers.next(below: count)].key }
    let keys = plain.map { StationKey(MACAddress(value: $0 & 0xffff_ffff_ffff), vlan: 1) }
    let others = peer?.stations(stations, asked: plain)
    var found = [InterfaceID?](repeating: nil, count: total)
    var foundPlain = [UInt16](repeating: 0, count: total)
    func lookup(_ range: Range<Int>) {
        var span = found.mutableSpan
        table.lookup(keys.span.extracting(range), now: 1, into: &span)
    }
    func lookupInC(_ range: Range<Int>) {
        plain.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return }
            reference_lookup(reference, base + range.lowerBound, range.count, 1, &foundPlain)
        }
    }
    lookup(0..<total)
    lookupInC(0..<total)
    precondition(found.map { $0?.index ?? 0xffff } == foundPlain, "stations are where they are in C")
    precondition(others.map { $0.interfaces() == foundPlain } ?? true, "stations are where the peer has them")
    var windows = Windows()
    Rounds(name: "stations, \(count)", count: rounds, operations: window, peer: peer?.name).compare {
        lookup(windows.next(0))
    } with: {
        lookupInC(windows.next(1))
    } beside: {
        others?.lookup(windows.next(2))
    }
}

/// Longest prefixes of IPv4, in a table with lengths as in the internet's.
func compareRoutes(_ count: Int, _ rounds: Int, beside peer: Peer?) {
    var numbers = Numbers()
    let prefixes = makePrefixes(count, &numbers)
    var table = RouteTable()
    var values: [UInt32] = []
    let time = ContinuousClock().measure {
        for (prefix, length) in prefixes {
            guard let network = CIDR(address: IPAddress(v4: prefix), prefixLength: length) else { continue }
            values.append(table.insert(Route(destination: network, outputInterface: InterfaceID(index: 1))).number + 1)
        }
    }
    print("# routes, \(count): \(time / count / .nanoseconds(1)) ns for an insertion, \(table.memory >> 20) MiB")
    guard let reference = reference_routes_make() else { return }
    defer { reference_routes_free(reference) }
    for index in prefixes.indices.sorted(by: { prefixes[$0].length < prefixes[$1].length }) {
        reference_routes_add(reference, prefixes[index].prefix, Int32(prefixes[index].length), values[index])
    }
    let addresses = (0..<total).map { _ in UInt32(truncatingIfNeeded: numbers.next()) }
    let others = peer?.routes(prefixes, values: values, asked: addresses)
    var found = [UInt32](repeating: 0, count: total)
    var foundPlain = found
    func lookup(_ range: Range<Int>) {
        var span = found.mutableSpan
        table.lookup(addresses.span.extracting(range), into: &span)
    }
    func lookupInC(_ range: Range<Int>) {
        addresses.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return }
            reference_routes_lookup(reference, base + range.lowerBound, range.count, &foundPlain)
        }
    }
    lookup(0..<total)
    lookupInC(0..<total)
    precondition(found == foundPlain, "routes are what they are in C")
    precondition(others.map { $0.values() == foundPlain } ?? true, "routes are what the peer has")
    var windows = Windows()
    Rounds(name: "routes, \(count), any address", count: rounds, operations: window, peer: peer?.name).compare {
        lookup(windows.next(0))
    } with: {
        lookupInC(windows.next(1))
    } beside: {
        others?.lookup(windows.next(2))
    }
}

/// Prefixes of which each is there once.
private func makePrefixes(_ count: Int, _ numbers: inout Numbers) -> [(prefix: UInt32, length: Int)] {
    var prefixes: [(prefix: UInt32, length: Int)] = []
    var known = Set<UInt64>()
    while prefixes.count < count {
        let choice = numbers.next(below: 100)
        // Roughly: three fifths are of 24 bits, one in a hundred is longer, the others lie between 16 and 23.
        let length = choice < 60 ? 24 : choice < 99 ? 16 + numbers.next(below: 8) : 25 + numbers.next(below: 8)
        let prefix = UInt32(truncatingIfNeeded: numbers.next()) & UInt32.max << UInt32(32 - length)
        if known.insert(UInt64(prefix) << 8 | UInt64(length)).inserted { prefixes.append((prefix, length)) }
    }
    return prefixes
}

/// The look-ups of the next measurement, for each contestant.
private struct Windows {
    private var starts = [0, 0, 0]

    mutating func next(_ contestant: Int) -> Range<Int> {
        let start = starts[contestant]
        starts[contestant] = (start + window) % total
        return start..<start + window
    }
}
