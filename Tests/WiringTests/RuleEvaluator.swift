// SPDX-License-Identifier: Apache-2.0
import PacketFilter
import Wiring

/// Does with a frame what nf_tables does in a bridge, as far as the rules about sources go (nft_do_chain in Linux).
struct RuleEvaluator {
    let share: FilterShare

    /// Whether a frame that comes through the port passes; the port is the one the share is about.
    func passes(_ frame: [UInt8]) -> Bool {
        let packet = Packet(frame)
        return share.rules.allSatisfy { rule in
            switch Self.run(rule.expressions.filter { !Self.isAboutThePort($0) }, packet) {
            case .jump(let name): passes(packet, chain: name)
            case .drop: false
            default: true
            }
        }
    }

    /// `iifname`, and what it is compared with: sixteen octets, as no address here is.
    private static func isAboutThePort(_ expression: Expression) -> Bool {
        switch expression {
        case .meta(.iifname, _): true
        case .compare(_, _, let octets): octets.count == 16
        default: false
        }
    }

    private func passes(_ packet: Packet, chain name: String) -> Bool {
        for rule in share.chains.first(where: { $0.chain.name == name })?.rules ?? [] {
            switch Self.run(rule.expressions, packet) {
            case .drop: return false
            case .return, .accept: return true
            case .jump(let next): if !passes(packet, chain: next) { return false }
            default: continue
            }
        }
        return true
    }

    /// The rule's verdict; `continue` when it does not apply.
    private static func run(_ expressions: [Expression], _ packet: Packet) -> Verdict {
        var registers: [Register: [UInt8]] = [:]
        for expression in expressions {
            switch expression {
            case .payload(let base, let offset, let length, let register):
                guard let octets = packet.octets(base, offset, length) else { return .continue }
                registers[register] = octets
            case .meta(let key, let register):
                guard let octets = packet.meta(key) else { return .continue }
                registers[register] = octets
            case .compare(let comparison, let register, let octets):
                let isEqual = registers[register, default: []].prefix(octets.count).elementsEqual(octets)
                guard isEqual == (comparison == .equal) else { return .continue }
            case .lookup(let lookup):
                guard case .literal(let set) = lookup.set, let key = registers[lookup.key] else { return .continue }
                guard set.contains(key) == (lookup.target == .none) else { return .continue }
            case .bitwise(let source, let target, let mask, let xor):
                registers[target] = zip(registers[source, default: []], zip(mask, xor)).map { $0 & $1.0 ^ $1.1 }
            case .verdict(let verdict):
                return verdict
            default:
                preconditionFailure("no rule about sources says \(expression)")
            }
        }
        return .continue
    }

    /// A frame as the kernel's packet filter sees it: one tag is taken off before.
    private struct Packet {
        let frame: [UInt8]
        var proto: UInt16
        var network = 14
        /// What is above IP, and where; nil where the header of IP is not whole.
        var transport: (number: UInt8, offset: Int)?

        init(_ frame: [UInt8]) {
            self.frame = frame
            func word(_ offset: Int) -> UInt16 {
                offset + 2 <= frame.count ? UInt16(frame[offset]) << 8 | UInt16(frame[offset + 1]) : 0
            }
            proto = word(12)
            if proto == 0x8100 || proto == 0x88a8 {
                proto = word(16)
                network = 18
            }
            switch proto {
            case 0x0800 where frame.count >= network + 20:
                transport = (frame[network + 9], network + Int(frame[network] & 15) * 4)
            case 0x86dd where frame.count >= network + 40:
                transport = (frame[network + 6], network + 40)
            default: break
            }
        }

        func octets(_ base: PayloadBase, _ offset: Int, _ length: Int) -> [UInt8]? {
            var start = offset
            switch base {
            case .link: break
            case .network: start += network
            default:
                guard let transport else { return nil }
                start += transport.offset
            }
            return start + length <= frame.count ? Array(frame[start..<(start + length)]) : nil
        }

        func meta(_ key: MetaKey) -> [UInt8]? {
            switch key {
            case .proto: [UInt8(proto >> 8), UInt8(proto & 0xff)]
            case .l4proto: transport.map { [$0.number] }
            default: preconditionFailure("no rule about sources asks for it")
            }
        }
    }
}

extension LiteralSet {
    fileprivate func contains(_ key: [UInt8]) -> Bool {
        elements.contains { element in
            let (low, high) = (element.key[0].octets, element.key[0].upper ?? element.key[0].octets)
            return !key.lexicographicallyPrecedes(low) && !high.lexicographicallyPrecedes(key)
        }
    }
}
