// SPDX-License-Identifier: Apache-2.0
import Doctor
import Testing

@Suite("Examination of other managers of links")
struct ManagerExaminationTests {
    private static let persistent = "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep\nMACAddressPolicy=persistent\n"

    /// A host whose bridge plugin is another implementation, which leaves addresses to the kernel.
    private func host() throws -> HostFacts {
        var facts = try healthyHost()
        facts.programs = [HostFacts.Program(directory: "/opt/cni/bin", name: "bridge", implementation: .foreign)]
        facts.signs = [SystemSigns.udev]
        facts.texts["/usr/lib/systemd/network/99-default.link"] = Self.persistent
        return facts
    }

    @Test("udev rewrites what plugins do not say: those of others suffer, ours do not")
    func policy() throws {
        var facts = try host()
        #expect(facts.kinds == [.macPolicy])
        facts.programs = [HostFacts.Program(directory: "/opt/cni/bin", name: "bridge", implementation: .ours)]
        #expect(facts.kinds == [])
        facts = try host()
        facts.signs = []
        #expect(facts.kinds == [])
    }

    @Test(
        "A file for these links that sorts before, or one of the same name in /etc, is an exception",
        arguments: [
            ("/etc/systemd/network/10-veth.link", "[Match]\nDriver=veth bridge\n[Link]\nMACAddressPolicy=none\n"),
            ("/run/systemd/network/98-all.link", "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=none\n"),
            ("/etc/systemd/network/99-default.link", "[Match]\nOriginalName=*\n[Link]\n#MACAddressPolicy=persistent\n"),
            ("/etc/systemd/network/50-veth.link", "[Match]\nKind=veth\n[Link]\nMACAddressPolicy=none\n"),
        ]
    )
    func exceptions(path: String, text: String) throws {
        var facts = try host()
        facts.texts[path] = text
        #expect(facts.kinds == [])
    }

    @Test(
        "A file for other links is none",
        arguments: ["Driver=virtio_net", "MACAddress=00:11:22:33:44:55", "OriginalName=eth*", "Kind=bond"]
    )
    func others(match: String) throws {
        var facts = try host()
        facts.texts["/etc/systemd/network/10-x.link"] = "[Match]\n\(match)\n[Link]\nMACAddressPolicy=none\n"
        #expect(facts.kinds == [.macPolicy])
    }

    @Test(
        "NetworkManager has to be told to leave the bridge alone",
        arguments: [
            ("unmanaged-devices=interface-name:cni0", true), ("unmanaged-devices=type:bridge;type:veth", true),
            ("unmanaged-devices = interface-name:veth* ; interface-name:cni*", true),
            ("unmanaged-devices+=interface-name:=cni0", true), ("unmanaged-devices=interface-name:cni1", false),
            ("#unmanaged-devices=interface-name:cni0", false), ("", false),
        ]
    )
    func manager(line: String, isTold: Bool) throws {
        var facts = try healthyHost()
        facts.texts["/etc/NetworkManager/conf.d/a.conf"] = "[keyfile]\n\(line)\n"
        #expect(facts.kinds == [])
        facts.signs = [SystemSigns.networkManager]
        #expect(facts.kinds == (isTold ? [] : [.managerInterferes]))
    }
}
