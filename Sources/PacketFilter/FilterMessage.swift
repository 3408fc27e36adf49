// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

/// What a message of nf_tables asks for or says.
///
/// Source: `linux/netfilter/nf_tables.h`, `enum nf_tables_msg_types`; the last ones are of Linux 6.3 and may be missing
/// in the system's header.
enum FilterMessage: Int {
    case newTable = 0
    case getTable = 1
    case deleteTable = 2
    case newChain = 3
    case getChain = 4
    case deleteChain = 5
    case newRule = 6
    case getRule = 7
    case deleteRule = 8
    case newSet = 9
    case getSet = 10
    case deleteSet = 11
    case newElements = 12
    case getElements = 13
    case deleteElements = 14
    case newGeneration = 15
    case getGeneration = 16
    case destroyTable = 26
    case destroyChain = 27
    case destroyRule = 28
    case destroySet = 29
    case destroyElements = 30

    /// The type in the message's header: the subsystem in the upper octet.
    var number: Int { Int(NFNL_SUBSYS_NFTABLES) << 8 | rawValue }

    init?(_ reply: NetlinkReply) {
        guard reply.type >> 8 == Int(NFNL_SUBSYS_NFTABLES) else { return nil }
        self.init(rawValue: reply.type & 0xff)
    }
}

/// The longest name of a table, chain or set in octets (`NFT_NAME_MAXLEN`, with the zero at its end).
let longestName = 255

extension NetlinkMessage {
    /// Begins a message about something in a family; 0 is any.
    func begin(_ message: FilterMessage, _ family: Family?, flags: Int32 = 0) {
        restart(type: message.number, flags: flags)
        append(nfgenmsg(nfgen_family: family?.rawValue ?? 0, version: UInt8(NFNETLINK_V0), res_id: 0))
    }

    /// A zero-terminated string.
    func put<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, text: String) {
        put(Int(attribute.rawValue), text)
    }

    /// nf_tables has its numbers in network order.
    func put<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, _ value: UInt32) {
        put(Int(attribute.rawValue), integer: value.bigEndian)
    }

    func put<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, wide value: UInt64) {
        put(Int(attribute.rawValue), integer: value.bigEndian)
    }

    func put<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, octets: [UInt8]) {
        put(Int(attribute.rawValue), octets: octets)
    }

    func put<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, _ register: Register) {
        put(attribute, register.rawValue)
    }

    func nest<Attribute: RawRepresentable<UInt32>>(
        _ attribute: Attribute,
        _ body: (borrowing NetlinkMessage) -> Void
    ) {
        nest(Int(attribute.rawValue), body)
    }

    /// A value as data: `NFTA_DATA_VALUE` in a nest.
    func putData<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, _ octets: [UInt8]) {
        nest(attribute) { $0.put(NFTA_DATA_VALUE, octets: octets) }
    }

    /// A verdict as data: `NFTA_DATA_VERDICT` in a nest.
    func putVerdict<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute, _ verdict: Verdict) {
        nest(attribute) { data in
            data.nest(NFTA_DATA_VERDICT) { body in
                body.put(NFTA_VERDICT_CODE, UInt32(bitPattern: verdict.code))
                switch verdict {
                case .jump(let chain), .goto(let chain): body.put(NFTA_VERDICT_CHAIN, text: chain)
                default: break
                }
            }
        }
    }
}

extension Verdict {
    /// `linux/netfilter.h` and `enum nft_verdicts`.
    var code: Int32 {
        switch self {
        case .drop: 0
        case .accept: 1
        case .continue: -1
        case .jump: -3
        case .goto: -4
        case .return: -5
        }
    }

    /// nil for a code that is no verdict of ours.
    init?(code: Int32, chain: String) {
        switch code {
        case 0: self = .drop
        case 1: self = .accept
        case -1: self = .continue
        case -3: self = .jump(chain)
        case -4: self = .goto(chain)
        case -5: self = .return
        default: return nil
        }
    }
}

extension NetlinkAttributes {
    subscript<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> ArraySlice<UInt8>? {
        self[Int(attribute.rawValue)]
    }

    func number<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> UInt32? {
        self[attribute]?.integer(as: UInt32.self)?.bigEndian
    }

    func wideNumber<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> UInt64? {
        self[attribute]?.integer(as: UInt64.self)?.bigEndian
    }

    func text<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> String? {
        self[attribute]?.text
    }

    func register<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> Register? {
        number(attribute).map { Register(rawValue: $0) }
    }

    func nested<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> NetlinkAttributes? {
        self[attribute].map { NetlinkAttributes($0) }
    }

    /// The value in a nest of data.
    func data<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> [UInt8]? {
        nested(attribute)?[NFTA_DATA_VALUE].map { Array($0) }
    }

    /// The verdict in a nest of data.
    func verdict<Attribute: RawRepresentable<UInt32>>(_ attribute: Attribute) -> Verdict? {
        guard let verdict = nested(attribute)?.nested(NFTA_DATA_VERDICT),
            let code = verdict.number(NFTA_VERDICT_CODE)
        else { return nil }
        return Verdict(code: Int32(bitPattern: code), chain: verdict.text(NFTA_VERDICT_CHAIN) ?? "")
    }
}
