// SPDX-License-Identifier: Apache-2.0

extension Topology {
    /// The tree in the language of Graphviz.
    ///
    /// graphviz.org, "DOT Language".
    package var dot: String {
        var lines = [
            "graph culvert {", "  rankdir=LR",
            "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11]",
            "  edge [fontname=\"sans-serif\", fontsize=9]",
        ]
        for (position, entry) in host.all.enumerated() {
            lines.append("  n\(position) [\(entry.node.graphvizAttributes)]")
            guard let parent = entry.parent else { continue }
            lines.append("  n\(parent) -- n\(position)\(entry.node.edgeAttributes)")
        }
        return (lines + ["}", ""]).joined(separator: "\n")
    }

    /// A text between quotation marks, in which a backslash would begin an escape of labels.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            // Graphviz reads labels as HTML does: what looks like an entity would become a letter.
            case "&": quoted += "&amp;"
            default: quoted.unicodeScalars.append(scalar.value < 32 || scalar.value == 127 ? "?" : scalar)
            }
        }
        return quoted + "\""
    }
}

extension Topology.Node {
    fileprivate var graphvizAttributes: String {
        // The card has the rates on the edge, and no room for them twice.
        var bare = self
        bare.rates = nil
        let text = TopologyCard(bare).lines.map { $0.text.filter { !$0.isNewline } }.joined(separator: "\n")
        var attributes = ["label=\(Topology.quoted(text))"]
        switch role {
        case .host: attributes.append("shape=house")
        case .link, .userSwitch: if !children.isEmpty { attributes.append("style=\"rounded,bold\"") }
        case .attachment: break
        case .stranger, .reference: attributes.append("style=\"rounded,dashed\"")
        }
        if isDown { attributes.append("color=red") }
        return attributes.joined(separator: ", ")
    }

    fileprivate var edgeAttributes: String {
        var attributes: [String] = []
        if let rates {
            let received = TopologyCard.rate("rx", rates.receivedOctets, rates.receivedPackets)
            let sent = TopologyCard.rate("tx", rates.sentOctets, rates.sentPackets)
            attributes.append("label=\(Topology.quoted(received + "\n" + sent))")
            attributes.append("penwidth=\(TopologyPicture.number(rates.thickness))")
        }
        if isDown {
            attributes += ["color=red", "style=dashed"]
        } else if role == .reference {
            attributes.append("style=dotted")
        }
        return attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]"
    }
}
