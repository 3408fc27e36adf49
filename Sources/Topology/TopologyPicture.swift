// SPDX-License-Identifier: Apache-2.0

/// Where everything is in a picture: boxes that do not overlap, and edges from one to another around the others.
///
/// What has ports is a bar; what hangs on it and has none stands below in rows of cards, each tied to the bar by a line
/// down the gap at the left of its column. Below the cards come the bars that hang on the bar, indented, tied to it at
/// its left.
package struct TopologyPicture: Sendable {
    package struct Point: Hashable, Sendable {
        package let x: Double
        package let y: Double
    }

    package struct Box: Sendable {
        package let x: Double
        package let y: Double
        package let width: Double
        package let height: Double
        package let node: Topology.Node
        let card: TopologyCard

        package var isBar: Bool { node.role == .host || !node.children.isEmpty }
    }

    package struct Edge: Hashable, Sendable {
        /// Positions in `boxes`.
        package let from: Int
        package let to: Int
        /// From the border of the one to the border of the other, along the axes.
        package let points: [Point]
    }

    package private(set) var boxes: [Box] = []
    package private(set) var edges: [Edge] = []
    package private(set) var width = 0.0
    package private(set) var height = 0.0

    /// In units of the picture, which are pixels where nothing is scaled.
    static let margin = 16.0
    static let cardWidth = 236.0
    static let lineHeight = 16.0
    static let padding = 8.0
    /// From a column's line to its cards, and between rows.
    private static let gap = 22.0
    /// From a column's cards to the line of the next.
    private static let berth = 10.0
    /// By how much what hangs on a bar stands further to the right.
    private static let indent = 30.0
    private static let mostColumns = 12

    package init(_ topology: Topology) {
        height = Self.margin
        place(topology.host, x: Self.margin)
        width = (boxes.map { $0.x + $0.width }.max() ?? 0) + Self.margin
        height += Self.margin - Self.gap
    }

    /// How many cards stand side by side: about as many as stand one above the other, as they are wider than high.
    static func columns(_ count: Int) -> Int {
        guard count > 4 else { return max(1, count) }
        var columns = 3
        while columns < mostColumns, columns * columns * 5 < count * 6 { columns += 1 }
        return columns
    }

    /// A number as both formats read it, with one digit after the point.
    static func number(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }

    // MARK: - Placing

    private static func height(_ card: TopologyCard) -> Double {
        Double(card.lines.count) * lineHeight + 2 * padding
    }

    /// A bar at the place that is reached, and all that hangs on it; `height` is where the next one goes.
    ///
    /// - Returns: its position.
    @discardableResult
    private mutating func place(_ node: Topology.Node, x: Double) -> Int {
        let leaves = node.children.filter { $0.children.isEmpty }
        let columns = Self.columns(leaves.count)
        let stride = Self.gap + Self.cardWidth + Self.berth
        let card = TopologyCard(node)
        let position = boxes.count
        // It reaches over the lines to all of its columns.
        let breadth = max(Self.cardWidth, Self.indent + Double(leaves.isEmpty ? 1 : columns) * stride - Self.berth)
        let bar = Box(x: x, y: height, width: breadth, height: Self.height(card), node: node, card: card)
        boxes.append(bar)
        height += bar.height + Self.gap
        var row = 0
        while row * columns < leaves.count {
            let cards = leaves[(row * columns)..<min(leaves.count, (row + 1) * columns)].map { ($0, TopologyCard($0)) }
            let rowHeight = cards.map { Self.height($0.1) }.max() ?? 0
            for (column, entry) in cards.enumerated() {
                let line = x + Self.indent + Double(column) * stride
                let box = Box(
                    x: line + Self.gap,
                    y: height,
                    width: Self.cardWidth,
                    height: rowHeight,
                    node: entry.0,
                    card: entry.1
                )
                tie(position, at: line, to: box)
                boxes.append(box)
            }
            height += rowHeight + Self.gap
            row += 1
        }
        for child in node.children where !child.children.isEmpty {
            let bar = place(child, x: x + Self.indent)
            tie(position, at: x + Self.indent / 2, to: boxes[bar], position: bar)
        }
        return position
    }

    /// Down from a bar, then to the right, to a box that is added next unless it is there.
    private mutating func tie(_ bar: Int, at x: Double, to box: Box, position: Int? = nil) {
        // In the height of the first line, which is the name.
        let y = box.y + Self.padding + Self.lineHeight / 2
        let points = [Point(x: x, y: boxes[bar].y + boxes[bar].height), Point(x: x, y: y), Point(x: box.x, y: y)]
        edges.append(Edge(from: bar, to: position ?? boxes.count, points: points))
    }
}
