// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import JSON
import Linux
import Pools

/// `culvert show`: everything about the attachments of one container.
struct ShowAttachment: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show all that is known of a container's attachments.",
        discussion: """
            Addresses and routes as ADD answered them, the host's end and what it counts, \
            whether the container lives and by what proof, its leases, and what packet \
            filters keep for it; what of that is missing is said.

              culvert show 3f2a
              culvert show web-0:eth0

            A container may be named by the first digits of its id.

            Environment:
              CULVERT_RUN_DIR       where the records are (default /run/culvert)
              CULVERT_LOCK_TIMEOUT  how many seconds to wait for leases (default 20)
              NETCONFPATH           directory with the networks (default /etc/cni/net.d)

            Exit status:
              0   done
              1   there is no such attachment, or something cannot be read
              64  the command line makes no sense
            """
    )

    @Argument(
        help: ArgumentHelp("CONTAINER or CONTAINER:INTERFACE.", valueName: "name"),
        completion: .custom { _, _, _ in ListAttachments.containers() }
    )
    var name: String

    @OptionGroup var which: AttachmentNetworkOption
    @OptionGroup var places: IPAMPlaces
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        guard AttachmentName(name) != nil else { throw ValidationError("\"\(name)\" names no container") }
    }

    func run() throws {
        guard let wanted = AttachmentName(name) else { return }
        let cards = try operating { () throws(PoolFailure) in
            var cards: [AttachmentCard] = []
            let networks = places.quietCatalog().networks
            for facts in try wanted.resolve(among: attachments(of: which.network)) {
                cards.append(try AttachmentCard(facts, leasesOf: networks, places.settings))
            }
            return cards
        }
        let now = Machine.bootNanoseconds
        switch output.output {
        case .table, .wide:
            let parts = cards.map { $0.lines(output.look, now: now) }
            try output.print(parts.enumerated().flatMap { index, part in index == 0 ? part : [""] + part })
        case .json, .yaml: try output.print(.object(["attachments": .array(cards.map { $0.json(now: now) })]))
        case .name: try output.print(cards.map { $0.row.name })
        }
    }
}
