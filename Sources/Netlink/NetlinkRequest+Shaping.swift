// SPDX-License-Identifier: Apache-2.0
internal import CNetlink

extension NetlinkRequest {
    /// Makes an intermediate functional block, down: a link that sends back to where they came from the packets that
    /// filters of other links redirect to it, at its own pace.
    ///
    /// Like `ip link add NAME mtu MTU txqueuelen 0 type ifb`.
    package static func addIntermediateBlock(_ name: String, mtu: UInt32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(ifinfomsg())
        message.put(Int(IFLA_IFNAME), name)
        message.put(Int(IFLA_MTU), mtu)
        message.put(Int(IFLA_TXQLEN), UInt32(0))
        message.nest(Int(IFLA_LINKINFO)) { $0.put(Int(IFLA_INFO_KIND), "ifb") }
        return NetlinkRequest("add ifb \(name)", message)
    }

    /// Writes a note on a link, at most 255 octets; a link cannot be made with one.
    ///
    /// Like `ip link set dev NAME alias ALIAS`.
    package static func setAlias(_ alias: String, ofLinkNamed name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg())
        message.put(Int(IFLA_IFNAME), name)
        // Counted, not terminated: the kernel would take a zero for a part of it.
        message.put(Int(IFLA_IFALIAS), octets: Array(alias.utf8))
        return NetlinkRequest("set alias of link \(name)", message)
    }

    /// Limits what a link sends.
    ///
    /// Like `tc qdisc add dev NAME root handle 1: tbf …`, or `replace`.
    ///
    /// `replaces`: changes a token bucket of the same number; otherwise `EEXIST` says that there is one.
    package static func setTokenBucket(
        _ bucket: TokenBucket,
        link index: Int32,
        name: String,
        replaces: Bool = false
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWQDISC, flags: NLM_F_CREATE | (replaces ? NLM_F_REPLACE : NLM_F_EXCL))
        message.append(tcmsg(index, handle: QueueingDiscipline.tokenBucketHandle, parent: TC_H_ROOT))
        message.put(Int(TCA_KIND), "tbf")
        var parameters = tc_tbf_qopt()
        parameters.rate.rate = UInt32(clamping: bucket.rate)
        parameters.limit = bucket.limit
        parameters.buffer = bucket.buffer
        message.nest(Int(TCA_OPTIONS)) { options in
            options.put(Int(TCA_TBF_PARMS), octets: withUnsafeBytes(of: parameters) { Array($0) })
            if bucket.rate > UInt64(UInt32.max) {
                options.put(Int(TCA_TBF_RATE64), octets: withUnsafeBytes(of: bucket.rate) { Array($0) })
            }
            if let burst = bucket.burst { options.put(Int(TCA_TBF_BURST), burst) }
        }
        return NetlinkRequest("add qdisc tbf to \(name)", message)
    }

    /// Makes a place for filters: of what a link receives (`ingress`), or of that and of what it sends (`clsact`).
    ///
    /// Like `tc qdisc add dev NAME ingress` and `tc qdisc add dev NAME clsact`; `clsact` needs Linux 4.5.
    package static func addFilterHook(bothWays: Bool, link index: Int32, name: String) -> NetlinkRequest {
        let kind = bothWays ? "clsact" : "ingress"
        let message = NetlinkMessage(type: RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(tcmsg(index, handle: QueueingDiscipline.ingressHandle, parent: TC_H_INGRESS))
        message.put(Int(TCA_KIND), kind)
        return NetlinkRequest("add qdisc \(kind) to \(name)", message)
    }

    /// Asks for a queueing discipline that cannot be made, because a setting is missing: `EINVAL` says that the kernel
    /// has the kind, `ENOENT` that it has not.
    ///
    /// Nothing changes, but that the kernel may load a module.
    package static func probeTokenBucket(link index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(tcmsg(index, handle: 0, parent: TC_H_ROOT))
        message.put(Int(TCA_KIND), "tbf")
        return NetlinkRequest("look for qdisc tbf", message)
    }

    /// Removes a queueing discipline of this kind and number, and no other.
    ///
    /// Like `tc qdisc delete dev NAME …`; `ENOENT` or `EINVAL` when there is none such.
    package static func deleteDiscipline(
        _ discipline: QueueingDiscipline,
        _ place: QueueingDiscipline.Place,
        link index: Int32,
        name: String
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_DELQDISC)
        message.append(tcmsg(index, handle: discipline.handle, parent: place.parent))
        message.put(Int(TCA_KIND), discipline.kind)
        return NetlinkRequest("delete qdisc \(discipline.kind) from \(name)", message)
    }

    /// Adds a filter behind those of the same priority.
    ///
    /// Like `tc filter add dev NAME … u32 match … action mirred egress redirect dev …`.
    ///
    /// `bothWays`: as the place for filters was made.
    package static func addFilter(
        _ filter: TrafficFilter,
        bothWays: Bool,
        link index: Int32,
        name: String
    ) -> NetlinkRequest {
        precondition(bothWays || filter.direction == .received, "an ingress qdisc sees only what the link receives")
        let message = NetlinkMessage(type: RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL)
        let parent = bothWays ? filter.direction.hook : QueueingDiscipline.ingressHandle
        let info = UInt32(filter.priority) << 16 | UInt32(filter.ethernetType.bigEndian)
        message.append(tcmsg(index, handle: 0, parent: parent, info: info))
        message.put(Int(TCA_KIND), "u32")
        message.nest(Int(TCA_OPTIONS)) { options in
            // The class 1:1, which nobody has here: the reference's filters say so too.
            options.put(Int(TCA_U32_CLASSID), UInt32(0x0001_0001))
            options.put(Int(TCA_U32_SEL), octets: filter.selector)
            guard case .redirect(let target) = filter.verdict else { return }
            options.nest(Int(TCA_U32_ACT)) { actions in
                actions.nest(1) { $0.putRedirection(to: target) }
            }
        }
        return NetlinkRequest("add filter to \(name)", message)
    }
}

extension TrafficFilter.Direction {
    /// The part of a `clsact` that sees these packets, or of an `ingress` if it sees them.
    var hook: UInt32 {
        QueueingDiscipline.ingressHandle | UInt32(self == .received ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS)
    }
}

extension TrafficFilter {
    /// tc_u32_sel with its keys; masks and values in network order.
    fileprivate var selector: [UInt8] {
        var octets = [UInt8](repeating: 0, count: 16)
        octets[0] = UInt8(TC_U32_TERMINAL)
        octets[2] = UInt8(keys.count)
        for key in keys {
            for word in [key.mask.bigEndian, key.value.bigEndian, UInt32(bitPattern: key.offset), 0] {
                withUnsafeBytes(of: word) { octets += $0 }
            }
        }
        return octets
    }
}

extension NetlinkMessage {
    fileprivate func putRedirection(to target: Int32) {
        put(Int(TCA_ACT_KIND), "mirred")
        var parameters = tc_mirred()
        parameters.action = TC_ACT_STOLEN
        parameters.eaction = TCA_EGRESS_REDIR
        parameters.ifindex = UInt32(bitPattern: target)
        nest(Int(TCA_ACT_OPTIONS)) { options in
            options.put(Int(TCA_MIRRED_PARMS), octets: withUnsafeBytes(of: parameters) { Array($0) })
        }
    }
}

extension tcmsg {
    init(_ index: Int32, handle: UInt32, parent: UInt32, info: UInt32 = 0) {
        self.init(
            tcm_family: UInt8(AF_UNSPEC),
            tcm__pad1: 0,
            tcm__pad2: 0,
            tcm_ifindex: index,
            tcm_handle: handle,
            tcm_parent: parent,
            tcm_info: info
        )
    }
}
