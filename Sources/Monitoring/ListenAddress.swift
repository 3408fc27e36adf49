// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Where a server listens: an address and a port.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    /// 0 is any that is free.
    package let port: UInt16

    /// Whether only this machine can connect.
    package var isLoopback: Bool { address.isLoopback }

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `127.0.0.1:9345`, `[::1]:9345`, `localhost:9345` or `:9345`, which is every address of the machine.
    ///
    /// - Returns: nil for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        switch host {
        case "": self.init(address: IPAddress(v6: 0), port: port)
        case "localhost": self.init(address: IPAddress(v4: 0x7f00_0001), port: port)
        default:
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            if isBracketed { host = host.dropFirst().dropLast() }
            guard let address = IPAddress(String(host)), isBracketed == (address.family == .v6) else { return nil }
            self.init(address: address, port: port)
        }
    }

    /// As a URL has it.
    package var description: String { address.family == .v6 ? "[\(address)]:\(port)" : "\(address):\(port)" }
}
