// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Wiring

/// The direction of packets, as seen from the container.
enum ShapedWay: Hashable {
    case ingress
    case egress
}

extension AttachmentKey {
    /// Names for the block that delays the packets of one way, in the order in which they are tried.
    ///
    /// The first one for `egress` is the reference's: it says nothing of the interface, so that a container that is
    /// twice on one network needs the second.
    func blockNames(_ way: ShapedWay) -> [String] {
        let own = AttachmentKey.name("\(network)\0\(containerID)\0\(interfaceName)\0\(way == .egress ? "out" : "in")")
        return way == .egress ? [AttachmentKey.name(network + containerID), own] : [own]
    }

    /// 15 octets, the longest name a link may have.
    private static func name(_ identity: String) -> String {
        "bwp" + SHA512(of: identity).hexadecimal(digits: 12)
    }

    /// What is written on the blocks of this attachment.
    var blockNote: String { BlockNote(self).description }
}

/// Whose a block is, in a form that fits on a link.
struct BlockNote: Hashable, CustomStringConvertible {
    let network: String
    let containerID: String
    let interfaceName: String

    // 255 octets are a link's: the longest of each, and what stands between them.
    private static let prefix = "culvert bandwidth "
    private static let longestNetwork = 90
    private static let longestContainerID = 128

    init(_ key: AttachmentKey) {
        network = BlockNote.shortened(key.network, BlockNote.longestNetwork)
        containerID = BlockNote.shortened(key.containerID, BlockNote.longestContainerID)
        interfaceName = key.interfaceName
    }

    /// Reads what stands on a link; nil when somebody else wrote it.
    init?(_ alias: String) {
        // Neither networks nor containers can have a slash or a colon in their names, nor can interfaces.
        guard alias.hasPrefix(BlockNote.prefix) else { return nil }
        let rest = alias.dropFirst(BlockNote.prefix.count)
        guard let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")),
            let colon = rest.utf8.lastIndex(of: UInt8(ascii: ":")), slash < colon
        else { return nil }
        network = String(rest[..<slash])
        containerID = String(rest[rest.index(after: slash)..<colon])
        interfaceName = String(rest[rest.index(after: colon)...])
    }

    var description: String { "\(BlockNote.prefix)\(network)/\(containerID):\(interfaceName)" }

    /// Whether a network's name was written here.
    func isOf(network name: String) -> Bool {
        network == BlockNote.shortened(name, BlockNote.longestNetwork)
    }

    /// Whether the attachment is meant; old runtimes name only the container.
    func isCovered(by attachment: AttachmentID) -> Bool {
        containerID == BlockNote.shortened(attachment.containerID, BlockNote.longestContainerID)
            && (attachment.interfaceName.isEmpty || attachment.interfaceName == interfaceName)
    }

    /// Whose it is, in a network of this name; nil when the container's name did not fit.
    func key(in network: String) -> AttachmentKey? {
        guard !containerID.hasPrefix("#") else { return nil }
        return AttachmentKey(network: network, containerID: containerID, interfaceName: interfaceName)
    }

    /// A name too long to be written is written as a number sign, which no name has, and a digest.
    private static func shortened(_ name: String, _ longest: Int) -> String {
        name.utf8.count <= longest ? name : "#" + SHA512(of: name).hexadecimal(digits: 32)
    }
}
