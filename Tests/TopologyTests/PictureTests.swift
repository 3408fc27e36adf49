// SPDX-License-Identifier: Apache-2.0
import Addressing
import Netlink
import Pools
import Testing
import Wiring

@testable import Topology

@Suite("Pictures of a network")
struct PictureTests {
    /// A tree that chance made.
    private func tree(_ chance: inout some RandomNumberGenerator, depth: Int) -> Topology.Node {
        var node = Topology.Node(depth == 0 ? .host : .link)
        node.link = "l\(UInt16.random(in: 0...999, using: &chance))"
        for _ in 0..<Int.random(in: 0...3, using: &chance) { node.traits.append("x") }
        guard depth < 4 else { return node }
        for _ in 0..<Int.random(in: 0...(depth == 0 ? 9 : 5), using: &chance) {
            node.children.append(tree(&chance, depth: Bool.random(using: &chance) ? 4 : depth + 1))
        }
        return node
    }

    private func complaints(_ picture: TopologyPicture) -> [String] {
        var found: [String] = []
        let boxes = picture.boxes
        for (one, a) in boxes.enumerated() {
            if a.x < 0 || a.y < 0 || a.x + a.width > picture.width || a.y + a.height > picture.height {
                found.append("box \(one) is outside")
            }
            for (other, b) in boxes.enumerated().dropFirst(one + 1)
            where a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height {
                found.append("boxes \(one) and \(other) overlap")
            }
        }
        for edge in picture.edges {
            let (from, to) = (boxes[edge.from], boxes[edge.to])
            let (first, last) = (edge.points[0], edge.points[edge.points.count - 1])
            if first.y != from.y + from.height || first.x < from.x || first.x > from.x + from.width {
                found.append("an edge does not begin at box \(edge.from)")
            }
            if last.x != to.x || last.y < to.y || last.y > to.y + to.height {
                found.append("an edge does not end at box \(edge.to)")
            }
            for (start, end) in zip(edge.points, edge.points.dropFirst()) {
                let isCut = boxes.contains { box in
                    min(start.x, end.x) < box.x + box.width && max(start.x, end.x) > box.x
                        && min(start.y, end.y) < box.y + box.height && max(start.y, end.y) > box.y
                }
                if isCut || (start.x != end.x && start.y != end.y) { found.append("an edge runs through a box") }
            }
        }
        return found
    }

    @Test("No two boxes overlap, and edges end at boxes and go through none", arguments: 0..<60)
    func layout(seed: Int) {
        var chance = Steps(state: UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1)
        let topology = Topology(host: tree(&chance, depth: 0))
        let picture = TopologyPicture(topology)
        #expect(complaints(picture) == [])
        #expect(picture.boxes.count == topology.host.all.count && picture.edges.count == picture.boxes.count - 1)
    }

    @Test("Pictures grow in both directions", arguments: [0, 1, 4, 5, 200])
    func crowd(count: Int) throws {
        let topology = Topology(try SomeHost.crowd(count))
        let picture = TopologyPicture(topology)
        #expect(complaints(picture) == [])
        #expect(picture.boxes.count == count + 2)
        #expect(picture.width < 3400 && picture.height < 1900)
        #expect(topology.svg.components("<rect class=\"box").count - 1 == (count == 0 ? 1 : count))
        #expect(topology.dot.components(" -- ").count - 1 == count + 1)
    }

    private func hostile() throws -> Topology {
        var bridge = SomeHost.link(1, "a\"b<&>\\\u{1}", "bridge")
        bridge.addresses = [try SomeHost.cidr("10.0.0.1/24")]
        let port = SomeHost.link(2, "]]>-->\"", "veth", master: 1)
        return Topology(TopologyFacts(links: [bridge, port], attachments: []))
    }

    @Test("Names that somebody made up end no text of a picture")
    func svgEscapes() throws {
        let svg = try hostile().svg
        #expect(svg.contains(#"<text x="58" y="90" class="title">a&quot;b&lt;&amp;&gt;\?</text>"#), "\(svg)")
        #expect(svg.contains("]]&gt;--&gt;&quot;</text>") && !svg.contains("]]>"))
        #expect(!svg.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    }

    @Test("Nor one for Graphviz")
    func dotEscapes() throws {
        let dot = try hostile().dot
        #expect(dot.contains(##"n1 [label="a\"b<&amp;>\\?\nbridge\n10.0.0.1/24", style="rounded,bold"]"##), "\(dot)")
        #expect(dot.contains(##"label="]]>-->\"\nveth\n! no record""##))
    }

    @Test("Nor a line of a table")
    func textEscapes() throws {
        let lines = try hostile().lines(.init(hasColor: true))
        #expect(lines.allSatisfy { line in !line.unicodeScalars.contains { $0.value < 32 && $0.value != 0x1b } })
        #expect(lines.contains { $0.contains(#"a"b<&>\?"#) })
    }

    @Test("A small host for Graphviz")
    func dot() throws {
        #expect(
            Topology(try SomeHost.crowd(1)).dot == #"""
                graph culvert {
                  rankdir=LR
                  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11]
                  edge [fontname="sans-serif", fontsize=9]
                  n0 [label="host", shape=house]
                  n1 [label="br0\nbridge", style="rounded,bold"]
                  n0 -- n1
                  n2 [label="c0:eth0\nlan · bridge\n10.0.0.2/16\nveth0"]
                  n1 -- n2
                }

                """#
        )
    }

    @Test("What is down is cut in every picture, and the sentence for who does not see it says so")
    func down() throws {
        let topology = Topology(try SomeHost.ordinary())
        #expect(topology.svg.contains("class=\"edge cut\"") && topology.svg.contains("class=\"box down\""))
        #expect(topology.dot.contains("color=red, style=dashed"))
        #expect(
            topology.summary == "1 bridge, 5 interfaces of containers, 1 link without a record; look at: "
                + "lost:eth0 (container dead, veth9 is gone), db:eth0 (link down)."
        )
    }

    @Test(
        "A line grows with what goes through, and not without end",
        arguments: [(0.0, 1.5), (125, 2), (1250, 3), (125_000_000, 8), (1e30, 10)] as [(Double, Double)]
    )
    func thickness(octets: Double, width: Double) {
        let rates = Topology.Rates(receivedOctets: octets, sentOctets: 0, receivedPackets: 0, sentPackets: 0)
        #expect(rates.thickness == width)
    }

    @Test("What is too long for a card keeps both of its ends")
    func shortening() {
        #expect(Topology.shortened("0123456789", to: 10) == "0123456789")
        #expect(Topology.shortened("0123456789a", to: 10) == "012345…89a")
    }
}

/// Marsaglia's xorshift: the same numbers every time.
private struct Steps: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

extension String {
    /// Its parts between a word.
    fileprivate func components(_ word: String) -> [Substring] {
        split(separator: word, omittingEmptySubsequences: false)
    }
}
