// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import Plugin
import TestSupport
import Testing

@testable import Bandwidth

@Suite("Refusals of the kernel")
struct BandwidthRefusalTests {
    @Test(
        "A kind of link, queue, filter or action that the kernel does not know is unsupported, anything else refused",
        arguments: [
            // The kernel's own errors for kinds it lacks, and one that any kernel may give.
            (KernelError("add ifb bwp0", .notSupported, explanation: "Unknown device type"), 2),
            (KernelError("add qdisc tbf to veth0", .noSuchFileOrDirectory), 2),
            (KernelError("add filter to veth0", .noSuchFileOrDirectory), 2),
            (KernelError("add filter to veth0", .invalidArgument), 100),
        ]
    )
    func refused(error: KernelError, code: Int) throws {
        let request = try Request(#"{"cniVersion": "1.1.0", "name": "blue", "type": "bandwidth"}"#)
        let refusal = BandwidthShaper(request).refused(error)
        #expect(refusal.code == code)
        #expect(refusal.message.hasPrefix("cannot limit the bandwidth of container c1"))
        #expect(refusal.details.contains(error.description))
        #expect(refusal.details.contains("act_mirred") == (code == 2))
    }
}
