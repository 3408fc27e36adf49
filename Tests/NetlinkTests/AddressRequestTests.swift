// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

private func cidr(_ text: String) -> CIDR {
    CIDR(text) ?? CIDR.host(IPAddress(v4: 0))
}

@Suite("Requests about addresses")
struct AddressRequestTests {
    @Test("An IPv4 address comes with its broadcast address")
    func v4() {
        let request = NetlinkRequest.addAddress(cidr("10.1.2.3/24"), to: 9, name: "eth0")
        #expect(request.operation == "add address 10.1.2.3/24 to eth0")
        expectOctets(
            request,
            """
            30 00 00 00  | length 48
            14 00 01 06  | RTM_NEWADDR, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 18 00 00 09 00 00 00  | AF_INET, prefix length 24, no flags, scope global, index 9
            08 00 02 00  | IFA_LOCAL
                0a 01 02 03  | 10.1.2.3
            08 00 01 00  | IFA_ADDRESS
                0a 01 02 03  | 10.1.2.3
            08 00 04 00  | IFA_BROADCAST
                0a 01 02 ff  | 10.1.2.255
            """
        )
    }

    @Test("A network of two has no broadcast address")
    func pointToPoint() {
        let request = NetlinkRequest.addAddress(cidr("10.1.2.3/31"), to: 9, name: "eth0")
        #expect(request.operation == "add address 10.1.2.3/31 to eth0")
        expectOctets(
            request,
            """
            28 00 00 00  | length 40
            14 00 01 06  | RTM_NEWADDR, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 1f 00 00 09 00 00 00  | AF_INET, prefix length 31, no flags, scope global, index 9
            08 00 02 00  | IFA_LOCAL
                0a 01 02 03  | 10.1.2.3
            08 00 01 00  | IFA_ADDRESS
                0a 01 02 03  | 10.1.2.3
            """
        )
    }

    @Test("An IPv6 address is used at once")
    func v6() {
        let request = NetlinkRequest.addAddress(cidr("fd00::5/64"), to: 9, name: "eth0")
        #expect(request.operation == "add address fd00::5/64 to eth0")
        expectOctets(
            request,
            """
            48 00 00 00  | length 72
            14 00 01 06  | RTM_NEWADDR, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            0a 40 00 00 09 00 00 00  | AF_INET6, prefix length 64, no flags, scope global, index 9
            14 00 02 00  | IFA_LOCAL
                fd 00 00 00 00 00 00 00  | fd00::5
                00 00 00 00 00 00 00 05
            14 00 01 00  | IFA_ADDRESS
                fd 00 00 00 00 00 00 00  | fd00::5
                00 00 00 00 00 00 00 05
            08 00 08 00  | IFA_FLAGS
                02 00 00 00  | IFA_F_NODAD
            """
        )
    }

    @Test("An IPv6 address is looked for on the link first where that is wanted")
    func v6WithDetection() {
        let request = NetlinkRequest.addAddress(
            cidr("fd00::5/64"),
            to: 9,
            name: "eth0",
            detectsDuplicates: true
        )
        #expect(request.operation == "add address fd00::5/64 to eth0")
        expectOctets(
            request,
            """
            40 00 00 00  | length 64
            14 00 01 06  | RTM_NEWADDR, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            0a 40 00 00 09 00 00 00  | AF_INET6, prefix length 64, no flags, scope global, index 9
            14 00 02 00  | IFA_LOCAL
                fd 00 00 00 00 00 00 00  | fd00::5
                00 00 00 00 00 00 00 05
            14 00 01 00  | IFA_ADDRESS
                fd 00 00 00 00 00 00 00  | fd00::5
                00 00 00 00 00 00 00 05
            """
        )
    }

    @Test("An address is deleted by all that identifies it")
    func delete() {
        let request = NetlinkRequest.deleteAddress(cidr("10.1.2.3/24"), from: 9, name: "eth0")
        #expect(request.operation == "delete address 10.1.2.3/24 from eth0")
        expectOctets(
            request,
            """
            28 00 00 00  | length 40
            15 00 01 00  | RTM_DELADDR, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 18 00 00 09 00 00 00  | AF_INET, prefix length 24, no flags, scope global, index 9
            08 00 02 00  | IFA_LOCAL
                0a 01 02 03  | 10.1.2.3
            08 00 01 00  | IFA_ADDRESS
                0a 01 02 03  | 10.1.2.3
            """
        )
    }
}
