// SPDX-License-Identifier: Apache-2.0
package import AddressPools

/// A pool's fill as a bar: what is used, then what is reserved or rests, then what is free.
package struct UsageBar: Hashable, Sendable {
    private let usage: PoolUsage
    private let width: Int

    /// - Parameters:
    ///   - usage: the counts.
    ///   - width: in columns, 4 at least.
    package init(_ usage: PoolUsage, width: Int) {
        self.usage = usage
        self.width = max(width, 4)
    }

    /// Green, yellow from 70 % on, red from 90 % on.
    package var tint: Look.Tint {
        switch CountText.fraction(usage.total - min(usage.free, usage.total), of: usage.total) {
        case ..<0.7: .good
        case ..<0.9: .notable
        default: .bad
        }
    }

    /// The bar without colours; as wide as ``drawn(_:)``.
    package func text(_ look: Look) -> String { pieces(look).map { $0.text }.joined() }

    /// The bar with colours.
    package func drawn(_ look: Look) -> String {
        pieces(look).map { look.tinted($0.text, $0.tint) }.joined()
    }

    private func pieces(_ look: Look) -> [(text: String, tint: Look.Tint)] {
        let eighths = width * 8
        let used = UsageBar.share(usage.used, of: usage.total, in: eighths)
        let closed = usage.total - min(usage.free, usage.total)
        let whole = look.hasBlocks ? used / 8 : (used + 4) / 8
        var full = String(repeating: look.hasBlocks ? "█" : "#", count: whole)
        if look.hasBlocks, used % 8 > 0 { full += ["▏", "▎", "▍", "▌", "▋", "▊", "▉"][used % 8 - 1] }
        // What is used at all is seen, and so is what is left.
        if !look.hasBlocks, full.isEmpty, usage.used > 0 { full = "#" }
        let end = (UsageBar.share(closed, of: usage.total, in: eighths) + 7) / 8
        let kept = String(repeating: look.hasBlocks ? "░" : "=", count: max(0, end - full.count))
        let free = String(repeating: look.hasBlocks ? "·" : ".", count: max(0, width - full.count - kept.count))
        return [(full, tint), (kept, .kept), (free, .dim)]
    }

    /// 0 only for nothing, and everything only for all.
    private static func share(_ part: UInt128, of total: UInt128, in count: Int) -> Int {
        guard part > 0, total > 0 else { return 0 }
        guard part < total else { return count }
        return min(count - 1, max(1, Int(CountText.fraction(part, of: total) * Double(count))))
    }
}
