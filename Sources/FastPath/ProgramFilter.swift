// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Linux
internal import Netlink

/// A program that is a filter of a link's clsact, at a place that is ours.
///
/// Source: tc-bpf(8); linux/pkt_cls.h.
struct ProgramFilter {
    /// The number in the kernel.
    let program: UInt32
    /// Whether it bears the shortcut's name, of whatever version.
    let isOurs: Bool

    /// Where a filter is.
    enum Place {
        /// The shortcut's: behind those that the kernel counts down from 49152 on for who names none.
        case shortcut
        /// Where frames come in, before all others: what those see has its VLAN.
        case entry
        /// Where frames go out, before all others.
        case exit

        fileprivate var priority: UInt32 {
            switch self {
            case .shortcut: 49153
            case .entry, .exit: 1
            }
        }

        /// TC_H_CLSACT, and TC_H_MIN_INGRESS or TC_H_MIN_EGRESS.
        fileprivate var parent: UInt32 {
            switch self {
            case .shortcut, .entry: 0xffff_fff2
            case .exit: 0xffff_fff3
            }
        }
    }

    fileprivate static let handle: UInt32 = 1
    fileprivate static let name = "culvert"

    /// Reads an `RTM_NEWTFILTER`; nil when it is at another place, or no program.
    fileprivate init?(_ reply: NetlinkReply, at place: Place) {
        // tcmsg: family, padding (32), link, handle, parent, info (32 each)
        guard reply.type == RTM_NEWTFILTER, reply.payload.count >= 20,
            reply.payload.integer(at: 8, as: UInt32.self) == ProgramFilter.handle,
            let info = reply.payload.integer(at: 16, as: UInt32.self), info >> 16 == place.priority
        else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(20))
        guard attributes[Int(TCA_KIND)]?.text == "bpf",
            let options = attributes[Int(TCA_OPTIONS)].map({ NetlinkAttributes($0) }),
            let program = options[Int(TCA_BPF_ID)]?.integer(at: 0, as: UInt32.self)
        else { return nil }
        self.program = program
        isOurs = options[Int(TCA_BPF_NAME)]?.text == ProgramFilter.name
    }

    /// What all requests say: the link, our place, every protocol.
    fileprivate static func message(
        _ type: Int,
        flags: Int32,
        link: UInt32,
        handle: UInt32,
        at place: Place
    ) -> NetlinkMessage {
        let message = NetlinkMessage(type: type, flags: flags)
        var header = tcmsg()
        header.tcm_ifindex = Int32(bitPattern: link)
        header.tcm_handle = handle
        header.tcm_parent = place.parent
        // ETH_P_ALL as the network has it
        header.tcm_info = place.priority << 16 | UInt32(UInt16(3).bigEndian)
        message.append(header)
        return message
    }
}

extension NetlinkRequest {
    /// Makes a program the filter at our place; `EEXIST` says that there is one, unless it is to be replaced.
    ///
    /// Like `tc filter add dev LINK ingress priority 49153 handle 1 bpf direct-action fd …`, or `replace`.
    static func addProgramFilter(
        _ program: CInt,
        link: UInt32,
        replaces: Bool,
        at place: ProgramFilter.Place = .shortcut
    ) -> NetlinkRequest {
        let message = ProgramFilter.message(
            RTM_NEWTFILTER,
            flags: NLM_F_CREATE | (replaces ? NLM_F_REPLACE : NLM_F_EXCL),
            link: link,
            handle: ProgramFilter.handle,
            at: place
        )
        message.put(Int(TCA_KIND), "bpf")
        message.nest(Int(TCA_OPTIONS)) { options in
            options.put(Int(TCA_BPF_FD), UInt32(bitPattern: program))
            options.put(Int(TCA_BPF_NAME), ProgramFilter.name)
            options.put(Int(TCA_BPF_FLAGS), UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
        return NetlinkRequest("attach our program to link \(link)", message)
    }

    /// Removes the filter at our place; `ENOENT` when there is none, `EINVAL` when there is no place for filters.
    static func deleteProgramFilter(link: UInt32) -> NetlinkRequest {
        let message = ProgramFilter.message(
            RTM_DELTFILTER,
            flags: 0,
            link: link,
            handle: ProgramFilter.handle,
            at: .shortcut
        )
        message.put(Int(TCA_KIND), "bpf")
        return NetlinkRequest("detach the shortcut from link \(link)", message)
    }
}

extension NetlinkSocket {
    /// The program at our place of a link; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    func programFilter(
        ofLink link: UInt32,
        at place: ProgramFilter.Place = .shortcut
    ) throws(KernelError) -> ProgramFilter? {
        let message = ProgramFilter.message(RTM_GETTFILTER, flags: NLM_F_DUMP, link: link, handle: 0, at: place)
        let replies: [NetlinkReply]
        do throws(KernelError) {
            replies = try list(NetlinkRequest("list filters of link \(link)", message))
        } catch {
            // There is no place for filters.
            guard error.errno == .invalidArgument else { throw error }
            return nil
        }
        for reply in replies {
            if let found = ProgramFilter(reply, at: place) { return found }
        }
        return nil
    }
}
