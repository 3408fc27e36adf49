// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import DHCPLeases
import DaemonTalk
import JSON
import Linux

/// `culvert dhcp status`: one line for each lease.
struct DHCPStatus: ParsableCommand {
    enum Output: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "List the leases, and how far each of them is.",
        discussion: """
            Asks the daemon. Where none runs, it reads the files of leases instead and says so \
            on standard error: nobody prolongs them then.

            Environment:
              CULVERT_RUN_DIR  where the files are (default /run/culvert)

            Exit status:
              0   the list is complete
              1   it cannot be had: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    @Option(name: .shortAndLong, help: "table or json.")
    var output = Output.table

    @Option(help: ArgumentHelp("Where the daemon listens.", valueName: "path"))
    var socket = DHCPDaemonLink.usualPath

    @Option(help: ArgumentHelp("Only leases of this network.", valueName: "name"))
    var network: String?

    func run() throws {
        var rows: [DHCPLeaseRow] = []
        try operating { () throws(CNIError) in
            rows = try self.rows().filter { network == nil || $0.network == network }
        }
        var console = Console()
        switch output {
        case .table: for line in Self.table(rows) { try console.writeLine(line) }
        case .json:
            let list = JSONValue.object(["leases": .array(rows.map { $0.json })] as JSONObject)
            try console.write(list.serialized(indent: 4) + [UInt8(ascii: "\n")])
        }
        try console.flush()
    }

    private func rows() throws(CNIError) -> [DHCPLeaseRow] {
        let answer: JSONValue
        do throws(DaemonLinkError) {
            answer = try DHCPDaemonLink.ask(.list, at: socket)
        } catch {
            switch error {
            case .absent(let cause) where cause.errno == .permissionDenied:
                throw CNIError(
                    .inputOutput,
                    "the daemon answers whoever may open \(socket), and you may not",
                    details: "\(cause)"
                )
            case .absent(let cause):
                Machine.log("culvert: no daemon at \(socket) (\(cause.errno)): these are files, which nobody prolongs")
                return try remembered()
            case .stranger(let finding):
                throw CNIError(.inputOutput, "at \(socket) listens somebody else", details: finding)
            case .silent(let cause): throw CNIError(.inputOutput, "the daemon does not answer", details: "\(cause)")
            case .refused(let code, let message, let details):
                throw CNIError(CNIError.Code(rawValue: code), message, details: details)
            }
        }
        do throws(JSONTypeError) {
            var rows: [DHCPLeaseRow] = []
            for element in try JSONReader(answer).array("leases") ?? [] { rows.append(try DHCPLeaseRow(element)) }
            return rows
        } catch {
            throw CNIError(error, in: "daemon's answer")
        }
    }

    private func remembered() throws(CNIError) -> [DHCPLeaseRow] {
        let directory = Machine.variable("CULVERT_RUN_DIR") ?? ""
        let store = DHCPLeaseStore(root: directory.isEmpty ? "/run/culvert" : directory)
        do throws(KernelError) {
            let now = Machine.bootNanoseconds
            return try store.records().compactMap { DHCPLeaseRow($0, now: now) }
        } catch {
            throw CNIError(.storeUnusable, "cannot read the leases in \(store.path)", details: "\(error)")
        }
    }

    private static func table(_ rows: [DHCPLeaseRow]) -> [String] {
        let header = ["CONTAINER", "INTERFACE", "ADDRESS", "SERVER", "STATE", "RENEWS", "EXPIRES"]
        let lines =
            [header]
            + rows.map { row in
                [
                    row.container, row.interface, row.address.isEmpty ? "-" : row.address,
                    row.server.isEmpty ? "-" : row.server, row.state, "\(row.renewals)", expiry(row),
                ]
            }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            // The last column ends where its text does.
            line.enumerated().map { column, text in
                let padding = column == header.count - 1 ? 0 : widths[column] - text.count
                return text + String(repeating: " ", count: padding)
            }.joined(separator: "  ")
        }
    }

    private static func expiry(_ row: DHCPLeaseRow) -> String {
        guard !row.address.isEmpty else { return "-" }
        guard let seconds = row.secondsLeft else { return "never" }
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
        if days > 0 { return "\(days)d\(hours)h" }
        if hours > 0 { return "\(hours)h\(minutes)m" }
        return minutes > 0 ? "\(minutes)m\(seconds % 60)s" : "\(seconds)s"
    }
}
