// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import Pools

/// Tells who sits before a terminal why nothing happens, when the first look at very many leases takes its time.
enum SlowReading {
    private static let text: StaticString = "ipam: reading the lease files, of which the index does not know all ..."

    /// From here on reading may take longer than a second.
    static func begin() {
        guard culvert_terminal_width(2) >= 0 else { return }
        culvert_announce(UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), 1000)
    }

    /// Something was read.
    static func end() { culvert_hush() }
}

extension ParsableCommand {
    /// As ``explaining(_:)``, for work that reads leases and is done when it returns.
    func reading<Value>(_ work: () throws(PoolFailure) -> Value) throws(ExitCode) -> Value {
        SlowReading.begin()
        defer { SlowReading.end() }
        return try explaining(work)
    }
}
