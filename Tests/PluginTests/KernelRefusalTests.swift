// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import Plugin
import TestSupport
import Testing
import Wiring

@Suite("The kernel's refusals in a runtime's terms")
struct KernelRefusalTests {
    @Test("A refusal keeps its code, and its details say what was asked of the kernel")
    func kernelError() {
        let error = CNIError(.storeUnusable, "cannot lease", KernelError("open /x", .permissionDenied))
        #expect(error == CNIError(.storeUnusable, "cannot lease", details: "open /x: Permission denied"))
    }

    @Test("A lock that somebody else holds means to try again, whatever was intended")
    func locked() {
        let error = CNIError(.storeUnusable, "cannot lease", KernelError("lock /x/lock", .wouldBlock))
        #expect(error.code == CNIError.Code.tryAgainLater.rawValue)
        #expect(error.message == "cannot lease")
        #expect(error.details.hasPrefix("lock /x/lock: ") && error.details.hasSuffix("try again later"))
    }

    @Test("A plan that failed tells what it left")
    func planFailure() {
        let failure = PlanFailure(cause: KernelError("add link x", .fileExists), leftovers: ["link y (busy)"])
        let error = CNIError(.kernelRefused, "cannot connect", failure)
        #expect(error.details == "add link x: File exists; left behind: link y (busy)")
    }

    @Test("Details add up")
    func adding() {
        let bare = CNIError(.kernelRefused, "cannot connect")
        #expect(bare.adding("one").adding("two") == CNIError(.kernelRefused, "cannot connect", details: "one; two"))
    }

    @Test("What goes well is returned, what is refused is translated")
    func translating() throws {
        let value = try Plugin.translating("cannot count") { () throws(KernelError) in 17 }
        #expect(value == 17)
        #expect(throws: CNIError(.kernelRefused, "cannot count", details: "count: Invalid argument")) {
            try Plugin.translating("cannot count") { () throws(KernelError) in
                throw KernelError("count", .invalidArgument)
            }
        }
    }

    @Test("A namespace that is none is refused with its path")
    func namespace() throws {
        let request = try Request(#"{"name": "blue"}"#, ["CNI_NETNS": "/nowhere/at/all"])
        let error = #expect(throws: CNIError.self) { _ = try request.openNamespace() }
        #expect(error?.code == CNIError.Code.invalidEnvironment.rawValue)
        #expect(error?.message == "failed to open netns \"/nowhere/at/all\"")
    }

    @Test("A request knows its attachment and its place for records")
    func request() throws {
        let request = try Request(#"{"name": "blue"}"#, ["CULVERT_RUN_DIR": "/elsewhere"])
        #expect(request.key == AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0"))
        #expect(request.attachments.root == "/elsewhere")
    }
}
