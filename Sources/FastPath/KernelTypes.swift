// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// What a kernel, or a module of it, says of its types (BTF).
///
/// Source: Documentation/bpf/btf.rst.
struct KernelTypes {
    /// What is looked for.
    private enum Kind: UInt32 {
        case structure = 4
        case function = 12
    }

    private let octets: [UInt8]
    /// Where each type is, by its number less the first one's.
    private var types: [Int] = []
    private let firstNumber: UInt32
    private let strings: Int
    /// Names before this are those of the kernel that a module belongs to.
    private let firstString: Int
    private let stringsLength: Int

    /// How many types and octets of names a module's come after.
    private var end: (number: UInt32, string: Int) {
        (firstNumber + UInt32(types.count), firstString + stringsLength)
    }

    /// Reads a file of `/sys/kernel/btf`.
    ///
    /// - Throws: ``KernelError``; `ENOENT` where the kernel has none, `EINVAL` when it is not understood.
    init(path: String) throws(KernelError) {
        try self.init(path: path, firstNumber: 1, firstString: 0)
    }

    /// Reads a module's, whose numbers and names go on where the kernel's end.
    init(path: String, after kernel: KernelTypes) throws(KernelError) {
        try self.init(path: path, firstNumber: kernel.end.number, firstString: kernel.end.string)
    }

    private init(path: String, firstNumber: UInt32, firstString: Int) throws(KernelError) {
        octets = try Descriptor(opening: path, O_RDONLY).readAll(path, limit: 64 << 20)
        self.firstNumber = firstNumber
        self.firstString = firstString
        let magic: UInt16 = octets.number(at: 0)
        let header = Int(octets.number(at: 4) as UInt32)
        let typesBegin = header + Int(octets.number(at: 8) as UInt32)
        let typesEnd = typesBegin + Int(octets.number(at: 12) as UInt32)
        strings = header + Int(octets.number(at: 16) as UInt32)
        stringsLength = Int(octets.number(at: 20) as UInt32)
        guard magic == 0xeb9f, typesEnd <= octets.count, strings + stringsLength <= octets.count else {
            throw KernelError("read \(path)", .invalidArgument, explanation: "it is no description of types")
        }
        types = try KernelTypes.places(octets, typesBegin..<typesEnd, path)
    }

    /// Where each type begins: each has 12 octets, and more as its kind wants.
    private static func places(_ octets: [UInt8], _ range: Range<Int>, _ path: String) throws(KernelError) -> [Int] {
        var places: [Int] = []
        places.reserveCapacity(range.count / 24)
        var place = range.lowerBound
        while place + 12 <= range.upperBound {
            places.append(place)
            let information: UInt32 = octets.number(at: place + 4)
            let count = Int(information & 0xffff)
            switch information >> 24 & 0x1f {
            case 1, 14, 17: place += 12 + 4
            case 3: place += 12 + 12
            case 4, 5, 15, 19: place += 12 + 12 * count
            case 6, 13: place += 12 + 8 * count
            case 2, 7...12, 16, 18: place += 12
            default:
                throw KernelError("read \(path)", .invalidArgument, explanation: "it has types of a kind not known")
            }
        }
        return places
    }

    private func kind(_ place: Int) -> UInt32 {
        octets.number(at: place + 4) >> 24 & 0x1f
    }

    /// Whether the name at an offset is a given one, ended by zero.
    private func isName(_ offset: UInt32, _ name: [UInt8]) -> Bool {
        let begin = strings + Int(offset) - firstString
        guard Int(offset) >= firstString, begin + name.count < octets.count else { return false }
        for index in 0..<name.count where octets[begin + index] != name[index] { return false }
        return octets[begin + name.count] == 0
    }

    private func place(_ name: String, _ kind: Kind) -> (place: Int, number: UInt32)? {
        let name = Array(name.utf8)
        for (index, place) in types.enumerated() where self.kind(place) == kind.rawValue {
            if isName(octets.number(at: place), name) { return (place, firstNumber + UInt32(index)) }
        }
        return nil
    }

    /// The number of a function; nil when there is none.
    func function(_ name: String) -> UInt32? { place(name, .function)?.number }

    /// The number of a structure; nil when there is none.
    func structure(_ name: String) -> UInt32? { place(name, .structure)?.number }

    /// Where a member lies, in octets from the beginning of the structure; nil when there is none.
    ///
    /// `path`: the name, and those of the members that it is in, with dots between.
    func offset(of path: String, in structure: String) -> UInt64? {
        guard var place = place(structure, .structure)?.place else { return nil }
        var offset: UInt64 = 0
        for name in path.split(separator: ".") {
            guard let found = member(Array(name.utf8), in: place) else { return nil }
            offset += found.bits / 8
            place = plain(found.type) ?? 0
        }
        return offset
    }

    /// A member of a structure, or of one without a name in it.
    private func member(_ name: [UInt8], in place: Int) -> (bits: UInt64, type: UInt32)? {
        guard place > 0, kind(place) == 4 || kind(place) == 5 else { return nil }
        let information: UInt32 = octets.number(at: place + 4)
        for index in 0..<Int(information & 0xffff) {
            let member = place + 12 + 12 * index
            let nameOffset: UInt32 = octets.number(at: member)
            let type: UInt32 = octets.number(at: member + 4)
            let position: UInt32 = octets.number(at: member + 8)
            let bits = UInt64(information >> 31 == 1 ? position & 0xff_ffff : position)
            if nameOffset == 0 {
                guard let inner = plain(type), let found = self.member(name, in: inner) else { continue }
                return (bits + found.bits, found.type)
            }
            if isName(nameOffset, name) { return (bits, type) }
        }
        return nil
    }

    /// Where the type behind other names for it is; nil for one of the kernel that a module belongs to.
    private func plain(_ number: UInt32) -> Int? {
        var number = number
        for _ in 0..<16 {
            guard number >= firstNumber, Int(number - firstNumber) < types.count else { return nil }
            let place = types[Int(number - firstNumber)]
            guard [8, 9, 10, 11, 18].contains(kind(place)) else { return place }
            number = octets.number(at: place + 8)
        }
        return nil
    }
}
