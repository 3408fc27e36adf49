// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Routes, and the one that counts for an address: that to the smallest network which contains it.
///
/// Of routes to one network the lower priority counts, of equal ones the older. A route that is only for packets from
/// one interface counts like any other for those, and before one for all to the same network.
public struct RouteTable: ~Copyable {
    /// What routes can be told apart by, beside priority and age.
    private struct Place: Hashable {
        var destination: CIDR
        var interface: InterfaceID?
    }

    /// So many routes of IPv4 are worth a table of 64 MiB.
    public static let defaultWideThreshold = 50_000

    private let wideThreshold: Int
    private var ipv4 = IPv4Index(rootBits: 16)
    private var ipv4Count = 0
    private var tries = PrefixTries()
    private var ipv6Root: PrefixTries.Root = 0
    /// Routes for packets from one interface, of IPv4 and of IPv6 by turns; the former fill the upper bits of a key.
    private var scopedRoots = Table(repeating: 0 as PrefixTries.Root, count: 2 * InterfaceSet.capacity)

    /// By number; the value in the indexes is the number plus one.
    private var routes: [Route?] = []
    private var ages: [UInt64] = []
    private var freeNumbers: [UInt32] = []
    /// Who competes for a network, the one that counts first.
    private var places: [Place: [RouteID]] = [:]
    private var nextAge: UInt64 = 0

    /// No route yet.
    ///
    /// - Parameter wideThreshold: from how many routes of IPv4 on speed is worth 64 MiB.
    public init(wideThreshold: Int = RouteTable.defaultWideThreshold) {
        self.wideThreshold = wideThreshold
    }

    /// How many routes there are.
    public var count: Int { routes.count - freeNumbers.count }

    /// How many octets the indexes take.
    public var memory: Int { ipv4.memory + tries.memory }

    /// The route of this name, or nil when it is gone.
    public func route(_ id: RouteID) -> Route? {
        id.number < routes.count ? routes[Int(id.number)] : nil
    }

    // MARK: - Asking

    /// The route that counts for a packet to an address, or nil when there is none.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - interface: where from; nil for packets of the host itself.
    /// - Returns: the name of the route.
    public func lookup(_ address: IPAddress, from interface: InterfaceID? = nil) -> RouteID? {
        let number =
            switch address.family {
            case .v4: find(UInt32(truncatingIfNeeded: address.value), from: interface ?? .none)
            case .v6: find(address.value, from: interface ?? .none)
            }
        return number == 0 ? nil : RouteID(number: number - 1)
    }

    /// The number of a route plus one; 0 when there is none.
    @inline(__always)
    func find(_ address: UInt32, from interface: InterfaceID) -> UInt32 {
        let entry = ipv4.lookup(address)
        let scoped = scopedRoot(interface, .v4)
        guard scoped != 0 else { return IPv4Index.value(entry) }
        let special = tries.lookup(UInt128(address) << 96, in: scoped)
        let isCloser = special.value != 0 && special.length >= IPv4Index.length(entry)
        return isCloser ? special.value : IPv4Index.value(entry)
    }

    /// The number of a route plus one; 0 when there is none.
    @inline(__always)
    func find(_ address: UInt128, from interface: InterfaceID) -> UInt32 {
        let general = tries.lookup(address, in: ipv6Root)
        let scoped = scopedRoot(interface, .v6)
        guard scoped != 0 else { return general.value }
        let special = tries.lookup(address, in: scoped)
        return special.value != 0 && special.length >= general.length ? special.value : general.value
    }

    /// Looks many addresses of IPv4 up at once, as packets of the host itself.
    ///
    /// - Parameters:
    ///   - addresses: where to.
    ///   - numbers: at least as many; a place is set to the number of the route plus one, or to 0.
    public func lookup(_ addresses: Span<UInt32>, into numbers: inout MutableSpan<UInt32>) {
        ipv4.lookup(addresses, into: &numbers)
    }

    @inline(__always)
    private func scopedRoot(_ interface: InterfaceID, _ family: AddressFamily) -> PrefixTries.Root {
        interface.index < InterfaceSet.capacity ? scopedRoots[Self.scopedPlace(interface, family)] : 0
    }

    @inline(__always)
    private static func scopedPlace(_ interface: InterfaceID, _ family: AddressFamily) -> Int {
        Int(interface.index) * 2 + (family == .v4 ? 0 : 1)
    }

    // MARK: - Changing

    /// Adds a route.
    ///
    /// - Returns: the name to remove it by.
    @discardableResult
    public mutating func insert(_ route: Route) -> RouteID {
        let id: RouteID
        if let number = freeNumbers.popLast() {
            id = RouteID(number: number)
            routes[Int(number)] = route
            ages[Int(number)] = nextAge
        } else {
            precondition(routes.count + 1 < IPv4Index.valueLimit, "a route table holds at most 2^25 - 2 routes")
            id = RouteID(number: UInt32(routes.count))
            routes.append(route)
            ages.append(nextAge)
        }
        nextAge += 1
        let place = Place(destination: route.destination, interface: route.interface)
        var rivals = places[place] ?? []
        let index = rivals.firstIndex { priority($0) > route.priority } ?? rivals.count
        rivals.insert(id, at: index)
        places[place] = rivals
        if rivals.count == 1, route.interface == nil, route.destination.family == .v4 { ipv4Count += 1 }
        widenIfWorthwhile()
        if index == 0 { set(place, id) }
        return id
    }

    /// Removes a route.
    ///
    /// - Returns: the route, or nil when there is none of that name.
    @discardableResult
    public mutating func remove(_ id: RouteID) -> Route? {
        guard let route = route(id) else { return nil }
        let place = Place(destination: route.destination, interface: route.interface)
        var rivals = places[place] ?? []
        let wasFirst = rivals.first == id
        rivals.removeAll { $0 == id }
        places[place] = rivals.isEmpty ? nil : rivals
        routes[Int(id.number)] = nil
        freeNumbers.append(id.number)
        if let next = rivals.first {
            if wasFirst { set(place, next) }
        } else {
            clear(place)
        }
        return route
    }

    private func priority(_ id: RouteID) -> UInt32 {
        routes[Int(id.number)]?.priority ?? .max
    }

    private mutating func set(_ place: Place, _ id: RouteID) {
        let length = place.destination.prefixLength
        let address = place.destination.address.value
        switch (place.interface, place.destination.family) {
        case (nil, .v4):
            ipv4.set(UInt32(truncatingIfNeeded: address), length: length, value: id.number + 1)
        case (nil, .v6):
            ipv6Root = tries.set(address, length: length, value: id.number + 1, in: ipv6Root)
        case (let interface?, let family):
            let index = Self.scopedPlace(interface, family)
            let key = family == .v4 ? address << 96 : address
            scopedRoots[index] = tries.set(key, length: length, value: id.number + 1, in: scopedRoots[index])
        }
    }

    private mutating func clear(_ place: Place) {
        let length = place.destination.prefixLength
        let address = place.destination.address.value
        switch (place.interface, place.destination.family) {
        case (nil, .v4):
            ipv4Count -= 1
            ipv4.remove(UInt32(truncatingIfNeeded: address), length: length, parent: parent(of: place.destination))
        case (nil, .v6):
            ipv6Root = tries.remove(address, length: length, from: ipv6Root)
        case (let interface?, let family):
            let index = Self.scopedPlace(interface, family)
            let key = family == .v4 ? address << 96 : address
            scopedRoots[index] = tries.remove(key, length: length, from: scopedRoots[index])
        }
    }

    /// The smallest network with a route that contains this one and is not it.
    private func parent(of network: CIDR) -> (length: Int, value: UInt32)? {
        var length = network.prefixLength
        while length > 0 {
            length -= 1
            guard let wider = CIDR(address: network.address, prefixLength: length)?.network,
                let id = places[Place(destination: wider, interface: nil)]?.first
            else { continue }
            return (length, id.number + 1)
        }
        return nil
    }

    /// Makes the one big table once there are many routes; it stays when they become fewer.
    private mutating func widenIfWorthwhile() {
        guard ipv4.rootBits < 24, ipv4Count > wideThreshold else { return }
        ipv4 = IPv4Index(rootBits: 24)
        for (place, ids) in places where place.interface == nil && place.destination.family == .v4 {
            if let id = ids.first { set(place, id) }
        }
    }
}
