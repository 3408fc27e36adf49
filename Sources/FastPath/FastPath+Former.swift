// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

// Programs of other versions, and those whose names somebody has removed: they run on where they are attached.
extension FastPath {
    /// Whether a program of ours, but not this one, is attached to a link.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link.
    package borrowing func hasFormer(at link: UInt32) throws(KernelError) -> Bool {
        try former(at: link, detaches: false) > 0
    }

    /// Takes them off: beside another one neither is sure of anything, and all frames go through the bridge.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link.
    package borrowing func detachFormer(from link: UInt32) throws(KernelError) {
        _ = try former(at: link, detaches: true)
    }

    private borrowing func former(at link: UInt32, detaches: Bool) throws(KernelError) -> Int {
        // Filters stand in for each other when they are attached.
        guard !isFilter else { return 0 }
        var number: UInt32 = 0
        let told = culvert_program_number(program.rawValue, &number)
        guard told == 0 else { throw KernelError("ask for the shortcut's number", Errno(rawValue: told)) }
        let count = culvert_former_programs(link, number, "culvert", detaches ? 1 : 0)
        guard count >= 0 else { throw KernelError("list the programs of link \(link)", Errno(rawValue: -count)) }
        return Int(count)
    }
}
