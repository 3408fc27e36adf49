// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension AddressRun {
    /// Reads what a configuration may write: an address, a network, or the two ends of a run with a dash between.
    ///
    /// `10.0.0.5`, `10.0.0.16/28` and `10.0.0.100-10.0.0.120`, and so for IPv6; without spaces.
    ///
    /// - Throws: saying what is wrong with the text and what to write instead; where it stands, the caller knows.
    package init(parsing text: String) throws(PoolError) {
        let bytes = text.utf8
        if let dash = bytes.firstIndex(of: UInt8(ascii: "-")) {
            let ends = (text[..<dash], text[bytes.index(after: dash)...])
            guard let first = IPAddress(String(ends.0)), let last = IPAddress(String(ends.1)) else {
                throw AddressRun.unreadable(text)
            }
            guard first.family == last.family else {
                throw PoolError("\"\(text)\" has ends of different families: give both as IPv4 or both as IPv6")
            }
            guard let run = AddressRun(first: first, last: last) else {
                throw PoolError("\"\(text)\" ends before it begins: write \(last)-\(first)")
            }
            self = run
        } else if bytes.contains(UInt8(ascii: "/")) {
            guard let network = CIDR(text) else { throw AddressRun.unreadable(text) }
            guard !network.hasHostBits else {
                throw PoolError("\"\(text)\" has host bits set: write \(network.network) or \(network.address)")
            }
            self.init(network)
        } else {
            guard let address = IPAddress(text) else { throw AddressRun.unreadable(text) }
            self.init(address)
        }
    }

    private static func unreadable(_ text: String) -> PoolError {
        PoolError(
            "\"\(text)\" is no address: write one (10.0.0.5), a network (10.0.0.16/28) or a range (10.0.0.5-10.0.0.9)"
        )
    }
}
