// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import HostLocal
internal import LeaseStore

/// A range as a picture: a sign for each address, or of a large one a shade for each of its parts.
package struct PoolMap {
    private let pool: NetworkUsage.Pool
    private let look: Look

    package init(_ pool: NetworkUsage.Pool, _ look: Look) {
        self.pool = pool
        self.look = look
    }

    /// What one sign stands for.
    private struct Sign {
        let blocks: Character
        let plain: Character
        let tint: Look.Tint
        let name: String

        static let leased = Sign(blocks: "█", plain: "#", tint: .good, name: "leased")
        static let suspect = Sign(blocks: "▚", plain: "?", tint: .bad, name: "suspect")
        static let resting = Sign(blocks: "░", plain: "~", tint: .notable, name: "resting")
        static let reserved = Sign(blocks: "◆", plain: "R", tint: .kept, name: "reserved")
        static let closed = Sign(blocks: "×", plain: "x", tint: .dim, name: "excluded")
        static let gateway = Sign(blocks: "G", plain: "G", tint: .name, name: "gateway")
        static let free = Sign(blocks: "·", plain: ".", tint: .dim, name: "free")
    }

    /// The picture and what its signs mean, line by line, without indentation.
    package var lines: [String] {
        let run = pool.range.run
        let isWhole = run.count <= NetworkUsage.Pool.drawnLimit
        let labelWidth = "\(run.last)".count
        let columns = (look.width ?? 100) - labelWidth - 4 < 64 ? 32 : 64
        return isWhole ? each(run, labelWidth, columns) : parts(run, labelWidth, columns)
    }

    private func each(_ run: AddressRun, _ labelWidth: Int, _ columns: Int) -> [String] {
        var lines: [String] = []
        var seen: [String: Sign] = [:]
        var first = run.first
        while first <= run.last {
            var text = ""
            for offset in 0..<columns {
                guard let address = first.advanced(by: offset), address <= run.last else { break }
                let sign = sign(of: address)
                seen[sign.name] = sign
                text += drawn(sign)
            }
            lines.append(label(first, labelWidth) + text)
            guard let next = first.advanced(by: columns) else { break }
            first = next
        }
        let order: [Sign] = [.leased, .suspect, .resting, .reserved, .gateway, .closed, .free]
        let legend = order.filter { seen[$0.name] != nil }.map { "\(drawn($0)) \($0.name)" }.joined(separator: "  ")
        return lines + [String(repeating: " ", count: labelWidth + 2) + legend]
    }

    private func sign(of address: IPAddress) -> Sign {
        switch pool.states[address] {
        case .provisional, .active: return .leased
        case .suspect: return .suspect
        case .reserved: return .reserved
        case .quarantined, .remembered: return .resting
        case nil: break
        }
        if address == pool.range.gateway { return .gateway }
        let rules = pool.configuration.pools.rules
        if rules.reservations.addresses.contains(address) { return .reserved }
        return rules.excluded.contains(address) ? .closed : .free
    }

    private func parts(_ run: AddressRun, _ labelWidth: Int, _ columns: Int) -> [String] {
        let map = HeatMap(of: run, count: columns * 4, taken: pool.taken ?? [])
        var lines: [String] = []
        for start in stride(from: 0, to: map.buckets.count, by: columns) {
            let row = map.buckets[start..<min(start + columns, map.buckets.count)]
            lines.append(label(row[start].run.first, labelWidth) + row.map { shade($0.fraction) }.joined())
        }
        let size = CountText.brief(map.buckets.first?.run.count ?? 0)
        let legend = [0, 0.1, 0.3, 0.6, 0.9, 1].map { shade($0) }.joined()
        return lines + [
            String(repeating: " ", count: labelWidth + 2) + "each sign is \(size) addresses, empty \(legend) full"
        ]
    }

    private func shade(_ fraction: Double) -> String {
        let signs: [Character] = look.hasBlocks ? ["·", "░", "▒", "▓", "█"] : [".", ":", "+", "*", "#"]
        guard fraction > 0 else { return look.tinted(String(signs[0]), .dim) }
        let level = fraction >= 1 ? 4 : fraction < 0.25 ? 1 : fraction < 0.5 ? 2 : 3
        return look.tinted(String(signs[level]), fraction < 0.7 ? .good : fraction < 0.9 ? .notable : .bad)
    }

    private func drawn(_ sign: Sign) -> String {
        look.tinted(String(look.hasBlocks ? sign.blocks : sign.plain), sign.tint)
    }

    private func label(_ address: IPAddress, _ width: Int) -> String {
        let text = "\(address)"
        return look.tinted(text, .dim) + String(repeating: " ", count: max(0, width - text.count) + 2)
    }
}
