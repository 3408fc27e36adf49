// SPDX-License-Identifier: Apache-2.0
internal import CLinux

extension Machine {
    /// Does nothing for a while; the whole while, whatever signals arrive.
    package static func pause(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var wanted = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&wanted, &rest) != 0 && Errno.current == .interrupted { wanted = rest }
    }
}
