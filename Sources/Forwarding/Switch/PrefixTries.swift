// SPDX-License-Identifier: Apache-2.0

/// Compressed binary tries of prefixes of up to 128 bits, as many as one likes in common memory.
///
/// Patricia: a node stands for a prefix of its own or for the place where two paths part, so that n prefixes make at
/// most 2n - 1 nodes of 48 octets, and a look-up visits no more nodes than there are prefixes of prefixes on its way.
/// Memory follows need and a change touches one path: made for tables of hundreds, right for any size.
struct PrefixTries: ~Copyable {
    /// A trie: the number of its first node; 0 is one without prefixes.
    typealias Root = UInt32

    struct Node: BitwiseCopyable {
        /// Zeros behind `length` bits.
        var prefix: UInt128 = 0
        /// By the next bit; 0 is none.
        var zero: UInt32 = 0
        var one: UInt32 = 0
        /// 0 where paths only part.
        var value: UInt32 = 0
        var length: UInt32 = 0

        @inline(__always)
        init(prefix: UInt128, length: Int, value: UInt32) {
            self.prefix = prefix
            self.length = UInt32(truncatingIfNeeded: length)
            self.value = value
        }

        @inline(__always)
        func child(of key: UInt128) -> UInt32 {
            PrefixTries.bit(key, Int(length)) ? one : zero
        }

        @inline(__always)
        mutating func setChild(of key: UInt128, _ node: UInt32) {
            if PrefixTries.bit(key, Int(length)) { one = node } else { zero = node }
        }
    }

    private var nodes = Table(repeating: Node(prefix: 0, length: 0, value: 0), count: 16)
    /// Nodes behind this one were never used; node 0 never is.
    private var nodeCount: UInt32 = 1
    private var freeNodes: [UInt32] = []

    /// How many octets the nodes take.
    var memory: Int { nodes.count * MemoryLayout<Node>.stride }

    /// Value and length of the longest prefix of a key; value 0 when there is none.
    @inline(__always)
    func lookup(_ key: UInt128, in root: Root) -> (value: UInt32, length: Int) {
        var best: (value: UInt32, length: Int) = (0, 0)
        var index = root
        while index != 0 {
            let node = nodes[Int(index)]
            guard Self.agree(node.prefix, key, Int(node.length)) else { break }
            if node.value != 0 { best = (node.value, Int(node.length)) }
            guard node.length < 128 else { break }
            index = node.child(of: key)
        }
        return best
    }

    /// Whether two keys begin with the same bits.
    @inline(__always)
    private static func agree(_ left: UInt128, _ right: UInt128, _ length: Int) -> Bool {
        length == 0 || (left ^ right) >> (128 - length) == 0
    }

    @inline(__always)
    private static func bit(_ key: UInt128, _ index: Int) -> Bool {
        (key << index) >> 127 != 0
    }

    // MARK: - Changing

    /// Gives a prefix a value, new or in place of its old one.
    ///
    /// - Returns: the trie afterwards.
    mutating func set(_ prefix: UInt128, length: Int, value: UInt32, in root: Root) -> Root {
        guard root != 0 else { return make(prefix, length, value) }
        var node = nodes[Int(root)]
        let common = min(length, Int(node.length), (prefix ^ node.prefix).leadingZeroBitCount)
        if common < node.length {
            if common == length {
                // The new prefix contains all of this trie.
                let parent = make(prefix, length, value)
                nodes[Int(parent)].setChild(of: node.prefix, root)
                return parent
            }
            let fork = make(prefix & ~(UInt128.max >> common), common, 0)
            let leaf = make(prefix, length, value)
            nodes[Int(fork)].setChild(of: prefix, leaf)
            nodes[Int(fork)].setChild(of: node.prefix, root)
            return fork
        }
        if length == node.length {
            node.value = value
        } else {
            let child = set(prefix, length: length, value: value, in: node.child(of: prefix))
            node.setChild(of: prefix, child)
        }
        nodes[Int(root)] = node
        return root
    }

    /// Takes a prefix away; without effect when it is not there.
    ///
    /// - Returns: the trie afterwards.
    mutating func remove(_ prefix: UInt128, length: Int, from root: Root) -> Root {
        guard root != 0 else { return 0 }
        var node = nodes[Int(root)]
        guard node.length <= length, Self.agree(node.prefix, prefix, Int(node.length)) else { return root }
        if node.length == length {
            node.value = 0
        } else {
            let child = remove(prefix, length: length, from: node.child(of: prefix))
            node.setChild(of: prefix, child)
        }
        // A node that neither says anything nor parts paths gives way to what is below it.
        if node.value == 0, node.zero == 0 || node.one == 0 {
            freeNodes.append(root)
            return node.zero == 0 ? node.one : node.zero
        }
        nodes[Int(root)] = node
        return root
    }

    private mutating func make(_ prefix: UInt128, _ length: Int, _ value: UInt32) -> UInt32 {
        let index = freeNodes.popLast() ?? nodeCount
        if index == nodeCount {
            nodeCount += 1
            if nodeCount > nodes.count {
                nodes = nodes.resized(to: nodes.count * 2, filling: Node(prefix: 0, length: 0, value: 0))
            }
        }
        nodes[Int(index)] = Node(prefix: prefix, length: length, value: value)
        return index
    }
}
