// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// What the program has to be told of this kernel: where members of structures are, and the numbers of types.
struct ShortcutMembers {
    /// A member by its name in the program, and by its names in the kernel.
    private struct Member {
        let name: String
        let structure: String
        let path: String
        var isBridge = false
        var mayLack = false

        init(_ name: String, _ structure: String, _ path: String, isBridge: Bool = false, mayLack: Bool = false) {
            self.name = name
            self.structure = structure
            self.path = path
            self.isBridge = isBridge
            self.mayLack = mayLack
        }
    }

    private static var members: [Member] {
        [
            Member("at_queueing_filters", "mini_Qdisc", "filter_list"),
            Member("at_filters_next", "tcf_proto", "next"),
            Member("at_filters_root", "tcf_proto", "root"),
            Member("at_program_state", "bpf_prog", "aux"),
            Member("at_program_number", "bpf_prog_aux", "id"),
            Member("at_skb_device", "sk_buff", "dev"),
            Member("at_device_net", "net_device", "nd_net"),
            Member("at_device_index", "net_device", "ifindex"),
            Member("at_device_node", "net_device", "index_hlist"),
            Member("at_device_flags", "net_device", "flags"),
            Member("at_device_mtu", "net_device", "mtu"),
            Member("at_device_handler_data", "net_device", "rx_handler_data"),
            Member("at_device_netfilter_ingress", "net_device", "nf_hooks_ingress"),
            Member("at_device_netfilter_egress", "net_device", "nf_hooks_egress"),
            Member("at_device_queueing", "net_device", "qdisc"),
            Member("at_device_taps", "net_device", "ptype_all"),
            Member("at_queueing_function", "Qdisc", "enqueue"),
            Member("at_net_devices", "net", "dev_index_head"),
            Member("at_net_sequence", "net", "dev_base_seq"),
            Member("at_net_hooks_bridge", "net", "nf.hooks_bridge"),
            Member("at_net_hooks4", "net", "nf.hooks_ipv4"),
            Member("at_net_hooks6", "net", "nf.hooks_ipv6"),
            Member("at_port_bridge", "net_bridge_port", "br", isBridge: true),
            Member("at_port_device", "net_bridge_port", "dev", isBridge: true),
            Member("at_port_state", "net_bridge_port", "state", isBridge: true),
            Member("at_port_flags", "net_bridge_port", "flags", isBridge: true),
            Member("at_port_vlans", "net_bridge_port", "vlgrp", isBridge: true, mayLack: true),
            Member("at_vlans_own", "net_bridge_vlan_group", "pvid", isBridge: true, mayLack: true),
            Member("at_bridge_device", "net_bridge", "dev", isBridge: true),
            Member("at_bridge_options", "net_bridge", "options", isBridge: true),
        ]
    }

    /// Those of a kernel with programs of their own at links (tcx).
    private static var membersWithTCX: [Member] {
        [
            Member("at_device_programs_ingress", "net_device", "tcx_ingress"),
            Member("at_device_programs_egress", "net_device", "tcx_egress"),
            Member("at_tcx_bundle", "tcx_entry", "bundle"),
            Member("at_tcx_queueing", "tcx_entry", "miniq"),
            Member("at_entry_bundle", "bpf_mprog_entry", "parent"),
        ]
    }

    /// Those of a kernel without: where its filters are.
    private static var membersWithoutTCX: [Member] {
        [
            Member("at_device_programs_ingress", "net_device", "miniq_ingress"),
            Member("at_device_programs_egress", "net_device", "miniq_egress"),
            Member("at_tcx_bundle", "tcx_entry", "bundle", mayLack: true),
            Member("at_tcx_queueing", "tcx_entry", "miniq", mayLack: true),
            Member("at_entry_bundle", "bpf_mprog_entry", "parent", mayLack: true),
        ]
    }

    /// The name in the program of the type through which memory is seen.
    ///
    /// It has 2048 octets (`buf`) at the offset that Kernel.h says; what is read does not depend on it.
    private static let window = (name: "type_of_window", structure: "kobj_uevent_env")
    private static let functions = ["bpf_cast_to_kern_ctx", "bpf_rdonly_cast"]

    /// Whether programs can be attached to links by themselves (Linux 6.6).
    let hasTCX: Bool
    private var names: [String] = []
    private var values: [UInt64] = []

    /// Looks everything up in a directory such as `/sys/kernel/btf`.
    ///
    /// - Throws: ``FastPathFailure`` naming the first that the kernel lacks.
    init(below directory: String) throws(FastPathFailure) {
        let kernel: KernelTypes
        var bridge: KernelTypes?
        do throws(KernelError) {
            kernel = try KernelTypes(path: directory + "/vmlinux")
        } catch {
            throw .noTypes(error)
        }
        // Of the kernel itself, or of its module.
        if kernel.structure("net_bridge_port") == nil {
            do throws(KernelError) {
                bridge = try KernelTypes(path: directory + "/bridge", after: kernel)
            } catch {
                throw .noTypes(error)
            }
        }
        hasTCX = kernel.structure("tcx_entry") != nil
        add("has_tcx", hasTCX ? 1 : 0)
        let others = hasTCX ? ShortcutMembers.membersWithTCX : ShortcutMembers.membersWithoutTCX
        for member in ShortcutMembers.members + others {
            let types = member.isBridge ? bridge ?? kernel : kernel
            let offset = types.offset(of: member.path, in: member.structure)
            guard offset != nil || member.mayLack else {
                throw .unsuitable(missing: "\(member.structure).\(member.path)")
            }
            add(member.name, offset ?? 0)
        }
        guard let window = kernel.structure(ShortcutMembers.window.structure) else {
            throw .unsuitable(missing: ShortcutMembers.window.structure)
        }
        add(ShortcutMembers.window.name, UInt64(window))
        for function in ShortcutMembers.functions {
            guard let number = kernel.function(function) else { throw .unsuitable(missing: function) }
            add(function, UInt64(number))
        }
    }

    private mutating func add(_ name: String, _ value: UInt64) {
        names.append(name)
        values.append(value)
    }

    /// What a name of the program stands for; nil when it is none of these.
    func value(of name: String) -> UInt64? {
        names.firstIndex(of: name).map { values[$0] }
    }
}
