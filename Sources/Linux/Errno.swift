// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Why the kernel refused something, by its number.
///
/// Source: errno(3).
package struct Errno: RawRepresentable, Hashable, Sendable {
    package let rawValue: CInt

    package init(rawValue: CInt) {
        self.rawValue = rawValue
    }

    /// What the last failed call of this thread left behind; meaningful directly after it only.
    package static var current: Errno { Errno(rawValue: __errno_location().pointee) }
}

extension Errno: CustomStringConvertible {
    /// The C library's words, such as `No such file or directory`.
    package var description: String {
        strerror(rawValue).map { String(cString: $0) } ?? "error \(rawValue)"
    }
}

/// The ones that we tell apart or give ourselves.
extension Errno {
    package static var addressInUse: Errno { Errno(rawValue: EADDRINUSE) }
    package static var addressNotAvailable: Errno { Errno(rawValue: EADDRNOTAVAIL) }
    package static var badFileDescriptor: Errno { Errno(rawValue: EBADF) }
    package static var connectionRefused: Errno { Errno(rawValue: ECONNREFUSED) }
    package static var connectionReset: Errno { Errno(rawValue: ECONNRESET) }
    package static var brokenPipe: Errno { Errno(rawValue: EPIPE) }
    package static var busy: Errno { Errno(rawValue: EBUSY) }
    package static var fileExists: Errno { Errno(rawValue: EEXIST) }
    package static var fileTooLarge: Errno { Errno(rawValue: EFBIG) }
    package static var hostUnreachable: Errno { Errno(rawValue: EHOSTUNREACH) }
    package static var interrupted: Errno { Errno(rawValue: EINTR) }
    package static var invalidArgument: Errno { Errno(rawValue: EINVAL) }
    package static var isDirectory: Errno { Errno(rawValue: EISDIR) }
    package static var networkUnreachable: Errno { Errno(rawValue: ENETUNREACH) }
    package static var noBufferSpace: Errno { Errno(rawValue: ENOBUFS) }
    package static var noData: Errno { Errno(rawValue: ENODATA) }
    package static var noMemory: Errno { Errno(rawValue: ENOMEM) }
    package static var noSpace: Errno { Errno(rawValue: ENOSPC) }
    /// No link of that name or index.
    package static var noSuchDevice: Errno { Errno(rawValue: ENODEV) }
    package static var noSuchFileOrDirectory: Errno { Errno(rawValue: ENOENT) }
    package static var noProtocolOption: Errno { Errno(rawValue: ENOPROTOOPT) }
    /// netlink: no such route.
    package static var noSuchProcess: Errno { Errno(rawValue: ESRCH) }
    package static var notDirectory: Errno { Errno(rawValue: ENOTDIR) }
    package static var notPermitted: Errno { Errno(rawValue: EPERM) }
    package static var notSupported: Errno { Errno(rawValue: EOPNOTSUPP) }
    package static var permissionDenied: Errno { Errno(rawValue: EACCES) }
    package static var protocolNotSupported: Errno { Errno(rawValue: EPROTONOSUPPORT) }
    package static var readOnlyFileSystem: Errno { Errno(rawValue: EROFS) }
    /// Somebody else was faster: what was read is out of date.
    package static var restart: Errno { Errno(rawValue: ERESTART) }
    package static var textFileBusy: Errno { Errno(rawValue: ETXTBSY) }
    package static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
    package static var tooManyOpenFiles: Errno { Errno(rawValue: EMFILE) }
    package static var tooManySymbolicLinkLevels: Errno { Errno(rawValue: ELOOP) }
    package static var wouldBlock: Errno { Errno(rawValue: EWOULDBLOCK) }
}
