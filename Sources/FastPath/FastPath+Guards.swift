// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux
internal import Netlink

/// The programs that keep VLANs apart at the ports of a bridge that does not.
///
/// Two filters of clsact: where a port takes frames in, the shortcut and what gives them their tag; where it sends them, what
/// drops those of other VLANs. A port that they are at and that nothing is known of passes nothing.
package struct VLANGuards: ~Copyable {
    private let guards: ProgramMap
    private let entry: Descriptor
    private let exit: Descriptor

    /// Opens what earlier processes left, and makes what is missing.
    ///
    /// - Throws: ``FastPathFailure``.
    package init(_ path: borrowing FastPath, fileSystem: String = FastPath.fileSystem) throws(FastPathFailure) {
        let pins: Pins
        do throws(KernelError) {
            pins = try Pins(fileSystem: fileSystem)
        } catch {
            throw FastPathFailure(error)
        }
        if let found = VLANGuards.find(pins) {
            self = found
        } else {
            self = try VLANGuards.make(pins, path)
        }
    }

    private init(_ guards: consuming Descriptor, _ entry: consuming Descriptor, _ exit: consuming Descriptor) {
        self.guards = ProgramMap(descriptor: guards, shape: .guards, processors: 1)
        self.entry = entry
        self.exit = exit
    }

    /// Opens what earlier processes left, and makes nothing; nil when nothing is there.
    ///
    /// - Throws: ``KernelError``.
    package static func existing(fileSystem: String = FastPath.fileSystem) throws(KernelError) -> VLANGuards? {
        find(try Pins(fileSystem: fileSystem))
    }

    private static func find(_ pins: Pins) -> VLANGuards? {
        // The last that gets a name.
        guard let entry = pins.open("entry"), let exit = pins.open("exit"), let guards = pins.open("guards") else {
            return nil
        }
        return VLANGuards(guards, entry, exit)
    }

    private static func make(_ pins: Pins, _ path: borrowing FastPath) throws(FastPathFailure) -> VLANGuards {
        let members = try ShortcutMembers(below: FastPath.types)
        let guards = try pins.map(.guards)
        let ways = try pins.unnamed(.ways)
        // The shortcut lets nothing pass but this very program where a port sends.
        let exit = try pins.keep(load("exit", members, path, guards, ways, exit: 0), "exit")
        let number = try translated { () throws(KernelError) in try VLANGuards.number(exit) }
        let entry = try pins.keep(load("entry", members, path, guards, ways, exit: number), "entry")
        return VLANGuards(guards, entry, exit)
    }

    private static func load(
        _ name: String,
        _ members: ShortcutMembers,
        _ path: borrowing FastPath,
        _ guards: borrowing Descriptor,
        _ ways: borrowing Descriptor,
        exit: UInt32
    ) throws(FastPathFailure) -> Descriptor {
        guard var object = ProgramObject(shortcutObject, section: name) else {
            throw .unsuitable(missing: "program of ours to run")
        }
        for gap in object.gaps {
            switch gap.name {
            case "guards": object.fill(gap, withMap: guards.rawValue)
            case "ways": object.fill(gap, withMap: ways.rawValue)
            case "ports": object.fill(gap, withMap: path.ports.descriptor.rawValue)
            case "stations": object.fill(gap, withMap: path.stations.descriptor.rawValue)
            case "counts": object.fill(gap, withMap: path.counts.descriptor.rawValue)
            case "generation": object.fill(gap, withEntryOf: path.generation.descriptor.rawValue)
            case "number_of_exit": object.fill(gap, with: UInt64(exit))
            default:
                guard let value = members.value(of: gap.name) else { throw .unsuitable(missing: gap.name) }
                object.fill(gap, with: value)
            }
        }
        return try FastPath.load(object.instructions)
    }

    private static func translated<Value>(
        _ body: () throws(KernelError) -> Value
    ) throws(FastPathFailure) -> Value {
        do throws(KernelError) {
            return try body()
        } catch {
            throw FastPathFailure(error)
        }
    }

    private static func number(_ program: borrowing Descriptor) throws(KernelError) -> UInt32 {
        var number: UInt32 = 0
        let told = culvert_program_number(program.rawValue, &number)
        guard told == 0 else { throw KernelError("ask for a program's number", Errno(rawValue: told)) }
        return number
    }

    /// Keeps a port to its VLANs: at no moment of this does it pass frames of others that it did not pass before.
    ///
    /// Filters of other versions are replaced, those of others stay behind ours. On a link that is down it takes next to no
    /// time, on one that is up some 10 ms.
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link, `EEXIST` when a stranger's filters have our place.
    package borrowing func keep(_ link: UInt32, to vlans: FastPathGuard) throws(KernelError) {
        try guards.set(VLANGuards.key(link), vlans.octets)
        try attach(to: link)
    }

    /// Keeps a port to VLANs unless it is known already, and has the programs at it in any case.
    ///
    /// - Throws: ``KernelError``, as ``keep(_:to:)``.
    package borrowing func keepUnlessKnown(_ link: UInt32, to vlans: FastPathGuard) throws(KernelError) {
        try guards.add(VLANGuards.key(link), vlans.octets)
        try attach(to: link)
    }

    private borrowing func attach(to link: UInt32) throws(KernelError) {
        let socket = try NetlinkSocket()
        do throws(KernelError) {
            try socket.execute(.addFilterHook(bothWays: true, link: Int32(bitPattern: link), name: "link \(link)"))
        } catch {
            // There may be one already, a stranger's as well as ours.
            guard error.errno == .fileExists else { throw error }
        }
        // What comes out first: nothing can have come in that does not.
        try VLANGuards.attach(exit, link, at: .exit, socket)
        try VLANGuards.attach(entry, link, at: .entry, socket)
    }

    private static func attach(
        _ program: borrowing Descriptor,
        _ link: UInt32,
        at place: ProgramFilter.Place,
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) {
        do throws(KernelError) {
            try socket.execute(.addProgramFilter(program.rawValue, link: link, replaces: false, at: place))
        } catch {
            guard error.errno == .fileExists, let found = try socket.programFilter(ofLink: link, at: place) else {
                throw error
            }
            if found.program == (try number(program)) { return }
            guard found.isOurs else { throw error }
            try socket.execute(.addProgramFilter(program.rawValue, link: link, replaces: true, at: place))
        }
    }

    /// Whether both programs are at a link, and keep it to these VLANs.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func areKept(_ link: UInt32, to vlans: FastPathGuard) throws(KernelError) -> Bool {
        guard try guards.value(VLANGuards.key(link)) == vlans.octets else { return false }
        return try areAttached(to: link)
    }

    /// What a port is kept to; nil when nothing is known of it.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func vlans(of link: UInt32) throws(KernelError) -> FastPathGuard? {
        try guards.value(VLANGuards.key(link)).flatMap { FastPathGuard(octets: $0) }
    }

    /// Whether both programs are at a link.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func areAttached(to link: UInt32) throws(KernelError) -> Bool {
        let socket = try NetlinkSocket()
        guard let last = try socket.programFilter(ofLink: link, at: .exit)?.program,
            let first = try socket.programFilter(ofLink: link, at: .entry)?.program
        else { return false }
        let numbers = (try VLANGuards.number(entry), try VLANGuards.number(exit))
        return numbers == (first, last)
    }

    /// Whether a port is kept by programs of ours with another memory than this: it is not known, and they are at it.
    ///
    /// Those of a former version, mostly: what they keep the port to cannot be seen here, and who replaces them has to know.
    /// - Throws: ``KernelError``.
    package borrowing func leavesToOthers(_ link: UInt32) throws(KernelError) -> Bool {
        guard try guards.value(VLANGuards.key(link)) == nil else { return false }
        return try VLANGuards.areSomeAttached(to: link)
    }

    /// Whether two programs of ours, of whatever version, are at a link.
    ///
    /// - Throws: ``KernelError``.
    package static func areSomeAttached(to link: UInt32) throws(KernelError) -> Bool {
        let socket = try NetlinkSocket()
        guard try socket.programFilter(ofLink: link, at: .exit)?.isOurs == true else { return false }
        return try socket.programFilter(ofLink: link, at: .entry)?.isOurs == true
    }

    /// Forgets a port, which passes nothing from then on if the programs are still there; that it is not known is no error.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func forget(_ link: UInt32) throws(KernelError) {
        try guards.remove(VLANGuards.key(link))
    }

    /// The numbers of all ports that are known, in no order.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func allPorts() throws(KernelError) -> [UInt32] {
        try guards.keys().map { $0.number(at: 0) }
    }

    private static func key(_ link: UInt32) -> [UInt8] {
        var key: [UInt8] = []
        key.append(number: link)
        return key
    }
}
