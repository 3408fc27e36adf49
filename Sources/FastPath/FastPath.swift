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
    let program: Descriptor

    /// Opens what earlier processes left, and makes what is missing.
    ///
    /// Processes may do so at the same time: the first of each wins. One that is killed leaves maps without a program,
    /// which the next one completes.
    ///
    /// `fileSystem`: a BPF file system; where there is none, one is mounted.
    /// - Throws: ``FastPathFailure``.
    package init(fileSystem: String = FastPath.fileSystem) throws(FastPathFailure) {
        let pins: Pins
        let processors: Int
        do throws(KernelError) {
            pins = try Pins(fileSystem: fileSystem)
            processors = try FastPath.countProcessors()
        } catch {
            throw FastPathFailure(error)
        }
        if let program = pins.open("program"), let ports = pins.open("ports"), let stations = pins.open("stations") {
            self.init(program, ports, stations, processors)
            return
        }
        try pins.prepare()
        let ports = try pins.map("ports", key: 4, value: FastPathPort.size)
        let stations = try pins.map("stations", key: FastPathStation.keySize, value: FastPathStation.size)
        let loaded = try FastPath.load(ports, stations)
        let program = try pins.keep(loaded, "program")
        pins.removeOthers()
        self.init(program, ports, stations, processors)
    }

    private init(
        _ program: consuming Descriptor,
        _ ports: consuming Descriptor,
        _ stations: consuming Descriptor,
        _ processors: Int
    ) {
        self.program = program
        self.ports = ProgramMap(
            descriptor: ports,
            name: "ports",
            keySize: 4,
            size: FastPathPort.size,
            processors: processors
        )
        self.stations = ProgramMap(
            descriptor: stations,
            name: "stations",
            keySize: FastPathStation.keySize,
            size: FastPathStation.size,
            processors: processors
        )
    }

    /// Opens what earlier processes left, and makes nothing; nil when nothing is there.
    ///
    /// For who takes away or looks: there is nothing to take away where there is no program.
    package static func existing(fileSystem: String = FastPath.fileSystem) throws(KernelError) -> FastPath? {
        let pins = try Pins(fileSystem: fileSystem)
        guard let program = pins.open("program"), let ports = pins.open("ports"), let stations = pins.open("stations")
        else { return nil }
        return FastPath(program, ports, stations, try countProcessors())
    }

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

    private static func load(
        _ ports: borrowing Descriptor,
        _ stations: borrowing Descriptor
    ) throws(FastPathFailure) -> Descriptor {
        guard var object = ProgramObject(shortcutObject) else { throw .unsuitable(missing: "program of ours to run") }
        let members = try ShortcutMembers(below: types)
        for gap in object.gaps {
            switch gap.name {
            case "ports": object.fill(gap, withMap: ports.rawValue)
            case "stations": object.fill(gap, withMap: stations.rawValue)
            default:
                guard let value = members.value(of: gap.name) else { throw .unsuitable(missing: gap.name) }
                object.fill(gap, with: value)
            }
        }
        return try load(object.instructions)
    }

    private static func load(_ instructions: [UInt8]) throws(FastPathFailure) -> Descriptor {
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
