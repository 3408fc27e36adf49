// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Why there can be no shortcut on this host; the bridge does all of it then.
package enum FastPathFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// bpf(2) is not there.
    case noPrograms
    /// This process may not load programs.
    case forbidden(KernelError)
    /// There is no file system for programs and maps, and none can be mounted.
    case noFileSystem(path: String, KernelError)
    /// The kernel does not describe its types.
    case noTypes(KernelError)
    /// The kernel is not like those that the program can look into.
    case unsuitable(missing: String)
    /// The kernel does not take the program; the end of what it says about it.
    case refused(KernelError)
    /// Anything else that the kernel refuses.
    case failed(KernelError)

    package var description: String {
        switch self {
        case .noPrograms:
            "the kernel runs no programs of others: it needs CONFIG_BPF_SYSCALL"
        case .forbidden(let error):
            "programs may not be loaded into the kernel (\(error)): it takes CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, "
                + "and no seccomp filter or lockdown against bpf(2)"
        case .noFileSystem(let path, let error):
            "\(path) is no BPF file system, and none can be mounted there (\(error))"
        case .noTypes(let error):
            "the kernel does not describe its types (\(error)): it needs CONFIG_DEBUG_INFO_BTF"
        case .unsuitable(let missing):
            "the kernel has no \(missing): the shortcut needs Linux 6.2 or later with CONFIG_NETFILTER_EGRESS, "
                + "CONFIG_NET_CLS_ACT and nf_tables for bridges"
        case .refused(let error):
            "the kernel does not take the program: \(error)"
        case .failed(let error):
            "\(error)"
        }
    }

    /// Tells a kernel without programs and a process without rights from other refusals.
    init(_ error: KernelError) {
        switch error.errno {
        case Errno.notImplemented: self = .noPrograms
        case .notPermitted, .permissionDenied: self = .forbidden(error)
        default: self = .failed(error)
        }
    }
}

extension Errno {
    /// ENOSYS: the kernel has no such call.
    fileprivate static var notImplemented: Errno { Errno(rawValue: 38) }
}
