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

    /// What the sender is sent: `NFT_REJECT_*`.
    func rejection(_ type: UInt32, _ code: UInt8) -> Notice {
        switch type {
        case 1: .reset
        case 2: .either(code, hook.packet.family)
        default: .error(code)
        }
    }
}
