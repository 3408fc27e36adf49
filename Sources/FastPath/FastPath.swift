// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

/// The shortcut between containers on one bridge: a program in the kernel, and what it knows.
///
/// It belongs to the network namespace of the thread that opens it, which has to be there for every call. What it knows
/// is kept in the BPF file system and outlives the process; programs stay attached until their link goes.
package struct FastPath: ~Copyable {
    /// Where the BPF file system is by custom.
    package static let fileSystem = "/sys/fs/bpf"
    /// Where the kernel describes its types.
    static let types = "/sys/kernel/btf"

    let ports: ProgramMap
    let stations: ProgramMap
    let counts: ProgramMap
    /// A number that is another one after each change.
    let generation: ProgramMap
    let program: Descriptor
    /// Where all of it has its names.
    let directory: String
    /// Whether the program is attached as a filter of clsact, not by itself (tcx).
    package let isFilter: Bool

    /// Opens what earlier processes left, and makes what is missing.
    ///
    /// Processes may do so at the same time: the first of each wins. One that is killed leaves maps without a program,
    /// which the next one completes.
    ///
    /// `fileSystem`: a BPF file system; where there is none, one is mounted.
    /// `isFilter`: whether the program is to be a filter of clsact, as it is on kernels before 6.6 anyway; what was
    /// opened before stays as it is.
    /// - Throws: ``FastPathFailure``.
    package init(fileSystem: String = FastPath.fileSystem, isFilter: Bool = false) throws(FastPathFailure) {
        let (pins, processors) = try FastPath.start(fileSystem)
        if let found = FastPath.find(pins, processors) {
            self = found
        } else {
            self = try FastPath.make(pins, processors, isFilter: isFilter)
        }
    }

    private static func start(_ fileSystem: String) throws(FastPathFailure) -> (Pins, Int) {
        do throws(KernelError) {
            return (try Pins(fileSystem: fileSystem), try countProcessors())
        } catch {
            throw FastPathFailure(error)
        }
    }

    /// Makes what is missing.
    private static func make(_ pins: Pins, _ processors: Int, isFilter: Bool) throws(FastPathFailure) -> FastPath {
        // Where a processor leaves a frame to handle another one, it could mix up the two ways.
        guard (try? Descriptor(opening: "/sys/kernel/realtime", O_RDONLY)) == nil else {
            throw .unsuitable(missing: "handling of a frame at one go, being a real-time kernel")
        }
        try pins.prepare()
        let members = try ShortcutMembers(below: types)
        let isFilter = isFilter || !members.hasTCX
        let maps = Maps(
            ports: try pins.map(.ports),
            stations: try pins.map(.stations),
            counts: try pins.map(.counts),
            generation: try pins.map(.generation)
        )
        // The program itself keeps it.
        let ways = try pins.unnamed(.ways)
        let object = try object(programName(isFilter), members, maps, ways)
        let program = try pins.keep(load(object.instructions), programName(isFilter))
        pins.removeOthers()
        return FastPath(program, isFilter: isFilter, maps, pins, processors)
    }

    /// What has names; nil unless all of it has.
    private static func find(_ pins: Pins, _ processors: Int) -> FastPath? {
        guard let ports = pins.open("ports"), let stations = pins.open("stations"), let counts = pins.open("counts"),
            let generation = pins.open("generation")
        else { return nil }
        let maps = Maps(ports: ports, stations: stations, counts: counts, generation: generation)
        if let program = pins.open(programName(false)) {
            return FastPath(program, isFilter: false, maps, pins, processors)
        }
        guard let program = pins.open(programName(true)) else { return nil }
        return FastPath(program, isFilter: true, maps, pins, processors)
    }

    /// The maps that have names.
    private struct Maps: ~Copyable {
        let ports: Descriptor
        let stations: Descriptor
        let counts: Descriptor
        let generation: Descriptor
    }

    private init(
        _ program: consuming Descriptor,
        isFilter: Bool,
        _ maps: consuming Maps,
        _ pins: Pins,
        _ processors: Int
    ) {
        self.program = program
        directory = pins.directory
        self.isFilter = isFilter
        ports = ProgramMap(descriptor: maps.ports, shape: .ports, processors: 1)
        stations = ProgramMap(descriptor: maps.stations, shape: .stations, processors: 1)
        counts = ProgramMap(descriptor: maps.counts, shape: .counts, processors: processors)
        generation = ProgramMap(descriptor: maps.generation, shape: .generation, processors: 1)
    }

    /// The name of the program's pin, and of its section in the object.
    private static func programName(_ isFilter: Bool) -> String { isFilter ? "filter" : "program" }

    /// Opens what earlier processes left, and makes nothing; nil when nothing is there.
    ///
    /// For who takes away or looks: there is nothing to take away where there is no program.
    package static func existing(fileSystem: String = FastPath.fileSystem) throws(KernelError) -> FastPath? {
        let pins = try Pins(fileSystem: fileSystem)
        // Where nothing is there, nothing else has to be.
        guard pins.open("ports") != nil else { return nil }
        return find(pins, try countProcessors())
    }

    /// Whether there is anything of ours to look for; cheap, for who mostly finds nothing.
    package static func mayExist(fileSystem: String = FastPath.fileSystem) -> Bool { Pins.mayBe(in: fileSystem) }

    /// Why there can be no shortcut, or nil; changes nothing.
    ///
    /// Cheap, hence not complete: whether the kernel takes the program shows when it is loaded.
    package static func probe(fileSystem: String = FastPath.fileSystem) -> FastPathFailure? {
        do throws(KernelError) {
            if try existing(fileSystem: fileSystem) != nil { return nil }
        } catch {
            return FastPathFailure(error)
        }
        let map = culvert_make_map(culvert_map_hash, 4, 4, 1, "culvert_probe")
        guard map >= 0 else { return FastPathFailure(KernelError("make a map", Errno(rawValue: -map))) }
        _ = Descriptor(adopting: map)
        do throws(KernelError) {
            _ = try Descriptor(opening: types + "/vmlinux", O_RDONLY)
        } catch {
            return .noTypes(error)
        }
        return nil
    }

    /// How many processors the kernel can have: an entry has a part for each.
    ///
    /// The list is one range or several, such as `0-3`; numbers are counted from 0.
    private static func countProcessors() throws(KernelError) -> Int {
        let path = "/sys/devices/system/cpu/possible"
        var highest = 0
        var number = 0
        for octet in try Descriptor(opening: path, O_RDONLY).readSmallFile(path) {
            if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) {
                number = number * 10 + Int(octet - UInt8(ascii: "0"))
            } else {
                highest = max(highest, number)
                number = 0
            }
        }
        return max(highest, number) + 1
    }

    private static func object(
        _ name: String,
        _ members: ShortcutMembers,
        _ maps: borrowing Maps,
        _ ways: borrowing Descriptor
    ) throws(FastPathFailure) -> ProgramObject {
        guard var object = ProgramObject(shortcutObject, section: name) else {
            throw .unsuitable(missing: "program of ours to run")
        }
        for gap in object.gaps {
            switch gap.name {
            case "ports": object.fill(gap, withMap: maps.ports.rawValue)
            case "stations": object.fill(gap, withMap: maps.stations.rawValue)
            case "counts": object.fill(gap, withMap: maps.counts.rawValue)
            case "ways": object.fill(gap, withMap: ways.rawValue)
            case "generation": object.fill(gap, withEntryOf: maps.generation.rawValue)
            default:
                guard let value = members.value(of: gap.name) else { throw .unsuitable(missing: gap.name) }
                object.fill(gap, with: value)
            }
        }
        return object
    }

    static func load(_ instructions: [UInt8]) throws(FastPathFailure) -> Descriptor {
        let count = UInt32(instructions.count / 8)
        let result = culvert_load_program(instructions, count, "culvert", nil, 0)
        if result >= 0 { return Descriptor(adopting: result) }
        let errno = Errno(rawValue: -result)
        let failure = FastPathFailure(KernelError("load the shortcut", errno))
        if case .noPrograms = failure { throw failure }
        // A second time, for the reasons.
        var log = [CChar](repeating: 0, count: 1 << 20)
        let again = culvert_load_program(instructions, count, "culvert", &log, UInt32(log.count))
        if again >= 0 { return Descriptor(adopting: again) }
        let said = log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.split(separator: UInt8(ascii: "\n")).suffix(6)
        guard !said.isEmpty else { throw failure }
        var text = ""
        for line in said { text += (text.isEmpty ? "" : "; ") + String(decoding: line, as: UTF8.self) }
        throw .refused(KernelError("load the shortcut", errno, explanation: text))
    }
}
