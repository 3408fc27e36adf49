// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

// By itself (tcx) a program is attached within a grace period of RCU, some milliseconds in which the kernel holds its network
// lock. Nobody need wait for it: until then frames go through the bridge.
extension FastPath {
    /// How long whoever attaches later leaves the network lock to others, such as plugins that come after this one, in
    /// milliseconds.
    private static let courtesy: UInt32 = 100
    /// How long to wait for those who attach, in nanoseconds: each of them waits for all before it.
    private static let patience: Int64 = 10_000_000_000

    /// As ``attach(to:)``, but leaves the waiting to another process, which lives on when this one ends.
    ///
    /// What that one is refused nobody is told; all that can be known before it is looked at here. As a filter, and where
    /// there can be no other process, it is attached at once.
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link.
    package borrowing func attachLater(to link: UInt32) throws(KernelError) {
        guard !isFilter else { return try attach(to: link) }
        if try isAttached(to: link) { return }
        if culvert_attach_later(program.rawValue, link, directory, FastPath.courtesy) != 0 { try attach(to: link) }
    }

    /// As ``isAttached(to:)``; as long as somebody is about to attach, waits for it.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link, unless the program is a filter.
    package borrowing func isAttachedSoon(to link: UInt32) throws(KernelError) -> Bool {
        let began = Machine.bootNanoseconds
        while true {
            // Asked first: who has ended by then has attached.
            let isAwaited = !isFilter && culvert_awaits_attaching(directory) == 1
            if try isAttached(to: link) { return true }
            guard isAwaited, Machine.bootNanoseconds - began < FastPath.patience else { return false }
            Machine.pause(.milliseconds(10))
        }
    }
}
