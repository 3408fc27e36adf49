// SPDX-License-Identifier: Apache-2.0
import CLinux
import Linux
import Testing

@testable import FastPath

@Suite("Why there is no shortcut")
struct FastPathFailureTests {
    @Test("A kernel without programs and a process without rights are told apart from other refusals")
    func kinds() {
        let (none, forbidden, other) = (
            KernelError("load", Errno(rawValue: ENOSYS)), KernelError("load", .notPermitted),
            KernelError("load", .noMemory)
        )
        #expect(FastPathFailure(none) == .noPrograms)
        #expect(FastPathFailure(forbidden) == .forbidden(forbidden))
        #expect(FastPathFailure(other) == .failed(other))
    }

    @Test("A kernel that does not describe its types is named as the reason")
    func noTypes() {
        var failure: FastPathFailure?
        do throws(FastPathFailure) {
            _ = try ShortcutMembers(below: "/nonexistent")
        } catch {
            failure = error
        }
        #expect(failure == .noTypes(KernelError("open /nonexistent/vmlinux", .noSuchFileOrDirectory)))
    }
}
