// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// The file of counters, mapped into memory that all processes share.
///
/// All accesses are atomic and inside the file. The kernel is asked for pages before they are touched, unless the memory
/// is only read: then it is a copy.
struct MeterMemory: ~Copyable {
    private let memory: UnsafeMutableRawPointer
    /// Kept open for kernels that have to be asked by it.
    private let file: Descriptor

    /// Maps a file that has the length of the layout.
    ///
    /// - Throws: ``KernelError``.
    init(_ file: consuming Descriptor) throws(KernelError) {
        var found: UnsafeMutableRawPointer?
        let result = culvert_share_memory(file.rawValue, MeterLayout.length, 1, &found)
        guard result == 0, let found else { throw KernelError("map counters", Errno(rawValue: result)) }
        memory = found
        self.file = file
    }

    deinit {
        culvert_unshare_memory(memory, MeterLayout.length)
    }

    /// Has the kernel provide what is touched next.
    ///
    /// - Throws: ``KernelError``: there is no room for it, or the file was cut off.
    func prepare(_ offset: Int, _ length: Int) throws(KernelError) {
        var result = culvert_prepare_memory(memory, offset, length)
        // Kernels before 5.14 can be asked for the same of the file.
        if result == ENOTSUP { result = culvert_allocate_file(file.rawValue, MeterLayout.length) }
        guard result == 0 else { throw KernelError("make room for counters", Errno(rawValue: result)) }
    }

    func count(_ offset: Int, _ amount: UInt64) {
        if amount > 0 { culvert_count(memory, offset, amount) }
    }

    func counted(_ offset: Int) -> UInt64 { culvert_counted(memory, offset) }

    /// The place of a name, claimed for it if it has none yet, and made ready to be counted in.
    ///
    /// - Parameters:
    ///   - name: the name.
    ///   - places: how many there are.
    ///   - hash: where the hash of a place's name is.
    ///   - entry: where a place begins: with its name, from the name's length on.
    ///   - size: how long a place is.
    ///   - longest: how long a name may be, the length included.
    /// - Returns: `places` when all are taken, or the name is too long.
    /// - Throws: ``KernelError`` when there is no room for the name.
    func place(
        of name: String,
        among places: Int,
        hash: (Int) -> Int,
        entry: (Int) -> Int,
        size: Int,
        longest: Int
    ) throws(KernelError) -> Int {
        let octets = name.utf8
        let wanted = MeterMemory.hash(octets)
        var place = octets.isEmpty || octets.count > longest - 8 ? places : 0
        while place < places {
            if culvert_claim_counted(memory, hash(place), wanted) == wanted {
                try prepare(entry(place), size)
                if isNamed(octets, at: entry(place)) { return place }
            }
            place += 1
        }
        try prepare(entry(places), size)
        return places
    }

    /// Whether a claimed place is this name's; who claimed it may have died before it had written the name.
    private func isNamed(_ octets: String.UTF8View, at offset: Int) -> Bool {
        var position = offset + 8
        guard counted(offset) != 0 else {
            // Everybody who comes here has the same hash, and all but surely the same name.
            for octet in octets {
                memory.storeBytes(of: octet, toByteOffset: position, as: UInt8.self)
                position += 1
            }
            culvert_set_counted(memory, offset, UInt64(octets.count))
            return true
        }
        guard counted(offset) == UInt64(octets.count) else { return false }
        for octet in octets {
            guard memory.load(fromByteOffset: position, as: UInt8.self) == octet else { return false }
            position += 1
        }
        return true
    }

    /// FNV-1a, 64 bits; 0 stands for nobody.
    static func hash(_ octets: String.UTF8View) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
        return hash == 0 ? 1 : hash
    }
}
