// SPDX-License-Identifier: Apache-2.0
import Addressing
import Netlink
import Testing

@testable import PacketFilter

@Suite("Messages to the packet filter")
struct EncodingTests {
    @Test("A table is its name, its flags and a comment in user data")
    func tableMessage() {
        let expected = octets(
            """
            2c000000 000a 0100 00000000 00000000  // 44 octets, NEWTABLE, request
            01 00 0000                            // inet, version 0, no resource
            0600 0100 7400 0000                   // name "t"
            0800 0200 00000000                    // no flags
            0700 0600 00 01 00 00                 // user data: comment, 1 octet, ""
            """
        )
        #expect(messages { $0.add(table, comment: "") } == [expected])
    }

    @Test("A base chain has type, policy, hook and priority, in network order")
    func chainMessage() {
        let hook = ChainHook(.filter, .forward, priority: .filter + -5, policy: .drop)
        let expected = octets(
            """
            4c000000 030a 0104 00000000 00000000  // NEWCHAIN, request, create
            01 00 0000
            0600 0100 7400 0000                   // table "t"
            0600 0300 6300 0000                   // name "c"
            0b00 0700 66696c74657200 00           // type "filter"
            0800 0500 00000000                    // policy: drop
            1400 0480                             // hook
            0800 0100 00000002                    //   forward
            0800 0200 fffffffb                    //   -5
            """
        )
        #expect(messages { $0.add(chain, hook: hook) } == [expected])
    }

    @Test("A rule is a list of expressions and a comment in user data")
    func ruleMessage() {
        let expected = octets(
            """
            8c000000 060a 010c 00000000 00000000  // NEWRULE, request, create, append
            01 00 0000
            0600 0100 7400 0000                   // table "t"
            0600 0200 6300 0000                   // chain "c"
            6000 0480                             // expressions
            2c00 0180                             //   list element
            0800 0100 636d7000                    //     name "cmp"
            2000 0280                             //     data
            0800 0100 00000001                    //       register 1
            0800 0200 00000001                    //       not equal
            0c00 0380                             //       data
            0600 0100 0050 0000                   //         value
            3000 0180                             //   list element
            0e00 0100 696d6d65646961746500 0000   //     name "immediate"
            1c00 0280                             //     data
            0800 0100 00000000                    //       register: verdict
            1000 0280                             //       data
            0c00 0280                             //         verdict
            0800 0100 00000000                    //           drop
            0800 0700 0002 7800                   // user data: comment, 2 octets, "x"
            """
        )
        let rule = Rule(
            chain,
            expressions: [.compare(.notEqual, .word(0), [0, 80]), .verdict(.drop)],
            comment: "x"
        )
        #expect(messages { $0.add(rule) } == [expected])
    }

    @Test("A map has its types, their lengths, and what nft wants to know about them")
    func mapMessage() {
        let map = NamedSet(table, "m", key: [.inetProto, .inetService], content: .values([.ipv4Address]), comment: "x")
        let expected = octets(
            """
            78000000 090a 0104 00000000 00000000  // NEWSET, request, create
            01 00 0000
            0600 0100 7400 0000                   // table "t"
            0600 0200 6d00 0000                   // name "m"
            0800 0300 00000008                    // flags: map
            0800 0400 0000030d                    // key: 12 << 6 | 13
            0800 0500 00000008                    // of 8 octets
            0800 0600 00000007                    // data: 7
            0800 0700 00000004                    // of 4 octets
            0800 0a00 00000001                    // the first set of the batch
            2400 0d00                             // user data
            00 04 00000000                        //   byte order of the key: none
            01 04 02000000                        //   byte order of the data: network
            03 08 00 04 0d000000 01 00            //   type of the key: a concatenation
            06 04 00000000                        //   the data is no interval
            07 02 7800                            //   comment
            """
        )
        #expect(messages { $0.add(map) } == [expected])
    }

    @Test("An element of a concatenation is padded to four octets each")
    func elementMessage() {
        let map = NamedSet(
            table,
            "m",
            key: [.inetProto, .inetService],
            content: .values([.ipv4Address, .inetService])
        )
        let element = SetElement(
            key: [.proto(.tcp), .port(8080)],
            values: [.address(IPAddress(v4: 0x0a00_0001)), .port(80)],
            comment: "x"
        )
        let expected = octets(
            """
            54000000 0c0a 0104 00000000 00000000  // NEWSETELEM, request, create
            01 00 0000
            0600 0100 7400 0000                   // table "t"
            0600 0200 6d00 0000                   // map "m"
            3000 0380                             // elements
            2c00 0180                             //   list element
            1000 0180 0c00 0100 06000000 1f900000 //     key: tcp . 8080
            1000 0280 0c00 0100 0a000001 00500000 //     data: 10.0.0.1 . 80
            0800 0600 0002 7800                   //     user data: comment
            """
        )
        #expect(messages { $0.add([element], to: map) } == [expected])
        // Taking away says no more than the key.
        #expect(messages { $0.delete([element], from: map) }.map(\.count) == [0x3c])
    }

    @Test("A range of one field is where it begins and where it is over, one of several fields is both in one")
    func ranges() {
        let single = NamedSet(table, "s", key: [.inetService], flags: .interval)
        let several = NamedSet(table, "s", key: [.inetService, .inetProto], flags: .interval)
        let listed = { (octets: [UInt8]) in reply(octets).map { ListedElement.list($0, values: []) } ?? [] }
        let split = messages { $0.add([SetElement(.ports(80...90))], to: single) }.flatMap(listed)
        #expect(split.map(\.key) == [[0, 80], [0, 91]] && split.map(\.isEnd) == [false, true])
        // Beyond the last number there is no end.
        let open = messages { $0.add([SetElement(.ports(80...65535))], to: single) }.flatMap(listed)
        #expect(open.map(\.key) == [[0, 80]])
        let whole = messages { $0.add([SetElement(.ports(80...90), .proto(.tcp))], to: several) }.flatMap(listed)
        #expect(whole.map(\.key) == [[0, 80, 0, 0, 6, 0, 0, 0]])
        #expect(whole.map(\.upper) == [[0, 90, 0, 0, 6, 0, 0, 0]])
    }

    @Test("A literal set comes before its rule, which finds it by number", arguments: [0, 3])
    func literalSets(others: Int) {
        let elements = [SetElement(.port(443)), SetElement(.port(80))]
        let all = messages { batch in
            for index in 0..<others { batch.add(NamedSet(table, "s\(index)", key: [.mark])) }
            batch.add(
                Rule(chain, [.member([.tcpDport], .literal(elements)), .member([.tcpSport], .literal(elements))])
            )
        }.dropFirst(others)
        #expect(
            all.compactMap { FilterMessage(reply($0)) } == [.newSet, .newElements, .newSet, .newElements, .newRule]
        )
        let bodies = all.compactMap { reply($0)?.filterBody?.attributes }
        // NFTA_SET_ID, NFTA_SET_ELEM_LIST_SET_ID, and NFTA_LOOKUP_SET_ID within the rule
        let numbers = [bodies[0][10], bodies[1][4], bodies[2][10], bodies[3][4]].map { $0?.last }
        #expect(numbers == [1, 1, 2, 2].map { UInt8(others + $0) })
        let lookups = bodies[4][4].map { Array($0) } ?? []
        for number in [others + 1, others + 2] {
            let attribute: [UInt8] = [8, 0, 4, 0, 0, 0, 0, UInt8(number)]
            #expect(lookups.indices.contains { lookups[$0...].starts(with: attribute) })
        }
    }

    @Test("Many elements are several messages, none of them near the limit of 64 KiB, and none is lost")
    func splitting() {
        let set = NamedSet(table, "s", key: [.mark])
        let elements = (0..<5000).map { SetElement(.mark(UInt32($0)), comment: "element \($0)") }
        let all = messages { $0.add(elements, to: set) }
        #expect(all.count > 1 && all.allSatisfy { $0.count < 32 << 10 })
        let listed = all.compactMap { reply($0) }.flatMap { ListedElement.list($0, values: []) }
        #expect(ListedElement.assemble(listed, set.form) == elements)
    }

    @Test("The longest element there can be fits behind the fullest list")
    func longest() {
        let key = [DataType](repeating: .ipv6Address, count: 4)
        let set = NamedSet(table, "s", key: key, content: .values(key), flags: .interval)
        let address = Datum.address(IPAddress(v6: 1 << 100))
        let range = Datum.addresses(IPAddress(v6: 1 << 100), IPAddress(v6: 1 << 101))
        let element = SetElement(
            key: [range, range, range, range],
            values: [address, address, address, address],
            comment: String(repeating: "x", count: 128)
        )
        let all = messages { $0.add([SetElement](repeating: element, count: 200), to: set) }
        #expect(all.compactMap { reply($0) }.flatMap { ListedElement.list($0, values: key) }.count == 200)
    }
}

extension FilterMessage {
    fileprivate init?(_ reply: NetlinkReply?) {
        guard let reply else { return nil }
        self.init(reply)
    }
}
