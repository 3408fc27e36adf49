// SPDX-License-Identifier: Apache-2.0
import Addressing
import SeededNumbers
import Testing

@testable import Forwarding

/// A table that is obviously right: a list.
private struct ListOfStations {
    struct Station {
        var address: MACAddress
        var vlan: UInt16
        var port: InterfaceID
        var isStatic: Bool
        var heard: Ticks
    }

    var stations: [Station] = []
    var ageing: Ticks
    var capacity: Int

    func index(_ address: MACAddress, _ vlan: UInt16) -> Int? {
        stations.firstIndex { $0.address == address && $0.vlan == vlan }
    }

    func isOld(_ station: Station, _ now: Ticks) -> Bool {
        !station.isStatic && now &- station.heard >= ageing
    }

    func lookup(_ address: MACAddress, _ vlan: UInt16, _ now: Ticks) -> InterfaceID? {
        index(address, vlan).map { stations[$0] }.flatMap { isOld($0, now) ? nil : $0.port }
    }

    mutating func learn(
        _ address: MACAddress,
        _ vlan: UInt16,
        _ port: InterfaceID,
        limit: Int,
        _ now: Ticks
    ) -> MACTable.Learning {
        guard let index = index(address, vlan) else {
            if limit > 0, learned(port) >= limit { return .limited }
            if stations.count >= capacity { return .full }
            stations.append(Station(address: address, vlan: vlan, port: port, isStatic: false, heard: now))
            return .learned
        }
        let old = stations[index]
        if old.port == port {
            if !old.isStatic { stations[index].heard = now }
            return .known
        }
        if old.isStatic { return .contradicted }
        if limit > 0, learned(port) >= limit { return .limited }
        stations[index].port = port
        stations[index].heard = now
        return isOld(old, now) ? .learned : .moved(from: old.port)
    }

    mutating func addStatic(_ address: MACAddress, _ vlan: UInt16, _ port: InterfaceID, _ now: Ticks) -> Bool {
        let station = Station(address: address, vlan: vlan, port: port, isStatic: true, heard: now)
        if let index = index(address, vlan) {
            stations[index] = station
        } else {
            guard stations.count < capacity else { return false }
            stations.append(station)
        }
        return true
    }

    func learned(_ port: InterfaceID) -> Int {
        stations.count { $0.port == port && !$0.isStatic }
    }
}

@Suite("MAC tables")
struct MACTableTests {
    /// One step, the same for both; returns whether both did the same.
    private func step(
        _ table: inout MACTable,
        _ list: inout ListOfStations,
        _ operation: Int,
        _ address: MACAddress,
        _ vlan: UInt16,
        _ port: InterfaceID,
        _ now: Ticks
    ) -> Bool {
        switch operation {
        case 0, 1, 2:
            let limit = operation == 2 ? 2 : 0
            return table.learn(address, vlan: vlan, at: port, limit: UInt32(limit), now: now)
                == list.learn(address, vlan, port, limit: limit, now)
        case 3:
            return table.addStatic(address, vlan: vlan, at: port, now: now)
                == list.addStatic(address, vlan, port, now)
        case 4:
            let count = list.stations.count
            list.stations.removeAll { $0.address == address && $0.vlan == vlan }
            return table.remove(address, vlan: vlan) == (list.stations.count < count)
        case 5:
            list.stations.removeAll { $0.port == port }
            table.removeAll(at: port)
            return true
        case 6:
            list.stations.removeAll { $0.port == port && !$0.isStatic }
            table.removeLearned(at: port)
            return true
        case 7:
            let old = list.stations.count { list.isOld($0, now) }
            let before = list
            list.stations.removeAll { before.isOld($0, now) }
            // Closing a gap may move a station that is too old behind the sweep: twice finds all.
            return table.age(now: now) + table.age(now: now) == old
        default:
            return table.lookup(address, vlan: vlan, now: now)?.interface == list.lookup(address, vlan, now)
        }
    }

    private func agree(_ table: borrowing MACTable, _ list: ListOfStations, _ now: Ticks) -> Bool {
        var found = 0
        var isRight = true
        table.forEach(now: now) { entry in
            found += 1
            let known = list.index(entry.address, entry.vlan).map { list.stations[$0] }
            isRight = isRight && known?.port == entry.interface && known?.isStatic == entry.isStatic
        }
        let young = list.stations.count { !list.isOld($0, now) }
        return isRight && found == young && table.count == list.stations.count
    }

    @Test(
        "A table does what a list does, in whatever order",
        arguments: [1, 2, 3, 4] as [UInt64],
        [false, true]
    )
    func random(seed: UInt64, isGrouped: Bool) {
        var generator = SeededGenerator(seed)
        let capacity = seed == 1 ? 8 : 40
        var table = MACTable(capacity: capacity, ageing: 50, seed: seed, isGrouped: isGrouped)
        var list = ListOfStations(ageing: 50, capacity: capacity)
        // The clock comes round on the way.
        var now: Ticks = .max - 2000
        for number in 0..<8000 {
            now &+= Ticks.random(in: 0...3, using: &generator)
            let operation = [0, 0, 0, 1, 1, 2, 3, 4, 8, 8, 8, 8, 8, 8, Int.random(in: 4...7, using: &generator)]
                .randomElement(using: &generator)
            let isSame = step(
                &table,
                &list,
                operation ?? 0,
                mac(.random(in: 0..<24, using: &generator)),
                .random(in: 1...2, using: &generator),
                InterfaceID(index: .random(in: 0..<4, using: &generator)),
                now
            )
            guard isSame, number % 16 != 0 || agree(table, list, now) else {
                Issue.record("seed \(seed): step \(number) differs")
                return
            }
        }
        for port in 0..<4 {
            let id = InterfaceID(index: UInt16(port))
            #expect(table.learnedCount(at: id) == list.learned(id))
        }
    }

    @Test("All short stories of two stations and two ports end as in a list", arguments: [false, true])
    func exhaustive(isGrouped: Bool) {
        // Learn or write down either station at either port, forget one, let time pass.
        let moves: [(Int, UInt16, UInt16, Ticks)] = [
            (0, 0, 0, 1), (0, 0, 1, 1), (0, 1, 0, 1), (2, 1, 1, 1), (3, 0, 1, 0), (4, 0, 0, 0), (7, 0, 0, 60),
            (6, 0, 1, 0),
        ]
        var differences = 0
        for story in 0..<moves.count * moves.count * moves.count * moves.count {
            var table = MACTable(capacity: 2, ageing: 50, isGrouped: isGrouped)
            var list = ListOfStations(ageing: 50, capacity: 2)
            var now: Ticks = 0
            var rest = story
            for _ in 0..<4 {
                let (operation, station, port, pause) = moves[rest % moves.count]
                rest /= moves.count
                now += pause
                if !step(&table, &list, operation, mac(station), 1, InterfaceID(index: port), now) { differences += 1 }
            }
            if !agree(table, list, now) { differences += 1 }
        }
        #expect(differences == 0)
    }

    @Test("A sweep in small steps finds all that is too old")
    func incremental() {
        var table = MACTable(capacity: 1000, ageing: 100)
        for number in 0..<1000 { table.learn(mac(UInt16(number)), at: InterfaceID(index: 0), now: 0) }
        #expect(table.count == 1000)
        var forgotten = 0
        for _ in 0..<400 { forgotten += table.age(now: 100, budget: 32) }
        #expect(forgotten == 1000)
        #expect(table.count == 0)
        #expect(table.learnedCount(at: InterfaceID(index: 0)) == 0)
    }

    @Test("Many stations at once are where they are one by one", arguments: [false, true])
    func bulk(isGrouped: Bool) {
        var table = MACTable(capacity: 50, isGrouped: isGrouped)
        for number in 0..<50 as Range<UInt16> {
            table.learn(mac(number), vlan: number % 3, at: InterfaceID(index: number % 7), now: 0)
        }
        let keys = (0..<100 as Range<UInt16>).map { StationKey(mac($0), vlan: $0 % 3) }
        var found = [InterfaceID?](repeating: InterfaceID(index: 99), count: 100)
        var span = found.mutableSpan
        table.lookup(keys.span, now: 1, into: &span)
        let expected = (0..<100 as Range<UInt16>).map { $0 < 50 ? InterfaceID(index: $0 % 7) : nil }
        #expect(found == expected)
    }

    @Test("A full table learns nothing more and still knows what it knew")
    func full() {
        var table = MACTable(capacity: 4)
        let port = InterfaceID(index: 9)
        for number in 0..<4 as Range<UInt16> { #expect(table.learn(mac(number), at: port, now: 0) == .learned) }
        #expect(table.learn(mac(4), at: port, now: 1) == .full)
        let (fifth, third) = (table.addStatic(mac(5), at: port, now: 1), table.addStatic(mac(3), at: port, now: 1))
        #expect(!fifth)
        #expect(third)
        #expect(table.lookup(mac(4), now: 1) == nil)
        #expect(table.lookup(mac(0), now: 1)?.lastHeard == 0)
    }
}
