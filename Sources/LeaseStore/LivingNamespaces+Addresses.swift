// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Linux

extension LivingNamespaces {
    /// Whether an address is one of a namespace's own; nil when nobody can look.
    package func hold(_ address: IPAddress, in inode: UInt64) -> Bool? {
        switch address.family {
        case .v4: networkFile("fib_trie", of: inode).map { LivingNamespaces.trie($0, has: address) }
        case .v6: networkFile("if_inet6", of: inode).map { LivingNamespaces.list($0, has: address) }
        }
    }

    /// Reads `/proc/net/fib_trie`: a leaf is `|-- 10.1.0.2`, and the lines of its routes follow; own addresses have a
    /// route with `host LOCAL`.
    package static func trie(_ table: [UInt8], has address: IPAddress) -> Bool {
        let leaf = Array("|-- \(address)".utf8)
        let own = Array(" host LOCAL".utf8)
        var isOurs = false
        for line in table.split(separator: UInt8(ascii: "\n")) {
            let text = line.drop { $0 == UInt8(ascii: " ") }
            switch text.first {
            case UInt8(ascii: "|"): isOurs = text.elementsEqual(leaf)
            case UInt8(ascii: "+"): isOurs = false
            default: if isOurs, text.suffix(own.count).elementsEqual(own) { return true }
            }
        }
        return false
    }

    /// Reads `/proc/net/if_inet6`: an address is the 32 hexadecimal digits that a line begins with.
    package static func list(_ table: [UInt8], has address: IPAddress) -> Bool {
        let digits = Array("0123456789abcdef".utf8)
        let start = address.octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return table.split(separator: UInt8(ascii: "\n")).contains { $0.starts(with: start) }
    }
}
