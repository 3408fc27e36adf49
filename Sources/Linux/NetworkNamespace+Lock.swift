// SPDX-License-Identifier: Apache-2.0
internal import CLinux

extension NetworkNamespace {
    /// Locks the namespace itself (flock(2)) until this handle is closed, against everybody who does the same, under
    /// whatever path they know it.
    ///
    /// `bound`: how long to wait for another holder.
    /// - Throws: ``KernelError``; `EWOULDBLOCK` when somebody else held the lock all the time.
    package borrowing func lock(_ path: String, waitingAtMost bound: Duration) throws(KernelError) {
        let milliseconds = UInt32(clamping: Int64(bound / .milliseconds(1)))
        let result = culvert_lock_exclusively(rawDescriptor, milliseconds)
        guard result == 0 else { throw KernelError("lock \(path)", Errno(rawValue: result)) }
    }
}
