// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
package import Linux

/// A subscription to what happens to the links or addresses of a namespace, for waiting without polling.
package struct Announcements: ~Copyable {
    package enum Subject {
        case links
        case addresses
    }

    private let handle: OpaquePointer

    /// Subscribes in the namespace of the calling thread.
    ///
    /// - Throws: ``KernelError``.
    package init(of subject: Subject) throws(KernelError) {
        guard let handle = nl_socket_alloc() else { throw KernelError("allocate netlink socket", .noMemory) }
        nl_join_groups(handle, subject == .links ? RTMGRP_LINK : RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
        guard nl_connect(handle, NETLINK_ROUTE) == 0 else {
            let errno = Errno.current
            nl_socket_free(handle)
            throw KernelError("open netlink socket", errno)
        }
        nl_socket_set_nonblocking(handle)
        self.handle = handle
    }

    deinit {
        nl_socket_free(handle)
    }

    /// Sleeps until something is announced or the time is over, and forgets what was announced.
    func awaitNext(atMost bound: Duration) throws(KernelError) {
        var descriptor = pollfd(fd: nl_socket_get_fd(handle), events: Int16(POLLIN), revents: 0)
        // Rounded up, so that the last wait does not spin.
        let milliseconds = Int32(clamping: Int64(bound / .milliseconds(1)) + 1)
        guard poll(&descriptor, 1, milliseconds) >= 0 || Errno.current == .interrupted else {
            throw KernelError("wait for announcements", Errno.current)
        }
        var buffer = [UInt8](repeating: 0, count: 8 << 10)
        // ENOBUFS means that announcements were lost: also something that happened.
        while recv(descriptor.fd, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
    }
}
