// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// What happens to the names in some directories, as the kernel tells it: inotify(7).
package struct DirectoryWatch: ~Copyable {
    /// Which directory: the number that ``add(_:)`` gave.
    package typealias Number = CInt

    /// What happened.
    package enum Kind: Hashable, Sendable {
        /// A name is there: made, linked or moved here.
        case appeared
        /// Somebody has finished writing a file.
        case written
        /// A name is gone.
        case disappeared
        /// The directory itself is gone; its number tells nothing from then on.
        case ended
        /// So much happened that the kernel forgot some of it.
        case overflow
    }

    package struct Event: Hashable, Sendable {
        package let directory: Number
        package let kind: Kind
        /// Which name; empty when it is about the directory itself.
        package let name: String
        /// Whether the name is a directory's.
        package let isDirectory: Bool
    }

    private let descriptor: Descriptor

    /// - Throws: ``KernelError``.
    package init() throws(KernelError) {
        let result = culvert_open_watch()
        guard result >= 0 else { throw KernelError("watch directories", Errno(rawValue: -result)) }
        descriptor = Descriptor(adopting: result)
    }

    /// Watches a directory; one that is watched already keeps its number.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when it does not exist.
    package func add(_ path: String) throws(KernelError) -> Number {
        let result = path.withCString { culvert_watch_directory(descriptor.rawValue, $0) }
        guard result >= 0 else { throw KernelError("watch \(path)", Errno(rawValue: -result)) }
        return result
    }

    /// Waits until something happens.
    ///
    /// - Returns: at least one event, in order.
    /// - Throws: ``KernelError``.
    package func next() throws(KernelError) -> [Event] {
        while true {
            let events = DirectoryWatch.events(in: try descriptor.readSome("events"))
            if !events.isEmpty { return events }
        }
    }

    /// Takes apart what the kernel wrote: of each event number (32), mask (32), cookie (32), length (32) and name.
    static func events(in octets: [UInt8]) -> [Event] {
        var events: [Event] = []
        var start = 0
        while start + 16 <= octets.count {
            let (number, mask, length) = octets.withUnsafeBytes { bytes in
                (
                    bytes.loadUnaligned(fromByteOffset: start, as: CInt.self),
                    bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self),
                    Int(bytes.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
                )
            }
            let end = min(start + 16 + length, octets.count)
            let name = octets[(start + 16)..<end].prefix { $0 != 0 }
            if let kind = kind(of: mask) {
                events.append(
                    Event(
                        directory: number,
                        kind: kind,
                        name: String(decoding: name, as: UTF8.self),
                        isDirectory: mask & UInt32(IN_ISDIR) != 0
                    )
                )
            }
            start = end
        }
        return events
    }

    private static func kind(of mask: UInt32) -> Kind? {
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { return .overflow }
        if mask & UInt32(IN_IGNORED) != 0 { return .ended }
        if mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0 { return .appeared }
        if mask & UInt32(IN_CLOSE_WRITE) != 0 { return .written }
        return mask & UInt32(IN_DELETE | IN_MOVED_FROM) != 0 ? .disappeared : nil
    }
}
