// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding

/// Reads the bytes behind the first as a frame, and lets a switch decide about it; the first says where it comes from.
///
/// - Throws: `BrokenPromise` unless headers survive being written, all parsers agree, and the switch decides as it
///   explains.
package func exerciseFrame(_ bytes: [UInt8]) throws(BrokenPromise) {
    guard let first = bytes.first else { return }
    let frame = Array(bytes.dropFirst())
    let key = FlowKey(frame.span, from: InterfaceID(index: 1))
    try promise("whoever reads a header reads a key", key != nil || EthernetHeader(reading: frame.span) == nil)
    if let header = EthernetHeader(reading: frame.span), let view = EthernetView(frame.span), let key {
        var written: [UInt8] = []
        header.append(to: &written)
        try promise("a header of Ethernet survives", written == Array(frame.prefix(view.headerLength)))
        try promise("a key has the frame's stations", key.source == header.source)
        try promise("a key has the frame's stations", key.destination == header.destination)
        try promise("a key has the frame's type", key.etherType == header.etherType)
        try exercisePacket(Array(frame.dropFirst(view.headerLength)), header.etherType, key)
    }
    try exerciseSwitch(frame, from: InterfaceID(index: UInt16(first & 3)), knowsVLANs: first & 4 == 0)
}

private func exercisePacket(_ packet: [UInt8], _ type: UInt16, _ key: FlowKey) throws(BrokenPromise) {
    var written: [UInt8] = []
    switch type {
    case EtherType.arp:
        let message = ARPMessage(reading: packet.span)
        try promise("a key is malformed where ARP is", (message == nil) == key.isMalformed)
        message?.append(to: &written)
        try promise("ARP survives", message == nil || written == Array(packet.prefix(ARPView.length)))
    case EtherType.ipv4:
        guard let header = IPv4Header(reading: packet.span), let view = IPv4View(packet.span) else {
            return try promise("a key is malformed where a packet is", key.isMalformed)
        }
        let payload = copy(view.payload)
        header.append(to: &written, payloadLength: payload.count)
        let again = written + payload
        try promise("a header of IPv4 survives", IPv4Header(reading: again.span) == header)
        let isRight = IPv4View(again.span)?.hasRightChecksum
        try promise("a written checksum is right", isRight == true)
        try promise("a key has the packet's addresses", key.sourceAddress == header.source)
        try promise("a key has the packet's protocol", key.protocolNumber == header.protocolNumber)
        try promise("a key knows fragments", key.isLaterFragment == (header.fragmentOffset > 0))
        try exerciseSegment(payload, key)
    case EtherType.ipv6:
        guard let header = IPv6Header(reading: packet.span), let view = IPv6View(packet.span) else {
            return try promise("a key is malformed where a packet is", key.isMalformed)
        }
        let payload = copy(view.payload)
        header.append(to: &written, payloadLength: payload.count)
        let again = written + payload
        try promise("a packet of IPv6 survives", IPv6Header(reading: again.span) == header)
        guard let chain = view.chain else {
            return try promise("a key is malformed where headers are", key.isMalformed)
        }
        try promise("a key has the packet's addresses", key.destinationAddress == header.destination)
        try promise("a key has the last protocol", key.protocolNumber == chain.protocolNumber)
        try exerciseSegment(Array(packet[chain.offset..<view.totalLength]), key)
    default:
        try promise("a key is malformed where a third tag is", EtherType.isTag(type) == key.isMalformed)
    }
}

private func exerciseSegment(_ segment: [UInt8], _ key: FlowKey) throws(BrokenPromise) {
    let nothing = InternetChecksum()
    var written: [UInt8] = []
    if let header = TCPHeader(reading: segment.span), let view = TCPView(segment.span) {
        header.append(to: &written, payload: copy(view.payload), pseudoHeader: nothing)
        try promise("a header of TCP survives", TCPHeader(reading: written.span) == header)
        let hasPorts = key.protocolNumber == IPProtocol.tcp && !key.isLaterFragment
        try promise("a key has the ports", !hasPorts || key.sourcePort == header.sourcePort)
    }
    written = []
    if let header = UDPHeader(reading: segment.span), let view = UDPView(segment.span) {
        header.append(to: &written, payload: copy(view.payload), pseudoHeader: nothing)
        try promise("a header of UDP survives", UDPHeader(reading: written.span) == header)
        if let network = VXLANHeader(reading: view.payload) {
            written = []
            network.append(to: &written)
            try promise("a header of VXLAN survives", VXLANHeader(reading: written.span) == network)
        }
    }
    written = []
    if let header = ICMPMessage(reading: segment.span), let view = ICMPView(segment.span) {
        header.append(to: &written, payload: copy(view.payload))
        try promise("a header of ICMP survives", ICMPMessage(reading: written.span) == header)
        try promise("a written checksum is right", InternetChecksum.of(written.span) == 0)
    }
}

private func exerciseSwitch(
    _ frame: [UInt8],
    from ingress: InterfaceID,
    knowsVLANs: Bool
) throws(BrokenPromise) {
    var theSwitch = makeSwitch(knowsVLANs)
    let explained = theSwitch.explain(frame.span, from: ingress, now: 1).decision
    let decision = theSwitch.forward(frame.span, from: ingress, now: 1)
    let header = EthernetHeader(reading: frame.span)
    let isForItself = header.map { $0.source == $0.destination } ?? false
    try promise("a switch does what it explains", isForItself || explained == decision)
    var deliveries = 0
    var isWritten = true
    theSwitch.forEachDelivery(of: decision) { delivery in
        deliveries += 1
        var output = [UInt8](repeating: 0, count: frame.count + 4)
        var span = output.mutableSpan
        let length = delivery.rewrite.write(frame.span, into: &span)
        isWritten = isWritten && length == frame.count + delivery.rewrite.growth
    }
    try promise("every frame can be written", isWritten)
    try promise("what is not dropped goes somewhere", (deliveries == 0) == (decision.dropReason != nil))
}

/// Four interfaces, the last of which does not exist: one that is checked, one that is tagged, one that is neither.
private func makeSwitch(_ knowsVLANs: Bool) -> VirtualSwitch {
    var settings = VirtualSwitch.Settings()
    settings.maximumInterfaces = 4
    settings.maximumAddresses = 8
    settings.knowsVLANs = knowsVLANs
    var theSwitch = VirtualSwitch(settings)
    var checked = VirtualInterface("checked")
    checked.allowedAddresses = [CIDR("10.0.0.0/8"), CIDR("fd00::/8")].compactMap { $0 }
    _ = theSwitch.addInterface(checked)
    var trunk = VirtualInterface("trunk")
    trunk.vlans = .trunk(VLANSet([1, 5, 100]))
    _ = theSwitch.addInterface(trunk)
    _ = theSwitch.addInterface(VirtualInterface("access"))
    theSwitch.setGateway(MACAddress(value: 0x0200_0000_0001), vlan: 1, now: 0)
    for network in ["10.0.0.0/8", "::/0"] {
        guard let destination = CIDR(network) else { continue }
        let hop = MACAddress(value: 0x0200_0000_0002)
        theSwitch.addRoute(
            Route(destination: destination, outputInterface: InterfaceID(index: 2), nextHop: hop)
        )
    }
    return theSwitch
}

private func copy(_ span: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    for index in span.indices { bytes.append(span[index]) }
    return bytes
}
