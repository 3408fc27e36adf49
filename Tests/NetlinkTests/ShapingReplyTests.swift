// SPDX-License-Identifier: Apache-2.0
import CNetlink
import Testing

@testable import Netlink

@Suite("Answers about queues and filters")
struct ShapingReplyTests {
    private static let tokenBucket = reply(
        Int(RTM_NEWQDISC),
        """
        00 00 00 00  | AF_UNSPEC
        09 00 00 00  | link 9
        00 00 01 00  | handle 1:
        ff ff ff ff  | TC_H_ROOT
        02 00 00 00  | references
        08 00 01 00  | TCA_KIND
            74 62 66 00  | tbf
        38 00 02 00  | TCA_OPTIONS
          28 00 01 00  | TCA_TBF_PARMS
              00 00 00 00 00 00 00 00 ff ff ff ff  | rate: see below
              00 00 00 00 00 00 00 00 00 00 00 00  | no peak rate
              48 e8 01 00  | limit 125000
              84 d7 17 00  | buffer 1562500
              00 00 00 00  | no mtu
          0c 00 04 00  | TCA_TBF_RATE64
              00 f2 05 2a 01 00 00 00  | 5000000000
        """
    )

    private static let redirection = reply(
        Int(RTM_NEWTFILTER),
        """
        00 00 00 00  | AF_UNSPEC
        09 00 00 00  | link 9
        00 08 00 80  | handle 800::800
        00 00 ff ff  | parent ffff:
        08 00 02 00  | ETH_P_IP in network order, priority 2
        08 00 01 00  | TCA_KIND
            75 33 32 00  | u32
        60 00 02 00  | TCA_OPTIONS
          24 00 05 00  | TCA_U32_SEL
              01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00  | terminal, one key
              ff ff ff 00 0a 01 02 00 10 00 00 00 00 00 00 00  | 10.1.2.0 at 16
          38 00 07 00  | TCA_U32_ACT
            34 00 01 00  | the first action
              0b 00 01 00  | TCA_ACT_KIND
                  6d 69 72 72 65 64 00 00  | mirred
              24 00 02 00  | TCA_ACT_OPTIONS
                20 00 02 00  | TCA_MIRRED_PARMS
                    01 00 00 00 00 00 00 00  | index, capabilities
                    04 00 00 00  | TC_ACT_STOLEN
                    01 00 00 00 01 00 00 00  | counts
                    01 00 00 00  | TCA_EGRESS_REDIR
                    0c 00 00 00  | link 12
        """
    )

    @Test("A token bucket is read, with a rate beyond 32 bits")
    func readTokenBucket() {
        #expect(
            QueueingDiscipline(Self.tokenBucket)
                == QueueingDiscipline(
                    kind: "tbf",
                    handle: 0x10000,
                    tokenBucket: TokenBucket(rate: 5_000_000_000, buffer: 1_562_500, limit: 125_000)
                )
        )
    }

    @Test("Of another queue only kind and number are read")
    func readOtherQueue() {
        let answer = reply(
            Int(RTM_NEWQDISC),
            """
            00 00 00 00 09 00 00 00 00 00 00 00 ff ff ff ff 02 00 00 00  | link 9, no handle, root
            0c 00 01 00  | TCA_KIND
                6e 6f 71 75 65 75 65 00  | noqueue
            """
        )
        #expect(QueueingDiscipline(answer) == QueueingDiscipline(kind: "noqueue", handle: 0))
    }

    @Test("A redirection is read as it was asked for")
    func readRedirection() {
        let expected = TrafficFilter(
            direction: .received,
            priority: 2,
            ethernetType: 0x0800,
            keys: [TrafficFilter.Key(mask: 0xffff_ff00, value: 0x0a01_0200, offset: 16)],
            verdict: .redirect(to: 12)
        )
        #expect(TrafficFilter(Self.redirection, .received) == expected)
    }

    @Test("The table that filters are in is no filter, and a filter of another kind does something else")
    func readOthers() {
        let table = reply(
            Int(RTM_NEWTFILTER),
            """
            00 00 00 00 09 00 00 00 00 00 00 80 00 00 ff ff 08 00 02 00  | handle 800:
            08 00 01 00 75 33 32 00  | u32
            0c 00 02 00 08 00 04 00 01 00 00 00  | TCA_U32_DIVISOR
            """
        )
        #expect(TrafficFilter(table, .received) == nil)
        let program = reply(
            Int(RTM_NEWTFILTER),
            """
            00 00 00 00 09 00 00 00 01 00 00 00 00 00 ff ff 00 03 01 00  | handle 1
            08 00 01 00 62 70 66 00  | bpf
            """
        )
        #expect(TrafficFilter(program, .received)?.verdict == .other)
    }

    @Test("No damage to an answer is more than a wrong or missing value")
    func damage() {
        let buckets = damaged(Self.tokenBucket).map { QueueingDiscipline($0) }
        let filters = damaged(Self.redirection).map { TrafficFilter($0, .sent) }
        // Both occur: some damage hits what is read, some what is not.
        #expect(buckets.contains { $0 == nil } && buckets.contains { $0?.tokenBucket != nil })
        #expect(filters.contains { $0 == nil } && filters.contains { $0?.verdict == .redirect(to: 12) })
    }
}
