// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Links whose other end is a process: frames that one sends, the other receives.
package enum TapDevice {
    private static let path = "/dev/net/tun"

    /// Makes a link in the network namespace of the calling thread, down, that outlives whoever uses it.
    ///
    /// Like `ip tuntap add dev NAME mode tap vnet_hdr multi_queue user OWNER group GROUP`.
    ///
    /// `owner`, `group`: who may attach to it without privileges; nil is nobody in particular.
    /// `label`: the SELinux context of the link; empty is the process's own.
    /// - Throws: ``KernelError``; `EBUSY` when a link has the name, `EOPNOTSUPP` when the kernel has no such links.
    package static func make(
        _ name: String,
        hasManyQueues: Bool,
        owner: UInt32?,
        group: UInt32?,
        label: String
    ) throws(KernelError) {
        let operation = "add tap \(name)"
        if !label.isEmpty { try setLabel(label, operation) }
        let result = name.withCString { name in
            culvert_make_tap(name, hasManyQueues ? 1 : 0, owner.map { Int64($0) } ?? -1, group.map { Int64($0) } ?? -1)
        }
        if !label.isEmpty { try setLabel("", operation) }
        guard result != 0 else { return }
        throw refusal(Errno(rawValue: result), operation)
    }

    /// Makes sure that links of this kind can be made; makes none.
    ///
    /// - Throws: ``KernelError``; `EOPNOTSUPP`, saying what is missing.
    package static func require() throws(KernelError) {
        do throws(KernelError) {
            _ = try Descriptor(opening: path, O_RDWR)
        } catch {
            throw refusal(error.errno, "look for links of kind tun")
        }
    }

    private static func refusal(_ errno: Errno, _ operation: String) -> KernelError {
        guard [ENOENT, ENODEV, ENXIO].contains(errno.rawValue) else { return KernelError(operation, errno) }
        let missing = "there is no \(path) (\(errno)): the kernel needs CONFIG_TUN, built in or as a module"
        return KernelError(operation, .notSupported, explanation: missing)
    }

    /// What sockets, such as a tap's, are labelled with from now on.
    private static func setLabel(_ label: String, _ operation: String) throws(KernelError) {
        let attribute = "/proc/thread-self/attr/sockcreate"
        do throws(KernelError) {
            try Descriptor(opening: attribute, O_WRONLY).writeAll(Array(label.utf8), attribute)
        } catch {
            guard [EINVAL, ENOENT, EOPNOTSUPP].contains(error.errno.rawValue) else { throw error }
            let why =
                "cannot label it \"\(label)\" (\(error.errno)): SELinux is not enabled, or does not know the label"
            throw KernelError(operation, .notSupported, explanation: why)
        }
    }
}
