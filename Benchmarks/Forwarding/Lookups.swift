// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import ForwardingReference

/// Look-ups of known stations, as many different ones as the table holds.
func compareStations(_ count: Int) {
    var table = MACTable(capacity: count)
    var slots: UInt32 = 16
    while slots < count * (count <= 16384 ? 4 : 2) { slots *= 2 }
    guard let reference = reference_make(64, slots, 30000) else { return }
    defer { reference_free(reference) }
    var numbers = Numbers()
    var addresses: [UInt64] = []
    for index in 0..<count {
        let address = numbers.next() & 0xfcff_ffff_ffff
        addresses.append(address)
        table.learn(MACAddress(value: address), vlan: 1, at: InterfaceID(index: UInt16(index % 64)), now: 0)
        reference_learn(reference, address, 1, UInt16(index % 64), 0)
    }
    let wanted = (0..<1 << 20).map { _ in addresses[numbers.next(below: count)] }
    let keys = wanted.map { StationKey(MACAddress(value: $0), vlan: 1) }
    let plain = wanted.map { $0 | 1 << 63 | 1 << 48 }
    let window = 1 << 14
    var found = [InterfaceID?](repeating: nil, count: window)
    var foundPlain = [UInt16](repeating: 0, count: window)
    var (next, nextPlain) = (0, 0)
    let rounds = Rounds(name: "stations, \(count)", operations: window)
    rounds.compare {
        var span = found.mutableSpan
        table.lookup(keys.span.extracting(next..<next + window), now: 1, into: &span)
        next = (next + window) & (1 << 20 - 1)
    } with: {
        plain.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return }
            reference_lookup(reference, base + nextPlain, window, 1, &foundPlain)
        }
        nextPlain = (nextPlain + window) & (1 << 20 - 1)
    }
    precondition(found.map { $0?.index ?? 0xffff } == foundPlain, "stations are where they are in C")
}

/// Longest prefixes of IPv4, in a table with lengths as in the internet's.
func compareRoutes(_ count: Int) {
    var numbers = Numbers()
    var prefixes: [(prefix: UInt32, length: Int)] = []
    var known = Set<UInt64>()
    while prefixes.count < count {
        let choice = numbers.next(below: 100)
        // Roughly: three fifths are of 24 bits, one in a hundred is longer, the others lie between 16 and 23.
        let length = choice < 60 ? 24 : choice < 99 ? 16 + numbers.next(below: 8) : 25 + numbers.next(below: 8)
        let prefix = UInt32(truncatingIfNeeded: numbers.next()) & UInt32.max << UInt32(32 - length)
        if known.insert(UInt64(prefix) << 8 | UInt64(length)).inserted { prefixes.append((prefix, length)) }
    }
    var table = RouteTable()
    let clock = ContinuousClock()
    var values: [UInt32] = []
    let time = clock.measure {
        for (prefix, length) in prefixes {
            guard let network = CIDR(address: IPAddress(v4: prefix), prefixLength: length) else { continue }
            values.append(table.insert(Route(destination: network, outputInterface: InterfaceID(index: 1))).number + 1)
        }
    }
    print("routes, \(count): \(time / count / .nanoseconds(1)) ns for an insertion, \(table.memory >> 20) MiB")
    guard let reference = reference_routes_make() else { return }
    defer { reference_routes_free(reference) }
    for index in prefixes.indices.sorted(by: { prefixes[$0].length < prefixes[$1].length }) {
        reference_routes_add(reference, prefixes[index].prefix, Int32(prefixes[index].length), values[index])
    }
    let addresses = (0..<1 << 20).map { _ in UInt32(truncatingIfNeeded: numbers.next()) }
    let window = 1 << 14
    var found = [UInt32](repeating: 0, count: window)
    var foundPlain = found
    var (next, nextPlain) = (0, 0)
    let rounds = Rounds(name: "routes, \(count), any address", operations: window)
    rounds.compare {
        var span = found.mutableSpan
        table.lookup(addresses.span.extracting(next..<next + window), into: &span)
        next = (next + window) & (1 << 20 - 1)
    } with: {
        addresses.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return }
            reference_routes_lookup(reference, base + nextPlain, window, &foundPlain)
        }
        nextPlain = (nextPlain + window) & (1 << 20 - 1)
    }
    precondition(found == foundPlain, "routes are what they are in C")
}
