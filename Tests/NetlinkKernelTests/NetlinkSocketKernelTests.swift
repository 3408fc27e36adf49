// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Conversations with the kernel", .enabled(if: canUnshare, "needs root"))
struct NetlinkSocketKernelTests {
    @Test("Nothing to do is no error")
    func nothing() throws {
        #expect(try inNewNamespace { try NetlinkSocket().refusal() } == nil)
    }

    @Test("Of several requests the first refusal is reported, and those behind it are still done", arguments: 0...3)
    func firstRefusal(position: Int) throws {
        let (refusal, names, next) = try inNewNamespace {
            let socket = try NetlinkSocket()
            var requests = (0..<4).map { number in
                NetlinkRequest.addBridge("br\(number)", address: address5, mtu: 0, filtersVLANs: false)
            }
            requests[position] = .deleteLink(named: "gone\(position)")
            requests.append(.deleteLink(named: "also-gone"))
            var refusal: KernelError?
            do throws(KernelError) {
                try socket.execute(requests)
            } catch {
                refusal = error
            }
            let names = try (0..<4).map { try socket.link(named: "br\($0)")?.name }
            return (refusal, names, socket.refusal(of: .deleteLink(named: "br0"), .deleteLink(named: "br1")))
        }
        #expect(refusal == KernelError("delete link gone\(position)", .noSuchDevice))
        #expect(names == (0..<4).map { $0 == position ? nil : "br\($0)" })
        // What came too late to be of interest confuses nobody afterwards.
        #expect((next == nil) == (position > 1))
    }

    @Test("An error has the operation, the errno and the kernel's words")
    func explanation() throws {
        let refusal = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            let route = Route(destination: try cidr("10.9.0.0/16"), gateway: IPAddress("10.7.7.7"))
            // In front of others, so that what is read belongs to the right one.
            return socket.refusal(
                of: .setUp(true, link: index, name: "br0"),
                .addRoute(route, through: index, name: "br0"),
                .setUp(false, link: index, name: "br0")
            )
        }
        let expected = KernelError(
            "add route to 10.9.0.0/16 via 10.7.7.7 through br0",
            .networkUnreachable,
            explanation: "Nexthop has invalid gateway"
        )
        #expect(refusal == expected)
    }
}
