// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    static let actions: [Shape] = [
        Shape(.inet, "accept", .accept),
        Shape(.inet, "return", .return),
        Shape(.inet, "continue", .verdict(.continue)),
        Shape(.inet, "jump other", .jump("other")),
        Shape(.inet, "goto other", .goto("other")),
        Shape(.inet, "iifname \"lo\" counter packets 0 bytes 0 accept", .iifname("lo"), .counter, .accept),
        Shape(.inet, "limit rate 10/second", .limit(Limit(10, per: .second))),
        Shape(
            .inet,
            "limit rate over 10/minute burst 50 packets drop",
            .limit(Limit(10, per: .minute, burst: 50, isInverted: true)),
            .drop
        ),
        Shape(
            .inet,
            "limit rate over 1 mbytes/hour burst 5 kbytes drop",
            .limit(Limit(1 << 20, per: .hour, burst: 5120, countsBytes: true, isInverted: true)),
            .drop
        ),
        Shape(.inet, "log prefix \"abc: \"", .log(Log(prefix: "abc: "))),
        Shape(.inet, "log", .log(Log())),
        Shape(.inet, "log prefix \"abc: \" level info", .log(Log(prefix: "abc: ", level: 6))),
        Shape(.inet, "log flags tcp sequence,options", .log(Log(flags: 3))),
        Shape(.inet, "log prefix \"abc\" group 5", .log(Log(prefix: "abc", group: 5))),
        Shape(.inet, "reject", .reject(.icmpx(code: 1))),
        Shape(.inet, "reject with icmpx admin-prohibited", .reject(.icmpx(code: 3))),
        Shape(.inet, "reject with icmp host-unreachable", .reject(.icmp(.v4, code: 1))),
        Shape(.inet, "reject with icmpv6 admin-prohibited", .reject(.icmp(.v6, code: 1))),
        Shape(.ip, "reject", .reject(.icmp(.v4, code: 3))),
        Shape(.inet, "meta l4proto tcp reject with tcp reset", .reject(.tcpReset)),
        Shape(.inet, "tcp dport 80 reject with tcp reset", .tcpDport(80), .reject(.tcpReset)),
        Shape(.inet, "ct count over 5 drop", .connectionLimit(5, isInverted: true), .drop),
        Shape(.inet, "ct count 5 accept", .connectionLimit(5, isInverted: false), .accept),
        Shape(.inet, "quota 10 mbytes", .quota(10 << 20, isInverted: false)),
        Shape(.inet, "quota over 100 bytes drop", .quota(100, isInverted: true), .drop),
        Shape(.inet, raw, "notrack", .notrack),
    ]
}
