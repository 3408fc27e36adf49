// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import ForwardingReference

/// The operations whose instructions Benchmarks/instructions.py counts, each as often as its line of output says.
///
/// The same in every run: there is no chance in the data, and what is done for the first time only, such as binding
/// symbols, has been done before.
struct Operations {
    private static let window = 1024

    /// Does all of them.
    func run() {
        stations(1024)
        stations(60_000)
        learning()
        for masks in [1, 4, 16] { rules(masks) }
        routes()
        keys()
        checksums()
        for masks in [1, 4, 16] { pipeline(masks) }
    }

    /// Does an operation twice, the second time between two marks, and says how often it is done each time.
    private func count(_ name: String, _ times: Int = Operations.window, _ body: () -> Void) {
        body()
        reference_count_begins()
        body()
        reference_count_ends()
        print("\(times)\t\(name)")
    }

    // MARK: - Stations

    private func address(_ number: Int) -> MACAddress {
        MACAddress(value: 0x0200_0000_0000 | UInt64(number) &* 0x9e37_79b1 & 0xff_ffff_ffff)
    }

    private func stations(_ total: Int) {
        var table = MACTable(capacity: total)
        for number in 0..<total {
            table.learn(address(number), vlan: 1, at: InterfaceID(index: UInt16(number % 64)), now: 0)
        }
        var numbers = Numbers()
        let wanted = (0..<Self.window).map { _ in address(numbers.next(below: total)) }
        let keys = wanted.map { StationKey($0, vlan: 1) }
        var found = [InterfaceID?](repeating: nil, count: Self.window)
        count("stations, \(total), at once") {
            var span = found.mutableSpan
            table.lookup(keys.span, now: 1, into: &span)
        }
        precondition(!found.contains(nil), "everybody who is asked for is known")
        var known = 0
        count("stations, \(total), one by one") {
            for address in wanted where table.lookup(address, vlan: 1, now: 1) != nil { known &+= 1 }
        }
        precondition(known == 2 * Self.window, "everybody who is asked for is known")
    }

    private func learning() {
        var table = MACTable(capacity: 2048)
        let addresses = (0..<Self.window).map { address($0) }
        let (here, there) = (InterfaceID(index: 1), InterfaceID(index: 2))
        count("learning, somebody new, and forgetting") {
            table.removeAll(at: here)
            for address in addresses { table.learn(address, vlan: 1, at: here, now: 0) }
        }
        var now: Ticks = 0
        count("learning, heard again") {
            now += 1
            for address in addresses { table.learn(address, vlan: 1, at: here, now: now) }
        }
        var place = here
        count("learning, moved") {
            place = place == here ? there : here
            for address in addresses { table.learn(address, vlan: 1, at: place, now: now) }
        }
        precondition(table.learnedCount(at: place) == Self.window, "everybody is where he was heard")
    }

    // MARK: - Rules and routes

    private func rules(_ masks: Int) {
        var table = RuleTable()
        var rules: [Rule] = []
        for number in 0..<Self.window {
            var match = RuleMatch()
            match.require(destination: address(number))
            match.require(sourcePort: 0x8001, mask: UInt16.max << UInt16(number % masks))
            rules.append(Rule(priority: UInt32(masks - number % masks), match: match, action: .permit))
        }
        table.insert(contentsOf: rules)
        let flows = (0..<Self.window).map { number in
            var flow = FlowKey()
            flow.destination = address(number)
            flow.etherType = EtherType.ipv4
            flow.protocolNumber = IPProtocol.udp
            flow.sourcePort = 0x8001
            return flow
        }
        var found = 0
        count("rules, \(masks) \(masks == 1 ? "mask" : "masks")") {
            for flow in flows where table.lookup(flow).id != nil { found &+= 1 }
        }
        precondition(found == 2 * Self.window, "there is a rule about each flow")
    }

    private func routes() {
        var numbers = Numbers()
        let beginnings = (0..<Self.window).map { _ in UInt32(truncatingIfNeeded: numbers.next()) }
        let addresses = beginnings.map { $0 ^ UInt32(truncatingIfNeeded: numbers.next(below: 16)) }
        var found = [UInt32](repeating: 0, count: Self.window)
        for (name, threshold) in [("few", Int.max), ("many", 0)] {
            var table = RouteTable(wideThreshold: threshold)
            for (number, beginning) in beginnings.enumerated() {
                let length = number % 100 == 0 ? 28 : 16 + number % 9
                guard let network = CIDR(address: IPAddress(v4: beginning), prefixLength: length) else { continue }
                table.insert(Route(destination: network, outputInterface: InterfaceID(index: 1)))
            }
            count("routes of IPv4, \(name)") {
                var span = found.mutableSpan
                table.lookup(addresses.span, into: &span)
            }
            precondition(!found.contains(0), "there is a route for each address")
        }
        var table = RouteTable()
        let wide = beginnings.map { UInt128(0x2001_0db8) << 96 | UInt128($0) << 64 | 1 }
        for (number, address) in wide.enumerated() {
            guard let network = CIDR(address: IPAddress(v6: address), prefixLength: 48 + number % 17) else { continue }
            table.insert(Route(destination: network, outputInterface: InterfaceID(index: 1)))
        }
        let destinations = wide.map { IPAddress(v6: $0) }
        var known = 0
        count("routes of IPv6") {
            for destination in destinations where table.lookup(destination) != nil { known &+= 1 }
        }
        precondition(known == 2 * Self.window, "there is a route for each address")
    }

    // MARK: - Frames

    private func keys() {
        let frames = Pipeline(stations: Self.window, masks: 0, frames: Self.window).makeFrames()
        var sum: UInt16 = 0
        count("key of a frame, IPv4") {
            let memory = frames.memory.span
            for reference in frames.references {
                let start = Int(reference.offset)
                let frame = memory.extracting(start..<start + Int(reference.length))
                if let key = FlowKey(frame, from: reference.ingress) { sum &+= key.sourcePort }
            }
        }
        let frame = frameOfIPv6()
        count("key of a frame, IPv6") {
            for index in 0..<Self.window {
                let ingress = InterfaceID(index: UInt16(truncatingIfNeeded: index & 63))
                if let key = FlowKey(frame.span, from: ingress) { sum &+= key.sourcePort &+ key.ingress.index }
            }
        }
        precondition(sum != 0, "frames have ports")
    }

    private func frameOfIPv6() -> [UInt8] {
        var frame: [UInt8] = []
        EthernetHeader(
            destination: address(1),
            source: address(2),
            outerTag: VLANTag(control: 1),
            etherType: EtherType.ipv6
        ).append(to: &frame)
        let ends = (source: IPAddress(v6: 1 << 125 | 1), destination: IPAddress(v6: 1 << 125 | 2))
        IPv6Header(nextHeader: IPProtocol.udp, source: ends.source, destination: ends.destination)
            .append(to: &frame, payloadLength: 8)
        UDPHeader(sourcePort: 4096, destinationPort: 53).append(to: &frame, payload: [], pseudoHeader: nil)
        return frame
    }

    private func checksums() {
        let bytes = (0..<1460).map { UInt8(truncatingIfNeeded: $0 &* 167) }
        var sum: UInt16 = 0
        for length in [20, 1460] {
            count("checksum of \(length) octets") {
                for index in 0..<Self.window {
                    sum &+= InternetChecksum.of(bytes.span.extracting(0..<length &- index & 1))
                }
            }
        }
        count("checksum, two octets changed") {
            for index in 0..<Self.window {
                sum = InternetChecksum.updated(sum, from: 0x1234, to: UInt16(truncatingIfNeeded: index))
            }
        }
        precondition(sum != 0, "octets have a sum")
    }

    private func pipeline(_ masks: Int) {
        guard var prepared = Pipeline(stations: Self.window, masks: masks, frames: Self.window).prepared() else {
            return
        }
        let suffix = "\(masks) \(masks == 1 ? "mask" : "masks")"
        count("pipeline, bursts, \(suffix)") { prepared.forward(0..<Self.window) }
        count("pipeline in C, bursts, \(suffix)") { prepared.forwardInC(0..<Self.window) }
        remembering(masks, suffix)
        guard masks == 1 else { return }
        count("pipeline, one by one, \(suffix)") { prepared.forwardOneByOne(0..<Self.window) }
    }

    private func remembering(_ masks: Int, _ suffix: String) {
        var pipeline = Pipeline(stations: Self.window, masks: masks, frames: Self.window)
        pipeline.remembers = true
        guard var prepared = pipeline.prepared() else { return }
        count("pipeline, bursts, remembered, \(suffix)") { prepared.forward(0..<Self.window) }
    }
}
