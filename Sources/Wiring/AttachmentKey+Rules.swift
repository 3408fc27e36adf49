// SPDX-License-Identifier: Apache-2.0
internal import Linux

// What packet-filter rules and elements are known by: in the words of the reference, so that each cleans up after the
// other.
extension AttachmentKey {
    /// What every rule's comment of the network begins with: 16 hexadecimal digits.
    package static func ruleOwners(of network: String) -> String {
        SHA512(of: network).hexadecimal(digits: 16)
    }

    /// What the comment of every rule of the attachment begins with, and of no other's: two times 16 digits.
    package var ruleOwner: String {
        let instance = SHA512(of: "\(interfaceName):\(containerID)").hexadecimal(digits: 16)
        return "\(AttachmentKey.ruleOwners(of: network))-\(instance)"
    }

    /// The comment of a rule: its owner for programs, then the same for people, cut to what nft accepts.
    package var ruleComment: String {
        let text = "\(ruleOwner), net: \(network), if: \(interfaceName), id: \(containerID)"
        // nft(8): at most 128 octets. A quote would end it, and a letter of several octets must not be cut in two;
        // an interface can have either in its name.
        var octets: [UInt8] = []
        for octet in text.utf8.prefix(128) {
            octets.append(octet < 0x80 && octet != UInt8(ascii: "\"") ? octet : UInt8(ascii: "?"))
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// What a rule's comment says for people: network, interface and container.
    package static func words(ofRuleComment comment: String) -> String {
        guard let comma = comment.utf8.firstIndex(of: UInt8(ascii: ",")) else { return comment }
        return String(Substring(comment.utf8[comma...].dropFirst(2)))
    }

    /// What a rule's comment says of the container, which may be cut off.
    static func containerID(inRuleComment comment: String) -> String? {
        let octets = Array(comment.utf8)
        let mark = Array(", id: ".utf8)
        var start = octets.count - mark.count
        while start >= 0 {
            if octets[start..<(start + mark.count)].elementsEqual(mark) {
                return String(decoding: octets[(start + mark.count)...], as: UTF8.self)
            }
            start -= 1
        }
        return nil
    }
}
