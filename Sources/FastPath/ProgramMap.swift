// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// What a map is like.
struct MapShape {
    let name: String
    let kind: culvert_map_kind
    let keySize: Int
    /// Of an entry, or of a processor's part of one, which is a multiple of 8.
    let size: Int
    let entries: Int

    static let ports = MapShape("ports", culvert_map_hash, key: 4, FastPathPort.size, 1 << 16)
    static let stations = MapShape(
        "stations",
        culvert_map_hash,
        key: FastPathStation.keySize,
        FastPathStation.size,
        1 << 16
    )
    static let counts = MapShape(
        "counts",
        culvert_map_array_by_processor,
        key: 4,
        FastPathCounters.size,
        FastPathCounters.places
    )
    static let generation = MapShape("generation", culvert_map_array, key: 4, 8, 1)
    /// The program's own memory of ways that it has found free: `struct way` in Shortcut.c.
    static let ways = MapShape("ways", culvert_map_array_by_processor, key: 4, 160, 512)

    static let guards = MapShape("guards", culvert_map_hash, key: 4, FastPathGuard.size, 1 << 16)

    private init(_ name: String, _ kind: culvert_map_kind, key: Int, _ size: Int, _ entries: Int) {
        self.name = name
        self.kind = kind
        keySize = key
        self.size = size
        self.entries = entries
    }

    /// Makes such a map.
    func make() throws(KernelError) -> Descriptor {
        let result = culvert_make_map(kind, UInt32(keySize), UInt32(size), UInt32(entries), "culvert_" + name)
        guard result >= 0 else { throw KernelError("make the shortcut's \(name)", Errno(rawValue: -result)) }
        return Descriptor(adopting: result)
    }
}

/// A map of the program: octets by octets, each entry once, or once for every processor.
struct ProgramMap: ~Copyable {
    let descriptor: Descriptor
    let shape: MapShape
    /// How many parts an entry has.
    let processors: Int

    /// The entry of a key, one processor's after another's; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    borrowing func value(_ key: [UInt8]) throws(KernelError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: shape.size * processors)
        let result = culvert_map_value(descriptor.rawValue, key, &value)
        if result == ENOENT { return nil }
        guard result == 0 else { throw KernelError("read the shortcut's \(shape.name)", Errno(rawValue: result)) }
        return value
    }

    /// Writes an entry of a map that is the same for all processors.
    ///
    /// - Throws: ``KernelError``; `E2BIG` when there are too many.
    borrowing func set(_ key: [UInt8], _ octets: [UInt8]) throws(KernelError) {
        let result = culvert_map_set(descriptor.rawValue, key, octets)
        guard result == 0 else { throw KernelError("write the shortcut's \(shape.name)", Errno(rawValue: result)) }
    }

    /// Writes an entry unless there is one.
    ///
    /// - Throws: ``KernelError``; `E2BIG` when there are too many.
    borrowing func add(_ key: [UInt8], _ octets: [UInt8]) throws(KernelError) {
        let result = culvert_map_add(descriptor.rawValue, key, octets)
        guard result == 0 || result == EEXIST else {
            throw KernelError("write the shortcut's \(shape.name)", Errno(rawValue: result))
        }
    }

    /// Removes an entry; that it is gone already is no error.
    ///
    /// - Throws: ``KernelError``.
    borrowing func remove(_ key: [UInt8]) throws(KernelError) {
        let result = culvert_map_remove(descriptor.rawValue, key)
        guard result == 0 || result == ENOENT else {
            throw KernelError("remove from the shortcut's \(shape.name)", Errno(rawValue: result))
        }
    }

    /// All keys there are, in no order.
    ///
    /// - Throws: ``KernelError``.
    borrowing func keys() throws(KernelError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var next = [UInt8](repeating: 0, count: shape.keySize)
        var result = culvert_map_next(descriptor.rawValue, nil, &next)
        // While others remove keys, the walk can begin anew.
        while result == 0, keys.count < 1 << 17 {
            keys.append(next)
            let key = next
            result = culvert_map_next(descriptor.rawValue, key, &next)
        }
        guard result == 0 || result == ENOENT else {
            throw KernelError("list the shortcut's \(shape.name)", Errno(rawValue: result))
        }
        return keys
    }
}
