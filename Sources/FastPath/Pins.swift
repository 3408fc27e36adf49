// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// The names in the BPF file system by which programs and maps outlive a process.
///
/// One directory for each network namespace, since links have the same numbers in several, and for each version of the
/// program: one of another version does not fit the maps.
struct Pins {
    private let fileSystem: String
    /// Of all namespaces and versions.
    private let family: String
    private let namespace: String
    /// Of the namespace and the version.
    let directory: String

    /// - Throws: ``KernelError`` on a kernel that does not tell namespaces apart (before 5.14).
    init(fileSystem: String) throws(KernelError) {
        var cookie: UInt64 = 0
        let result = culvert_namespace_cookie(&cookie)
        guard result == 0 else { throw KernelError("name the network namespace", Errno(rawValue: result)) }
        self.fileSystem = fileSystem
        family = Pins.family(in: fileSystem)
        namespace = String(cookie, radix: 16)
        directory = family + "/\(namespace)-\(Pins.version)"
    }

    private static func family(in fileSystem: String) -> String { fileSystem + "/culvert" }

    /// Whether there may be names at all, of whatever namespace and version: one call to the kernel.
    static func mayBe(in fileSystem: String) -> Bool { access(family(in: fileSystem), F_OK) == 0 }

    /// Of the program, told by its octets, eight at a time as every call does it (FNV-1a otherwise).
    private static var version: String {
        shortcutObject.withUnsafeBytes { octets in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for place in stride(from: 0, to: octets.count & ~7, by: 8) {
                hash = (hash ^ octets.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &* 0x100_0000_01b3
            }
            for octet in octets.suffix(octets.count & 7) { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
            return String(hash, radix: 16)
        }
    }

    /// What bears a name; nil when there is nothing.
    func open(_ name: String) -> Descriptor? {
        let result = culvert_open_pinned(directory + "/" + name)
        return result >= 0 ? Descriptor(adopting: result) : nil
    }

    /// Makes the directory, and the file system if need be.
    func prepare() throws(FastPathFailure) {
        if culvert_holds_programs(fileSystem) != 1 {
            let result = culvert_mount_programs(fileSystem)
            guard result == 0 else {
                throw .noFileSystem(path: fileSystem, KernelError("mount it", Errno(rawValue: result)))
            }
        }
        do throws(KernelError) {
            _ = try Directory(creating: directory, mode: 0o700)
        } catch {
            throw FastPathFailure(error)
        }
    }

    /// The map of a shape's name, made unless it is there.
    func map(_ shape: MapShape) throws(FastPathFailure) -> Descriptor {
        if let map = open(shape.name) { return map }
        return try keep(unnamed(shape), shape.name)
    }

    /// A map without a name, which goes with the last that uses it.
    func unnamed(_ shape: MapShape) throws(FastPathFailure) -> Descriptor {
        do throws(KernelError) {
            return try shape.make()
        } catch {
            throw FastPathFailure(error)
        }
    }

    /// Gives something a name; if another process was faster, what it gave the name to is ours as well.
    func keep(_ made: consuming Descriptor, _ name: String) throws(FastPathFailure) -> Descriptor {
        let result = culvert_pin(made.rawValue, directory + "/" + name)
        if result == 0 { return made }
        if result == EEXIST, let other = open(name) { return other }
        throw FastPathFailure(KernelError("pin \(directory)/\(name)", Errno(rawValue: result)))
    }

    /// Removes the names that other versions gave: their programs run on where they are attached, with what they know.
    func removeOthers() {
        guard let names = try? Directory(path: family).names() else { return }
        for name in names where name.hasPrefix(namespace + "-") && family + "/" + name != directory {
            let guards = ["entry", "exit", "guards"]
            for pin in ["program", "filter", "stations", "ports", "counts", "generation"] + guards {
                _ = unlink(family + "/" + name + "/" + pin)
            }
            _ = rmdir(family + "/" + name)
        }
    }
}
