// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Testing

@Suite("Kernel errors")
struct KernelErrorTests {
    @Test("An error says what was asked, what the kernel said and why")
    func description() {
        #expect("\(KernelError("add link x", .fileExists))" == "add link x: File exists")
        #expect(
            "\(KernelError("add link x", .invalidArgument, explanation: "name too odd"))"
                == "add link x: Invalid argument (name too odd)"
        )
        #expect(Errno.noSuchDevice.rawValue == ENODEV)
    }

    @Test(
        "A namespace is missing when its path or what was mounted there is gone",
        arguments: [
            (Errno.noSuchFileOrDirectory, true), (.notDirectory, true), (.invalidArgument, true),
            (.permissionDenied, false), (.tooManyOpenFiles, false),
        ]
    )
    func missingNamespace(errno: Errno, expected: Bool) {
        #expect(KernelError("open /run/netns/x", errno).isMissingNamespace == expected)
    }
}
