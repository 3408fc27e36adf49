// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux

/// A link and the note that somebody wrote on it.
package struct NotedLink: Hashable, Sendable {
    package let link: Link
    /// Empty when there is none.
    package let alias: String

    package init(link: Link, alias: String) {
        self.link = link
        self.alias = alias
    }

    /// Reads an `RTM_NEWLINK`; nil when it is cut off.
    init?(_ reply: NetlinkReply) {
        guard reply.type == RTM_NEWLINK, let link = Link(reply) else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(16))
        self.init(link: link, alias: attributes[Int(IFLA_IFALIAS)]?.text ?? "")
    }
}

extension NetlinkSocket {
    /// The link of a name with the note on it; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func notedLink(named name: String) throws(KernelError) -> NotedLink? {
        do throws(KernelError) {
            return NotedLink(try ask(.linkQuery("find link \(name)", name: name, index: 0)))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
            return nil
        }
    }

    /// All links of a kind, such as `ifb`, with the notes on them.
    ///
    /// - Throws: ``KernelError``.
    package func notedLinks(ofKind kind: String) throws(KernelError) -> [NotedLink] {
        let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP)
        message.append(ifinfomsg())
        message.put(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
        message.nest(Int(IFLA_LINKINFO) | Int(NLA_F_NESTED)) { $0.put(Int(IFLA_INFO_KIND), kind) }
        let replies = try list(NetlinkRequest("list links of kind \(kind)", message))
        // Kernels before 4.6 do not filter.
        return replies.compactMap { NotedLink($0) }.filter { $0.link.kind == kind }
    }

    /// What queues at a link's root, or waits there for filters; nil when there is nothing.
    ///
    /// - Throws: ``KernelError``.
    package func discipline(
        _ place: QueueingDiscipline.Place,
        ofLink index: Int32
    ) throws(KernelError) -> QueueingDiscipline? {
        // Answered as an announcement, and hence only to who wants to hear an echo; nothing is announced of nothing,
        // and then the acknowledgement is the answer.
        let message = NetlinkMessage(type: RTM_GETQDISC, flags: NLM_F_ACK | NLM_F_ECHO)
        message.append(tcmsg(index, handle: 0, parent: place.parent))
        do throws(KernelError) {
            return try list(NetlinkRequest("find qdisc of link \(index)", message)).compactMap {
                QueueingDiscipline($0)
            }
            .first
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    /// The filters of what a link receives or sends, in the order in which they are tried.
    ///
    /// - Throws: ``KernelError``; `EINVAL` when there is no place for filters.
    package func filters(
        _ direction: TrafficFilter.Direction,
        ofLink index: Int32
    ) throws(KernelError) -> [TrafficFilter] {
        let message = NetlinkMessage(type: RTM_GETTFILTER, flags: NLM_F_DUMP)
        message.append(tcmsg(index, handle: 0, parent: direction.hook))
        return try list(NetlinkRequest("list filters of link \(index)", message)).compactMap {
            TrafficFilter($0, direction)
        }
    }
}
