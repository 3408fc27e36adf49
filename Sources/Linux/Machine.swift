// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Clocks, chance and the environment: what a process asks the machine for without naming a file.
package enum Machine {
    /// Nanoseconds since boot, suspended time included: comparable between processes until the next boot.
    package static var bootNanoseconds: Int64 { culvert_boot_nanoseconds() }

    /// How long this process has waited for locks of flock(2) that others held, in nanoseconds.
    package static var lockWaitNanoseconds: Int64 { culvert_lock_wait_nanoseconds() }

    /// This process's number.
    package static var processID: Int32 { getpid() }

    /// Lets somebody else go on who waits for this processor; returns at once where nobody does (sched_yield(2)).
    package static func yield() { _ = sched_yield() }

    /// Nanoseconds since 1970; files are stamped by this clock, though more coarsely, so none is younger than it.
    package static var wallNanoseconds: Int64 { culvert_wall_nanoseconds() }

    /// Before which a file was surely not written since the machine booted, in nanoseconds since 1970.
    ///
    /// The clock may have been set since: then it is not the boot that now lies as long ago as the boot does. What was
    /// mounted at boot still bears the time of then. The earlier of all counts, less what clocks are corrected by.
    package static var earliestBootNanoseconds: Int64 {
        let margin: Int64 = 10_000_000_000
        var earliest = wallNanoseconds - bootNanoseconds
        for path in ["/run", "/dev"] {
            let birth = Int64(path.withCString { culvert_birth_nanoseconds($0) })
            if birth > 0 { earliest = min(earliest, birth) }
        }
        return earliest - margin
    }

    /// Unpredictable bytes.
    ///
    /// - Throws: ``KernelError`` on a kernel without getrandom(2).
    package static func randomBytes(_ count: Int) throws(KernelError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = culvert_fill_randomly(&bytes, count)
        guard result == 0 else { throw KernelError("get random bytes", Errno(rawValue: result)) }
        return bytes
    }

    /// All of standard input.
    ///
    /// - Throws: ``KernelError``; `EFBIG` beyond `limit` octets.
    package static func readStandardInput(limit: Int) throws(KernelError) -> [UInt8] {
        try Descriptor.readAll(0, "standard input", limit: limit)
    }

    /// Writes to standard output; a reader that went away is an error like any other.
    ///
    /// - Throws: ``KernelError``; `EPIPE` when nobody reads.
    package static func writeStandardOutput(_ bytes: [UInt8]) throws(KernelError) {
        culvert_ignore_broken_pipes()
        try Descriptor.writeAll(bytes, to: 1, "standard output")
    }

    /// Ends the process at once, without the C library's farewells: nothing of ours waits in its buffers.
    package static func exit(_ status: CInt) -> Never {
        _exit(status)
    }

    /// Writes one line to standard error; that nobody reads it is no trouble.
    package static func log(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(2, bytes, bytes.count)
    }

    /// The arguments of this process, beginning with the name it was called by.
    package static var arguments: [String] {
        var result: [String] = []
        guard let values = culvert_arguments() else { return result }
        for index in 0..<Int(culvert_argument_count()) {
            if let value = values[index] { result.append(String(cString: value)) }
        }
        return result
    }

    /// One variable of the environment; nil when it is not set.
    package static func variable(_ name: String) -> String? {
        name.withCString { getenv($0) }.map { String(cString: $0) }
    }

    /// The number that all of a text spells, as strtod(3) reads it; nil for any other text.
    ///
    /// Swift's own reader is missing from the library of Embedded Swift.
    package static func number(_ text: String) -> Double? {
        var number = 0.0
        return culvert_parse_real(text, &number) == 0 ? nil : number
    }

    /// The environment of this process as it came, for passing on: `NAME=value` each.
    package static var environment: [String] {
        var result: [String] = []
        var entry = culvert_environment()
        while let variables = entry, let text = variables.pointee {
            result.append(String(cString: text))
            entry = variables + 1
        }
        return result
    }

    /// The environment of this process by name; of a name given twice the first counts, as for getenv(3).
    package static var variables: [String: String] {
        var result: [String: String] = [:]
        for entry in environment {
            guard let sign = entry.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(entry[..<sign])
            if result[name] == nil { result[name] = String(entry[entry.utf8.index(after: sign)...]) }
        }
        return result
    }
}
