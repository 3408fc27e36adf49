// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// The protocols whose ports can be published, by their numbers (IANA, "Protocol Numbers").
enum Transport: UInt8, Hashable, Sendable, CustomStringConvertible {
    case tcp = 6
    case udp = 17
    case sctp = 132

    var description: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }

    /// All of them, in the order in which rules and files list them.
    static let all: [Transport] = [.tcp, .udp, .sctp]

    init?(_ name: String) {
        switch name.lowercased() {
        // Old runtimes leave it out, and mean this one.
        case "tcp", "": self = .tcp
        case "udp": self = .udp
        case "sctp": self = .sctp
        default: return nil
        }
    }
}

/// One entry of `portMappings`: a port of the host that leads to a port of the container.
struct PortMapping: Hashable, Sendable {
    /// Where the host listens, as it was written: nil is every address of either family, an unspecified address every
    /// one of its own family.
    let hostAddress: IPAddress?
    let hostPort: UInt16
    let containerPort: UInt16
    let transport: Transport

    /// The one address the mapping is about; nil when it is about all of them.
    var specificAddress: IPAddress? {
        hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
    }

    func applies(to family: AddressFamily) -> Bool {
        hostAddress.map { $0.family == family } ?? true
    }
}

/// What a mapping means for one address of the container.
struct Forward: Hashable, Sendable {
    /// Nil is every address of the host of the target's family.
    let hostAddress: IPAddress?
    let transport: Transport
    let hostPort: UInt16
    let target: IPAddress
    let containerPort: UInt16

    var family: AddressFamily { target.family }

    /// Whether nobody could tell which of the two a packet is for.
    func conflicts(with other: Forward) -> Bool {
        hostPort == other.hostPort && transport == other.transport && family == other.family
            && (hostAddress == nil || other.hostAddress == nil || hostAddress == other.hostAddress)
    }
}

extension Forward: CustomStringConvertible {
    /// As people write it, such as `0.0.0.0:8080/tcp`.
    var description: String {
        let address = hostAddress ?? IPAddress(unspecified: family)
        return family == .v4 ? "\(address):\(hostPort)/\(transport)" : "[\(address)]:\(hostPort)/\(transport)"
    }
}

extension IPAddress {
    fileprivate init(unspecified family: AddressFamily) {
        switch family {
        case .v4: self.init(v4: 0)
        case .v6: self.init(v6: 0)
        }
    }
}
