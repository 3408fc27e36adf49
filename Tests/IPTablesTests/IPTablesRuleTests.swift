// SPDX-License-Identifier: Apache-2.0
import IPTables
import Testing

@Suite("Rules")
struct IPTablesRuleTests {
    private static func rule(_ text: String) -> IPTablesRule {
        IPTablesRule("X", text.split(separator: " ").map { String($0.map { $0 == "_" ? " " : $0 }) })
    }

    @Test(
        "What a rule jumps to, and its comment, are found",
        arguments: [
            ("-s 10.0.0.1/32 -j ACCEPT", "ACCEPT", nil),
            ("-m comment --comment a_b -g CNI-1", "CNI-1", "a b"),
            ("-m comment --comment -j -j DROP", "DROP", "-j"),
            ("-m comment --comment -j", nil, "-j"),
            ("-j", nil, nil),
            ("-i eth0", nil, nil),
        ] as [(String, String?, String?)]
    )
    func parts(text: String, target: String?, comment: String?) {
        #expect(Self.rule(text).target == target)
        #expect(Self.rule(text).comment == comment)
    }

    @Test(
        "Rules that say the same in another way mean the same",
        arguments: [
            ("-i a ! -o b -m comment --comment x_y -j Z", "-m comment --comment x_y ! -o b -i a -j Z"),
            ("-p tcp -m tcp --dport 80 -j X", "-p tcp --destination-port 80 -j X"),
            ("-p tcp -m multiport --dports 1,2 -j X", "-m multiport -p tcp --destination-ports 1,2 -j X"),
            ("-s 10.0.0.1/32 -j X", "--source 10.0.0.1 -j X"),
            ("-s 10.0.0.0/8 -j X", "-s 10.1.2.3/8 -j X"),
            ("-d fd00::1/128 -j X", "-d fd00:0::1 -j X"),
            ("-d ::1.2.3.4/128 -j X", "-d ::102:304 -j X"),
            ("-s 0.0.0.0/0 -j X", "-j X"),
            ("-s ::/0 -j X", "-j X"),
            ("-m comment --comment -s -j X", "-j X -m comment --comment -s"),
        ]
    )
    func same(one: String, other: String) {
        #expect(Self.rule(one).means(Self.rule(other)))
        #expect(Self.rule(other).means(Self.rule(one)))
    }

    @Test(
        "Rules that differ in anything do not mean the same",
        arguments: [
            ("-i a -j X", "! -i a -j X"),
            ("-i a ! -o b -j X", "! -i a -o b -j X"),
            ("-i a -j X", "-o a -j X"),
            ("-i a -j X", "-i a -j Y"),
            ("-s 10.0.0.1/32 -j X", "-s 10.0.0.1/31 -j X"),
            ("-s 10.0.0.1/32 -j X", "-d 10.0.0.1/32 -j X"),
            ("-m comment --comment a -j X", "-m comment --comment b -j X"),
            ("-m comment --comment a -j X", "-j X"),
            ("-p tcp -m multiport --dports 1,2 -j X", "-p tcp -m multiport --dports 1,3 -j X"),
            ("-j X", "-j X -i a"),
            ("-i a -i a -j X", "-i a -j X"),
        ]
    )
    func different(one: String, other: String) {
        #expect(!Self.rule(one).means(Self.rule(other)))
        #expect(!Self.rule(other).means(Self.rule(one)))
    }

    @Test("A rule of another chain means something else")
    func chains() {
        #expect(!IPTablesRule("A", ["-j", "X"]).means(IPTablesRule("B", ["-j", "X"])))
    }

    @Test("A rule prints as iptables-save prints it")
    func description() {
        let rule = IPTablesRule("X", ["-m", "comment", "--comment", #"name: "n""#, "-j", "Y"])
        #expect("\(rule)" == #"-A X -m comment --comment "name: \"n\"" -j Y"#)
    }
}
