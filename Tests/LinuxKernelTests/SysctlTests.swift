// SPDX-License-Identifier: Apache-2.0
import Linux
import TestSupport
import Testing

@Suite("Sysctls", .enabled(if: canUnshare, "needs root"))
struct SysctlTests {
    @Test("A setting takes the value it is given, and keeps it when it is given again")
    func set() throws {
        let values = try inNewNamespace {
            let setting = Sysctl("ipv4/ip_forward")
            var values = [try setting.read()]
            for value in ["1", "1", "0"] {
                try setting.set(value)
                values.append(try setting.read())
            }
            return values
        }
        #expect(values.dropFirst() == ["1", "1", "0"])
    }

    @Test("A setting that is written without a look takes the value too, and keeps it")
    func change() throws {
        let values = try inNewNamespace {
            let setting = Sysctl("ipv6", link: "lo", "accept_ra")
            return try ["0", "0", "2"].map { value in
                try setting.change(to: value)
                return try setting.read()
            }
        }
        #expect(values == ["0", "0", "2"])
    }

    @Test("The namespace of the thread is the one that is set")
    func namespaces() throws {
        let values = try inNewNamespace {
            let setting = Sysctl("ipv6/conf/all/forwarding")
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            try other.run(from: home) { () throws(KernelError) in try setting.set("1") }
            let inside = try other.run(from: home) { () throws(KernelError) in try setting.read() }
            return [try setting.read(), inside]
        }
        #expect(values == ["0", "1"])
    }

    @Test("An unknown setting and a value that is none are refused by name")
    func refusals() throws {
        let refusals = try inNewNamespace {
            [(Sysctl("ipv4", link: "no.such.link", "arp_notify"), "1"), (Sysctl("ipv4/ip_forward"), "many")]
                .map { sysctl, value in
                    do throws(KernelError) {
                        try sysctl.set(value)
                        return nil
                    } catch {
                        return error
                    }
                } as [KernelError?]
        }
        #expect(
            refusals[0] == KernelError("set sysctl net/ipv4/conf/no.such.link/arp_notify=1", .noSuchFileOrDirectory)
        )
        #expect(refusals[1] == KernelError("set sysctl net/ipv4/ip_forward=many", .invalidArgument))
    }

    @Test("A dot in the name of a link is an ordinary character")
    func dots() {
        let setting = Sysctl("ipv4", link: "eth0.5", "arp_notify")
        #expect(setting.path == "/proc/sys/net/ipv4/conf/eth0.5/arp_notify")
        #expect("\(setting)" == "net/ipv4/conf/eth0.5/arp_notify")
    }
}
