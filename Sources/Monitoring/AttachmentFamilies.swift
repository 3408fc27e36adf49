// SPDX-License-Identifier: Apache-2.0
package import Attachments
internal import JSON
internal import Wiring

/// The attachments of a host, as metrics.
package enum AttachmentFamilies {
    /// How many attachments there are, and how many ports of the host lead to them.
    package static func families(_ attachments: [AttachmentFacts]) -> [MetricFamily] {
        var counts: [[String]: UInt128] = [:]
        var ports: [[String]: UInt128] = [:]
        for facts in attachments {
            let network = facts.key.network
            // Whole and alive is what should be: it is there as a zero too.
            counts[[network, "whole", "alive"], default: 0] += 0
            counts[[network, facts.state.rawValue, facts.life.verdict.rawValue], default: 0] += 1
            for name in protocols(facts) { ports[[network, name], default: 0] += 1 }
        }
        return [family(.attachments, counts), family(.hostPorts, ports)]
    }

    private static func family(_ description: MetricDescription, _ counts: [[String]: UInt128]) -> MetricFamily {
        var family = MetricFamily(description)
        for (labels, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            family.add(labels, .count(count))
        }
        return family
    }

    /// The protocol of each port of the host that leads to a container, as its record has them.
    private static func protocols(_ facts: AttachmentFacts) -> [String] {
        guard let record = facts.notes.first(where: { $0.plugin == "portmap" })?.record,
            let runtime = try? JSONReader(record.configuration).object("runtimeConfig"),
            let entries = try? runtime.array("portMappings")
        else { return [] }
        return entries.map { entry in
            let written = ((try? entry.string("protocol")) ?? "").lowercased()
            // As portmap reads it: none is tcp. Others it refuses.
            return ["udp", "sctp"].contains(written) ? written : "tcp"
        }
    }
}
