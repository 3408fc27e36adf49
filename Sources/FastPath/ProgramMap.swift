// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// A map of the program: octets by octets, each entry once for every processor.
struct ProgramMap: ~Copyable {
    let descriptor: Descriptor
    let name: String
    let keySize: Int
    /// A processor's part of an entry, a multiple of 8.
    let size: Int
    let processors: Int

    /// The entry of a key, one processor's after another's; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    borrowing func value(_ key: [UInt8]) throws(KernelError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: size * processors)
        let result = culvert_map_value(descriptor.rawValue, key, &value)
        if result == ENOENT { return nil }
        guard result == 0 else { throw KernelError("read the shortcut's \(name)", Errno(rawValue: result)) }
        return value
    }

    /// Writes an entry, the same for all processors but for what each has counted from `kept` on.
    ///
    /// - Throws: ``KernelError``; `E2BIG` when there are too many.
    borrowing func set(_ key: [UInt8], _ octets: [UInt8], keepingFrom kept: Int) throws(KernelError) {
        let old = try value(key)
        var value: [UInt8] = []
        value.reserveCapacity(size * processors)
        for processor in 0..<processors {
            value += octets[..<kept]
            if let old {
                value += old[(processor * size + kept)..<((processor + 1) * size)]
            } else {
                value += octets[kept...]
            }
        }
        let result = culvert_map_set(descriptor.rawValue, key, value)
        guard result == 0 else { throw KernelError("write the shortcut's \(name)", Errno(rawValue: result)) }
    }

    /// Removes an entry; that it is gone already is no error.
    ///
    /// - Throws: ``KernelError``.
    borrowing func remove(_ key: [UInt8]) throws(KernelError) {
        let result = culvert_map_remove(descriptor.rawValue, key)
        guard result == 0 || result == ENOENT else {
            throw KernelError("remove from the shortcut's \(name)", Errno(rawValue: result))
        }
    }

    /// All keys there are, in no order.
    ///
    /// - Throws: ``KernelError``.
    borrowing func keys() throws(KernelError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var next = [UInt8](repeating: 0, count: keySize)
        var result = culvert_map_next(descriptor.rawValue, nil, &next)
        // While others remove keys, the walk can begin anew.
        while result == 0, keys.count < 1 << 17 {
            keys.append(next)
            let key = next
            result = culvert_map_next(descriptor.rawValue, key, &next)
        }
        guard result == 0 || result == ENOENT else {
            throw KernelError("list the shortcut's \(name)", Errno(rawValue: result))
        }
        return keys
    }
}
