// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

// What rules do with a packet, by what is in registers.
extension RuleMachine {
    func translation(_ nat: NAT) -> Translation {
        var translation = Translation(isDestination: nat.isDestination, port: port(nat.ports))
        if let register = nat.addressFrom {
            let octets = read(register, nat.family == .v4 ? 4 : 16)
            translation.address = IPAddress(octets: octets)
            if let last = nat.addressTo, read(last, octets.count) != octets { translation.isChoice = true }
        }
        return translation
    }

    func port(_ ports: PortRewrite) -> UInt16? {
        guard let register = ports.from else { return nil }
        let octets = read(register, 2)
        return octets.count == 2 ? UInt16(octets[0]) << 8 | UInt16(octets[1]) : nil
    }

    /// "No route" and "no such host" are no errors to a socket of UDP (`icmp_err_convert` of the kernel).
    private var soft: Rejection { hook.packet.protocolNumber == 17 ? .unheard : .unreachable }

    /// As a sender's system makes an error of it.
    func rejection(_ type: UInt32, _ code: UInt8) -> Rejection {
        switch type {
        case 1: .refused
        // ICMPX: 1 is that nobody listens; of ICMP it is 3, of ICMPv6 4.
        case 2: code == 1 ? .refused : code == 3 ? .unreachable : soft
        default:
            code == (hook.packet.family == .v6 ? 4 : 3)
                ? .refused : (hook.packet.family == .v6 ? [0, 3] : [0, 1]).contains(code) ? soft : .unreachable
        }
    }
}
