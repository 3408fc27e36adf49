// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Wiring

extension Topology {
    /// The tree as a picture that stands alone, for light and dark backgrounds.
    ///
    /// SVG 1.1; colours by `prefers-color-scheme` (CSS Media Queries 5, 12.5).
    package var svg: String {
        let picture = TopologyPicture(self)
        let (width, height) = (TopologyPicture.number(picture.width), TopologyPicture.number(picture.height))
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title desc\""
                + " width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\">",
            "<title id=\"title\">Network of a host</title>", "<desc id=\"desc\">\(Topology.escaped(summary))</desc>",
            "<style>\(Topology.style)</style>", "<rect class=\"back\" width=\"100%\" height=\"100%\"/>",
        ]
        // The thick ones first, so that thin ones stay to be seen upon them.
        let edges = picture.edges.enumerated().sorted { one, other in
            let widths = [one, other].map { picture.boxes[$0.element.to].node.rates?.thickness ?? 0 }
            return widths[0] == widths[1] ? one.offset < other.offset : widths[0] > widths[1]
        }
        for (_, edge) in edges { lines.append(Topology.line(edge, picture)) }
        let networks = Set(picture.boxes.compactMap { $0.node.key?.network }).sorted()
        for box in picture.boxes {
            let color = box.node.key.flatMap { networks.firstIndex(of: $0.network) }.map { $0 % Topology.colors }
            lines += Topology.box(box, color: color)
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    /// In a sentence, what the picture shows, for who does not see it.
    package var summary: String {
        let nodes = host.all.dropFirst().map { $0.node }
        func count(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
        let bridges = nodes.filter { $0.kind == "bridge" && $0.role == .link }.count
        let attachments = nodes.filter { $0.role == .attachment }.count
        let strangers = nodes.filter { $0.role == .stranger }.count
        let bad = nodes.filter { $0.marks.contains { $0.isBad } }
        let switches = nodes.filter { $0.role == .userSwitch }.count
        var words = [
            count(bridges, "bridge", "bridges"),
            count(attachments, "interface of a container", "interfaces of containers"),
        ]
        if switches > 0 { words.insert(count(switches, "switch", "switches"), at: 1) }
        if strangers > 0 { words.append(count(strangers, "link without a record", "links without a record")) }
        let trouble = bad.prefix(20).map { "\($0.shortName) (\($0.marks.map { $0.text }.joined(separator: ", ")))" }
        return words.joined(separator: ", ") + (bad.isEmpty ? "." : "; look at: \(trouble.joined(separator: ", ")).")
    }

    private static let colors = 6
    /// Letters of one width are about so wide, at the size of the cards.
    private static let letter = 7.0

    private static let style = """
        text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#24292f}\
        .back{fill:#fff}.box{fill:#f6f8fa;stroke:#8c959f}.bar{fill:#ddf4ff;stroke:#54aeff}\
        .stranger{fill:#fff8c5;stroke:#bf8700;stroke-dasharray:5 3}.reference{stroke-dasharray:2 3}\
        .down{stroke:#cf222e;stroke-width:1.5}.edge{fill:none;stroke:#6e7781;stroke-linejoin:round}\
        .cut{stroke:#cf222e;stroke-dasharray:5 4}\
        .title{font-weight:bold}.quiet{fill:#57606a}.alarm{fill:#cf222e;font-weight:bold}\
        .c0{fill:#0969da}.c1{fill:#1a7f37}.c2{fill:#8250df}.c3{fill:#bc4c00}.c4{fill:#bf3989}.c5{fill:#1b7c83}\
        @media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}\
        .box{fill:#161b22;stroke:#6e7681}.bar{fill:#0c2d6b;stroke:#388bfd}\
        .stranger{fill:#3a2d00;stroke:#d29922}.down{stroke:#ff7b72}.edge{stroke:#8b949e}.cut{stroke:#ff7b72}\
        .quiet{fill:#9da7b1}.alarm{fill:#ff7b72}\
        .c0{fill:#58a6ff}.c1{fill:#3fb950}.c2{fill:#bc8cff}.c3{fill:#f0883e}.c4{fill:#f778ba}.c5{fill:#39c5cf}}
        """

    private static func line(_ edge: TopologyPicture.Edge, _ picture: TopologyPicture) -> String {
        let node = picture.boxes[edge.to].node
        let points = edge.points.map { "\(TopologyPicture.number($0.x)) \(TopologyPicture.number($0.y))" }
        let width = TopologyPicture.number(node.rates?.thickness ?? 1.5)
        let name = node.isDown ? "edge cut" : "edge"
        return "<path class=\"\(name)\" stroke-width=\"\(width)\" d=\"M\(points.joined(separator: "L"))\"/>"
    }

    private static func box(_ box: TopologyPicture.Box, color: Int?) -> [String] {
        var names = [box.isBar ? "bar" : "box"]
        if [.stranger, .reference].contains(box.node.role) { names.append(box.node.role.rawValue) }
        if box.node.isDown { names.append("down") }
        let (x, y) = (TopologyPicture.number(box.x), TopologyPicture.number(box.y))
        let (width, height) = (TopologyPicture.number(box.width), TopologyPicture.number(box.height))
        // The whole text, for whom the card is too narrow.
        let whole = [box.node.name] + box.card.lines.map { $0.text }
        var lines = [
            "<g><title>\(escaped(whole.joined(separator: "; ")))</title>",
            "<rect class=\"\(names.joined(separator: " "))\" x=\"\(x)\" y=\"\(y)\" width=\"\(width)\""
                + " height=\"\(height)\" rx=\"5\"/>",
        ]
        if let color {
            lines.append("<rect class=\"c\(color)\" x=\"\(x)\" y=\"\(y)\" width=\"5\" height=\"\(height)\" rx=\"2\"/>")
        }
        let left = box.x + TopologyPicture.padding + 4
        let room = Int((box.width - 2 * TopologyPicture.padding - 4) / letter)
        for (number, line) in box.card.lines.enumerated() {
            let base = box.y + TopologyPicture.padding + (Double(number) + 0.75) * TopologyPicture.lineHeight
            let place = "x=\"\(TopologyPicture.number(left))\" y=\"\(TopologyPicture.number(base))\""
            let style = line.tone == .plain ? "" : " class=\"\(line.tone.rawValue)\""
            lines.append("<text \(place)\(style)>\(escaped(shortened(line.text, to: room)))</text>")
        }
        return lines + ["</g>"]
    }

    /// The beginning and the end of a text that is too long: names differ there.
    static func shortened(_ text: String, to room: Int) -> String {
        guard text.count > room, room > 2 else { return text }
        let end = (room - 1) / 3
        return text.prefix(room - 1 - end) + "…" + text.suffix(end)
    }

    /// A text as it may stand in XML, between tags or in an attribute.
    ///
    /// XML 1.0, 2.2: most control characters have no place in a document, escaped or not.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default:
                let isAllowed = scalar.value >= 32 && ![0x7f, 0xfffe, 0xffff].contains(scalar.value)
                escaped.unicodeScalars.append(isAllowed ? scalar : "?")
            }
        }
        return escaped
    }
}
