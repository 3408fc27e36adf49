// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import SystemPackage

/// Clocks, chance and the environment: what a process asks the machine for without naming a file.
package enum Machine {
    /// Nanoseconds since boot, suspended time included: comparable between processes until the next boot.
    package static var bootNanoseconds: Int64 { culvert_boot_nanoseconds() }

    /// Nanoseconds since 1970 by the clock that stamps files.
    package static var fileClockNanoseconds: Int64 { culvert_file_clock_nanoseconds() }

    /// Unpredictable bytes.
    ///
    /// - Throws: ``KernelError`` on a kernel without getrandom(2).
    package static func randomBytes(_ count: Int) throws(KernelError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = culvert_fill_randomly(&bytes, count)
        guard result == 0 else { throw KernelError("get random bytes", Errno(rawValue: result)) }
        return bytes
    }

    /// The environment of this process; of a name given twice the first counts, as for getenv(3).
    package static var environment: [String: String] {
        var result: [String: String] = [:]
        var entry = culvert_environment()
        while let variables = entry, let text = variables.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2, result[String(pair[0])] == nil { result[String(pair[0])] = String(pair[1]) }
            entry = variables + 1
        }
        return result
    }
}
