// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
package import JSON
internal import LeaseStore
internal import Linux

/// What `ipam check` says, and what `ipam release` reads of it.
package struct CheckReport {
    /// All of them, network by network.
    package let problems: [PoolProblem]
    private let networks: [String]
    private let leaseCount: Int

    package init(_ facts: [NetworkFacts]) {
        problems = facts.flatMap { PoolCheckup($0).problems }
        networks = facts.map { $0.network.name }
        leaseCount = facts.reduce(0) { $0 + $1.survey.places.count }
    }

    // MARK: - For people

    /// A line for each problem, and one that counts.
    package func lines(isWide: Bool, hasHeader: Bool, _ look: Look) -> [String] {
        let columns =
            ["NETWORK", "PROBLEM", "ADDRESS", "FINDING"].map { TextTable.Column($0) }
            + (isWide ? [TextTable.Column("WHAT TO DO")] : [])
        let rows = problems.map { problem in
            [
                TextTable.Cell(problem.network, .name), TextTable.Cell(problem.kind.rawValue, .bad),
                TextTable.Cell(problem.address.map { "\($0)" } ?? "-"), TextTable.Cell(problem.finding),
            ] + (isWide ? [TextTable.Cell(problem.remedy)] : [])
        }
        let table = rows.isEmpty ? [] : TextTable.lines(columns, rows, look, hasHeader: hasHeader)
        return table + [look.tinted(summary, problems.isEmpty ? .good : .bold)]
    }

    private var summary: String {
        let place = "\(CheckReport.count(leaseCount, "lease")) of \(CheckReport.count(networks.count, "network"))"
        return problems.isEmpty
            ? "no problems in \(place)"
            : "found \(CheckReport.count(problems.count, "problem")) in \(place)"
    }

    package static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    // MARK: - For programs

    /// The whole, with keys that stay.
    package var json: JSONValue {
        .object([
            "version": .integer(CheckReport.version),
            "checkedNanoseconds": .integer(Machine.wallNanoseconds),
            "networks": .array(networks.map { .string($0) }),
            "problems": .array(problems.map { $0.json }),
        ])
    }

    private static let version: Int64 = 1

    /// Writes the report to a file, replacing what it says.
    ///
    /// - Throws: ``PoolFailure``.
    package func write(to file: String) throws(PoolFailure) {
        do throws(KernelError) {
            let flags = O_WRONLY | O_CREAT | O_TRUNC
            let text = json.serialized(indent: 2) + [UInt8(ascii: "\n")]
            try Descriptor(opening: file, flags, mode: 0o644).writeAll(text, file)
        } catch {
            throw PoolFailure("cannot write the report: \(error)")
        }
    }

    /// What a report says is to be released, by lease directory in the order of the report.
    ///
    /// - Returns: nothing for a report without dead owners.
    /// - Throws: ``PoolFailure`` when the file is no report.
    package static func wishes(
        inFile file: String
    ) throws(PoolFailure) -> [(directory: String, wishes: [ReleaseWish])] {
        let text: [UInt8]
        do throws(KernelError) {
            text = try Descriptor(opening: file, O_RDONLY).readAll(file, limit: 1 << 30)
        } catch {
            throw PoolFailure("cannot read the report: \(error)")
        }
        do {
            let reader = JSONReader(try JSONValue(parsing: text))
            guard try reader.member("version")?.integer() == version else {
                throw PoolFailure("\(file) is no report of ipam check, or of another version of it")
            }
            var found: [(directory: String, wishes: [ReleaseWish])] = []
            for problem in try reader.array("problems") ?? [] where try problem.bool("releasable") == true {
                let directory = try problem.string("directory") ?? ""
                let wish = try self.wish(problem)
                if let place = found.firstIndex(where: { $0.directory == directory }) {
                    found[place].wishes.append(wish)
                } else {
                    found.append((directory, [wish]))
                }
            }
            return found
        } catch let failure as PoolFailure {
            throw failure
        } catch {
            throw PoolFailure("\(file) is no report of ipam check: \(error)")
        }
    }

    private static func wish(_ problem: JSONReader) throws(JSONTypeError) -> ReleaseWish {
        guard let address = IPAddress(try problem.string("address") ?? ""),
            let container = try problem.string("containerID"),
            let inode = try problem.member("inode")?.integer(),
            let modified = try problem.member("modifiedNanoseconds")?.integer()
        else { throw problem.mismatch(expected: "address, containerID, inode and modifiedNanoseconds") }
        return ReleaseWish(
            address,
            owner: LeaseOwner(containerID: container, interfaceName: try problem.string("interface") ?? ""),
            file: LeaseFileMark(inode: UInt64(bitPattern: inode), modifiedNanoseconds: modified)
        )
    }
}
