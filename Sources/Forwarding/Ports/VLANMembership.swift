// SPDX-License-Identifier: Apache-2.0

/// Some of the VLANs 1 to 4094.
public struct VLANSet: Hashable, Sendable {
    static let wordCount = 64

    private(set) var words: [UInt64] = Array(repeating: 0, count: VLANSet.wordCount)

    /// No VLAN.
    public init() {}

    /// These VLANs; what is none (0, 4095 and beyond) is left out (IEEE 802.1Q, table 9-2).
    public init(_ vlans: some Sequence<UInt16>) {
        for vlan in vlans { insert(vlan) }
    }

    /// VLANs 1 to 4094.
    public static var all: VLANSet { VLANSet(1...4094) }

    public func contains(_ vlan: UInt16) -> Bool {
        vlan < 4096 && words[Int(vlan >> 6)] >> UInt64(vlan & 63) & 1 != 0
    }

    /// Adds a VLAN; what is none is left out.
    public mutating func insert(_ vlan: UInt16) {
        guard (1...4094).contains(vlan) else { return }
        words[Int(vlan >> 6)] |= 1 << UInt64(vlan & 63)
    }

    public mutating func remove(_ vlan: UInt16) {
        guard vlan < 4096 else { return }
        words[Int(vlan >> 6)] &= ~(1 << UInt64(vlan & 63))
    }
}

/// Which VLANs an interface belongs to, and how their frames look there (IEEE 802.1Q, 6.9 and 8.8).
public struct VLANMembership: Hashable, Sendable {
    /// Which frames are taken at all.
    public enum Admission: Hashable, Sendable {
        case all
        case onlyTagged
        /// Also those whose tag only tells a priority.
        case onlyUntagged
    }

    /// The VLAN of frames that come without a tag; nil drops them.
    public var native: UInt16?
    /// The VLANs whose frames may come and go.
    public var members: VLANSet
    /// The VLANs whose frames leave without a tag.
    public var untagged: VLANSet
    public var admission: Admission

    public init(native: UInt16?, members: VLANSet, untagged: VLANSet, admission: Admission = .all) {
        self.native = native
        self.members = members
        self.untagged = untagged
        self.admission = admission
    }

    /// A station of one VLAN that knows of none.
    ///
    /// As in Linux a frame that already bears the right tag is taken too, unless `admission` says otherwise.
    public static func access(_ vlan: UInt16, admission: Admission = .all) -> VLANMembership {
        let only = VLANSet(CollectionOfOne(vlan))
        return VLANMembership(native: vlan, members: only, untagged: only, admission: admission)
    }

    /// A link that carries several VLANs by their tags, and perhaps one without.
    public static func trunk(_ vlans: VLANSet, native: UInt16? = nil) -> VLANMembership {
        var members = vlans
        var untagged = VLANSet()
        if let native {
            members.insert(native)
            untagged.insert(native)
        }
        return VLANMembership(native: native, members: members, untagged: untagged)
    }
}
