// SPDX-License-Identifier: Apache-2.0

/// Whose an address is: one interface of one container.
package struct LeaseOwner: Hashable, Sendable, CustomStringConvertible {
    package let containerID: String
    /// Empty in files of host-local before 0.8, which belong to every interface of the container.
    package let interfaceName: String

    package init(containerID: String, interfaceName: String) {
        self.containerID = containerID
        self.interfaceName = interfaceName
    }

    /// Reads a lease file; nil when it names nobody (a writer that died leaves an empty file).
    package init?(content: [UInt8]) {
        let lines = content.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        guard let first = lines.first.map(LeaseOwner.trimmed), !first.isEmpty else { return nil }
        containerID = first
        interfaceName = lines.count > 1 ? LeaseOwner.trimmed(lines[1]) : ""
    }

    /// As host-local writes it: the two names on lines of their own, without a final newline.
    package var content: [UInt8] { Array("\(containerID)\r\n\(interfaceName)".utf8) }

    package var description: String {
        if isReservation { return interfaceName.isEmpty ? "a reservation" : "a reservation for \(interfaceName)" }
        return interfaceName.isEmpty ? containerID : "\(containerID) \(interfaceName)"
    }

    /// Whether this owner's leases are the other's too, which a file without an interface leaves open.
    package func covers(_ other: LeaseOwner) -> Bool {
        containerID == other.containerID && (interfaceName.isEmpty || interfaceName == other.interfaceName)
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> String {
        let isVisible: (UInt8) -> Bool = { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") && $0 != 0 }
        guard let first = line.firstIndex(where: isVisible), let last = line.lastIndex(where: isVisible)
        else { return "" }
        return String(decoding: line[first...last], as: UTF8.self)
    }
}

/// Addresses that an operator keeps have a file too, so that nobody who shares the directory gives them to anybody.
extension LeaseOwner {
    /// Stands where the container's id does: none begins like this (CNI 1.1.0, section 2).
    private static let reservationMark = "@reserved"

    /// Who has an address that is kept for an identity; empty for nobody.
    package static func reservation(for key: String) -> LeaseOwner {
        LeaseOwner(containerID: reservationMark, interfaceName: key)
    }

    /// Whether this is no container, but somebody's wish.
    package var isReservation: Bool { containerID == LeaseOwner.reservationMark }

    /// Whether a runtime can have given a container this name: a letter or digit, then those and `_`, `.`, `-`.
    package var isPossible: Bool {
        guard let first = containerID.utf8.first, LeaseOwner.isLetterOrDigit(first) else { return false }
        return containerID.utf8.allSatisfy { octet in
            LeaseOwner.isLetterOrDigit(octet) || octet == UInt8(ascii: "_") || octet == UInt8(ascii: ".")
                || octet == UInt8(ascii: "-")
        }
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
