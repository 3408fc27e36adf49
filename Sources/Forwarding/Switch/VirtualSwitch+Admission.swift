// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// What is known of a frame once its interface has looked at it, in half a cache line.
struct Admission: BitwiseCopyable {
    var destinationNumber: UInt64 = 0
    var sourceNumber: UInt64 = 0
    var ingress = InterfaceID.none
    /// Which it belongs to.
    var vlan: UInt16 = 0
    /// What its tag says.
    var control: UInt16 = 0
    /// How many octets come before the packet.
    var headerLength: UInt16 = 0
    var length: UInt32 = 0
    var isTagged = false
    /// Why it is not admitted.
    var reason: DropReason?

    /// The same frame, refused.
    @inline(__always)
    func refused(_ reason: DropReason) -> Admission {
        var copy = self
        copy.reason = reason
        return copy
    }
}

// Nothing here changes the switch. What is on the way of every frame is `mutating` all the same: a value is then passed
// by its address, where the compiler (6.3) otherwise copies all of its seven hundred octets for a function that is not
// inlined.
extension VirtualSwitch {
    /// What the interface has to say that a frame comes from: whether it takes it, and to which VLAN it belongs.
    ///
    /// - Parameters:
    ///   - frame: without the checksum of Ethernet.
    ///   - ingress: where it came from.
    ///   - key: zeros; set to the frame's key, with the interface and the VLAN, when the frame is admitted.
    ///   - observer: who looks on.
    /// - Returns: what else there is to know, and why the frame is not admitted if it is not.
    @inline(__always)
    mutating func admit<Observer: ForwardingObserver>(
        _ frame: Span<UInt8>,
        from ingress: InterfaceID,
        key: inout FlowKey,
        _ observer: inout Observer
    ) -> Admission {
        var admission = Admission()
        admission.ingress = ingress
        admission.length = UInt32(truncatingIfNeeded: frame.count)
        observer.depends { $0.ingress = .none }
        guard ingress.index < ports.count else { return admission.refused(.noSuchInterface) }
        let port = ports[Int(ingress.index)]
        guard port.has(PortState.Flag.exists) else { return admission.refused(.noSuchInterface) }
        guard port.has(PortState.Flag.isUp) else { return admission.refused(.interfaceDown) }
        // Without VLANs no tag is the switch's own.
        let tagProtocol = settings.knowsVLANs ? settings.tagProtocol : 0
        guard let layout = key.read(frame, tagProtocol: tagProtocol) else { return admission.refused(.truncated) }
        key.word0 |= UInt64(ingress.index) << 48
        admission.destinationNumber = key.word1 >> 16
        admission.sourceNumber = key.word2 >> 16
        admission.control = layout.control
        admission.isTagged = layout.isTagged
        admission.headerLength = layout.headerLength
        observer.depends { $0.source = MACAddress(value: .max) }
        let source = admission.sourceNumber
        guard source & 1 << 40 == 0, source != 0 else { return admission.refused(.invalidSource) }
        guard port.has(PortState.Flag.hears) else { return admission.refused(.spanningTreeBlocks) }
        if settings.knowsVLANs {
            observer.depends { $0.vlan = .max }
            if let reason = assignVLAN(&admission, port) { return admission.refused(reason) }
            key.word0 = key.word0 & ~(0xffff << 16) | UInt64(admission.vlan) << 16
        }
        if port.flags & (PortState.Flag.checksSources | PortState.Flag.checksAddresses) != 0 {
            admission.reason = check(admission, key, port, frame, &observer)
        }
        return admission
    }

    /// Finds out which VLAN a frame belongs to (IEEE 802.1Q, 6.9).
    ///
    /// - Returns: why it is not admitted, or nil.
    @inline(__always)
    private func assignVLAN(_ admission: inout Admission, _ port: PortState) -> DropReason? {
        var vlan = admission.control & 0xfff
        if vlan != 0 {
            guard !port.has(PortState.Flag.refusesTagged) else { return .taggedNotAdmitted }
        } else {
            vlan = port.native
            guard vlan != 0, !port.has(PortState.Flag.refusesUntagged) else { return .untaggedNotAdmitted }
        }
        admission.vlan = vlan & 0xfff
        return isMember(Int(admission.ingress.index), vlan & 0xfff) ? nil : .vlanNotAllowed
    }

    /// Whether the frame comes from whom it says.
    @inline(never)
    private mutating func check<Observer: ForwardingObserver>(
        _ admission: Admission,
        _ key: FlowKey,
        _ port: PortState,
        _ frame: Span<UInt8>,
        _ observer: inout Observer
    ) -> DropReason? {
        if port.has(PortState.Flag.checksSources) {
            let allowed = checks[Int(admission.ingress.index)]
            var isAllowed = false
            for index in 0..<Int(allowed.sources.count) {
                isAllowed = isAllowed || allowedSources[Int(allowed.sources.start) + index] == admission.sourceNumber
            }
            guard isAllowed else { return .sourceNotAllowed }
        }
        guard port.has(PortState.Flag.checksAddresses) else { return nil }
        let ingress = admission.ingress
        observer.depends { $0.etherType = .max }
        switch key.etherType {
        case EtherType.arp:
            observer.dependsOnMore()
            guard let message = ARPView(frame.extracting(Int(admission.headerLength)..<frame.count)) else {
                return .unreadablePacket
            }
            guard message.senderMAC.value == admission.sourceNumber else { return .sourceNotAllowed }
            let sender = message.senderAddress
            return sender.isUnspecified || isAllowed(sender.value, isIPv4: true, ingress) ? nil : .addressNotAllowed
        case EtherType.ipv4:
            return checkIPv4(key, &observer)
        case EtherType.ipv6:
            return checkIPv6(admission, key, frame, &observer)
        default:
            // What says nothing of addresses could say anything of them.
            return .unreadablePacket
        }
    }

    private func isAllowed(_ address: UInt128, isIPv4: Bool, _ ingress: InterfaceID) -> Bool {
        let allowed = checks[Int(ingress.index)]
        for index in 0..<Int(allowed.addresses.count)
        where allowedNetworks[Int(allowed.addresses.start) + index].contains(address, isIPv4: isIPv4) {
            return true
        }
        return false
    }

    private mutating func checkIPv4<Observer: ForwardingObserver>(
        _ key: FlowKey,
        _ observer: inout Observer
    ) -> DropReason? {
        let ingress = key.ingress
        observer.depends { $0.word0 |= FlowKey.Note.malformed }
        guard !key.isMalformed else { return .unreadablePacket }
        observer.depends { $0.word3 |= 0xffff_ffff << 32 }
        let source = key.word3 >> 32
        guard source == 0 else { return isAllowed(UInt128(source), isIPv4: true, ingress) ? nil : .addressNotAllowed }
        // Who has no address asks for one (RFC 2131, 4.1).
        observer.depends { $0.protocolNumber = .max }
        observer.depends { $0.destinationPort = .max }
        let isRequest = key.protocolNumber == IPProtocol.udp && key.destinationPort == 67
        return isRequest ? nil : .addressNotAllowed
    }

    private mutating func checkIPv6<Observer: ForwardingObserver>(
        _ admission: Admission,
        _ key: FlowKey,
        _ frame: Span<UInt8>,
        _ observer: inout Observer
    ) -> DropReason? {
        let ingress = key.ingress
        observer.depends { $0.word0 |= FlowKey.Note.malformed | 0xff << 8 }
        guard !key.isMalformed else { return .unreadablePacket }
        observer.depends { $0.word3 = .max }
        observer.depends { $0.word4 = .max }
        let own = Self.linkLocal(admission.sourceNumber)
        let source = UInt128(key.word3) << 64 | UInt128(key.word4)
        // Without an address there are only solicitations and reports of ICMPv6 (RFC 4862, 5.4; RFC 3810, 5.2.13).
        let isAsking = source == 0 && key.protocolNumber == IPProtocol.icmpv6
        guard isAsking || source == own || isAllowed(source, isIPv4: false, ingress) else { return .addressNotAllowed }
        guard key.protocolNumber == IPProtocol.icmpv6 else { return nil }
        observer.dependsOnMore()
        guard let packet = IPv6View(frame.extracting(Int(admission.headerLength)..<frame.count)),
            let message = ICMPView(packet.transport),
            message.type == ICMPMessage.neighbourAdvertisement
        else { return nil }
        guard let target = message.neighbourTarget else { return .unreadablePacket }
        let isOwn = target.value == own || isAllowed(target.value, isIPv4: target.family == .v4, ingress)
        return isOwn ? nil : .addressNotAllowed
    }

    /// The address a host gives itself on a link (RFC 4291, appendix A).
    private static func linkLocal(_ mac: UInt64) -> UInt128 {
        let upper = (mac >> 24 ^ 0x02_0000) << 40
        return 0xfe80 << 112 | UInt128(upper | 0xff_fe00_0000 | mac & 0xff_ffff)
    }
}
