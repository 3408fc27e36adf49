// SPDX-License-Identifier: Apache-2.0
import Linux
import TestSupport
import Testing

@Suite("Room for files")
struct MachineRoomTests {
    // What is in the way needs mounts: integration/test_bad_input.py.
    @Test("A directory can be written below, whether it is there or not")
    func free() throws {
        try withTemporaryDirectory { root in
            for path in [root, "\(root)/a/b", "\(root)/"] {
                #expect(Machine.obstacle(toWritingBelow: path) == nil)
            }
        }
    }
}
