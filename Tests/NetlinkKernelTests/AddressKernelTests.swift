// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Addresses in the kernel", .enabled(if: canUnshare, "needs root"))
struct AddressKernelTests {
    @Test("Addresses are listed by link, as they were given", arguments: ["10.1.2.3/24", "10.1.2.3/32", "fd00::5/64"])
    func add(text: String) throws {
        let (index, listed, others) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let (one, other) = (try socket.makeBridge("br0").index, try socket.makeBridge("br1").index)
            try socket.execute(.addAddress(try cidr(text), to: one, name: "br0"))
            return (one, try socket.addresses(ofLink: one), try socket.addresses(ofLink: other))
        }
        let given = listed.filter { !$0.isLinkLocal }
        #expect(given.map { "\($0.address)" } == [text])
        #expect(given.map(\.link) == [index])
        #expect(others.filter { !$0.isLinkLocal } == [])
    }

    @Test("IPv6 addresses skip the search for duplicates unless told otherwise", arguments: [false, true])
    func duplicates(detectsDuplicates: Bool) throws {
        let table = try inNewNamespace {
            let socket = try NetlinkSocket()
            // Without carrier the search cannot even begin, so a tentative address stays tentative.
            let index = try socket.makeBridge("br0").index
            let address = try cidr("fd00::5/64")
            try socket.execute(
                .addAddress(address, to: index, name: "br0", detectsDuplicates: detectsDuplicates)
            )
            return try readFile("/proc/thread-self/net/if_inet6") ?? ""
        }
        let line = try #require(table.split(separator: "\n").first { $0.hasPrefix("fd00") })
        let flags = try #require(UInt8(line.split(separator: " ")[4], radix: 16))
        // IFA_F_NODAD, IFA_F_TENTATIVE. rtnetlink(7)
        #expect((flags & 0x02 != 0) == !detectsDuplicates)
        #expect((flags & 0x40 != 0) == detectsDuplicates)
    }

    @Test("The same address again is refused as existing, another of its network is not")
    func again() throws {
        let refusals = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            return try ["10.1.2.3/24", "10.1.2.3/24", "10.1.2.4/24", "10.1.2.3/16"].map { text in
                socket.refusal(of: .addAddress(try cidr(text), to: index, name: "br0"))?.errno
            }
        }
        #expect(refusals == [nil, .fileExists, nil, nil])
    }

    @Test("A deleted address is gone, and deleting it again is refused by name")
    func delete() throws {
        let (refusals, left) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            let address = try cidr("10.1.2.3/24")
            try socket.execute(.addAddress(address, to: index, name: "br0"))
            let requests = [NetlinkRequest](repeating: .deleteAddress(address, from: index, name: "br0"), count: 2)
            let refusals = requests.map { socket.refusal(of: $0) }
            return (refusals, try socket.addresses(ofLink: index).filter { !$0.isLinkLocal })
        }
        #expect(refusals[0] == nil)
        #expect(refusals[1]?.operation == "delete address 10.1.2.3/24 from br0")
        #expect(refusals[1]?.errno == .addressNotAvailable)
        #expect(left == [])
    }

    @Test("More addresses than fit into one datagram are made in one and listed whole", arguments: [1, 300])
    func many(count: Int) throws {
        let listed = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            let requests = (0..<count).compactMap { number in
                CIDR(address: IPAddress(v4: 0x0a01_0001 + UInt32(number)), prefixLength: 16)
                    .map { NetlinkRequest.addAddress($0, to: index, name: "br0") }
            }
            try socket.execute(requests)
            return try socket.addresses(ofLink: index).filter { !$0.isLinkLocal }.map(\.address.address)
        }
        #expect(listed == (0..<count).map { IPAddress(v4: 0x0a01_0001 + UInt32($0)) })
    }

    @Test("A link that is not there has no addresses, or the kernel says that it is not there")
    func missing() throws {
        let outcome = try inNewNamespace {
            let socket = try NetlinkSocket()
            return Result { () throws(KernelError) in try socket.addresses(ofLink: 4711) }
        }
        switch outcome {
        case .success(let addresses): #expect(addresses == [])
        case .failure(let error):
            #expect(error.operation == "list addresses of link 4711")
            #expect(error.errno == .noSuchDevice)
        }
    }
}
