// SPDX-License-Identifier: Apache-2.0

/// A program as the compiler left it: instructions, and which of them wait for a value.
///
/// Source: elf(5); Documentation/bpf/llvm_reloc.rst.
struct ProgramObject {
    /// An instruction that names something.
    struct Gap: Hashable {
        /// Octets from the beginning.
        let offset: Int
        /// Whether it calls what it names, or loads its value.
        let isCall: Bool
        let name: String
    }

    private(set) var instructions: [UInt8] = []
    private(set) var gaps: [Gap] = []

    /// Takes an object's section of instructions of a name; nil if it is not as our compiler makes it.
    init?(_ object: [UInt8], section name: String) {
        guard object.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else { return nil }
        let table = Int(UInt32(clamping: object.number(at: 40) as UInt64))
        let count = Int(object.number(at: 60) as UInt16)
        let sectionNames = Section(object, table + 64 * Int(object.number(at: 62) as UInt16)).range
        var program: Section?
        var relocations: Section?
        var symbols: Section?
        for index in 0..<count {
            let section = Section(object, table + 64 * index)
            switch section.kind {
            case 1 where section.isExecutable && section.isNamed(name, object, sectionNames): program = section
            case 2: symbols = section
            case 9 where section.isNamed(".rel" + name, object, sectionNames): relocations = section
            default: break
            }
        }
        guard let program, let relocations, let symbols, symbols.link < count else { return nil }
        let names = Section(object, table + 64 * symbols.link)
        let ranges = [program.range, relocations.range, symbols.range, names.range]
        guard ranges.allSatisfy({ $0.upperBound <= object.count }) else { return nil }
        instructions = Array(object[program.range])
        for place in stride(from: relocations.range.lowerBound, to: relocations.range.upperBound, by: 16) {
            let symbol = symbols.range.lowerBound + 24 * Int(object.number(at: place + 12) as UInt32)
            let begin = names.range.lowerBound + Int(object.number(at: symbol) as UInt32)
            let kind: UInt32 = object.number(at: place + 8)
            let offset = Int(UInt32(clamping: object.number(at: place) as UInt64))
            guard kind == 1 || kind == 10, offset + 16 <= instructions.count, begin < object.count else { return nil }
            let name = object[begin...].prefix { $0 != 0 }
            gaps.append(
                Gap(offset: offset, isCall: kind == 10, name: String(decoding: name, as: UTF8.self))
            )
        }
    }

    /// One line of the table of sections.
    private struct Section {
        let kind: UInt32
        let name: UInt32
        let isExecutable: Bool
        let range: Range<Int>
        let link: Int

        init(_ object: [UInt8], _ place: Int) {
            name = object.number(at: place)
            kind = object.number(at: place + 4)
            isExecutable = (object.number(at: place + 8) as UInt64) & 4 != 0
            // Beyond any object a number is as good as any other that is too large.
            let offset = Int(UInt32(clamping: object.number(at: place + 24) as UInt64))
            let size = Int(UInt32(clamping: object.number(at: place + 32) as UInt64))
            range = offset..<(offset + size)
            link = Int(object.number(at: place + 40) as UInt32)
        }

        /// Whether it has a name, ended by zero, among those of sections.
        func isNamed(_ text: String, _ object: [UInt8], _ names: Range<Int>) -> Bool {
            let begin = names.lowerBound + Int(name)
            guard begin < object.count else { return false }
            return object[begin...].prefix { $0 != 0 }.elementsEqual(text.utf8)
        }
    }

    /// Fills a gap: a value to load, or a function of the kernel to call by its number.
    mutating func fill(_ gap: Gap, with value: UInt64) {
        if gap.isCall {
            // BPF_PSEUDO_KFUNC_CALL
            setSource(2, at: gap.offset)
            instructions.put(UInt32(truncatingIfNeeded: value), at: gap.offset + 4)
            return
        }
        // What is there is what the compiler wants added.
        let low: UInt32 = instructions.number(at: gap.offset + 4)
        let high: UInt32 = instructions.number(at: gap.offset + 12)
        let sum = value &+ (UInt64(high) << 32 | UInt64(low))
        instructions.put(UInt32(truncatingIfNeeded: sum), at: gap.offset + 4)
        instructions.put(UInt32(truncatingIfNeeded: sum >> 32), at: gap.offset + 12)
    }

    /// Fills a gap with where the first entry of an array of this process is.
    mutating func fill(_ gap: Gap, withEntryOf descriptor: CInt) {
        // BPF_PSEUDO_MAP_VALUE
        setSource(2, at: gap.offset)
        instructions.put(UInt32(bitPattern: descriptor), at: gap.offset + 4)
    }

    /// Fills a gap with a map of this process.
    mutating func fill(_ gap: Gap, withMap descriptor: CInt) {
        // BPF_PSEUDO_MAP_FD
        setSource(1, at: gap.offset)
        instructions.put(UInt32(bitPattern: descriptor), at: gap.offset + 4)
    }

    private mutating func setSource(_ register: UInt8, at offset: Int) {
        instructions[offset + 1] = instructions[offset + 1] & 0x0f | register << 4
    }
}
