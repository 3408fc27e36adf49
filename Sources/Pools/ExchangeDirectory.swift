// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CLinux
internal import LeaseStore
internal import Linux

/// Copies of lease directories in host-local's form, one folder for each network, that nobody works on.
package enum ExchangeDirectory {
    /// Reads a copy.
    ///
    /// - Parameters:
    ///   - path: the folder that holds those of networks, or that of one network.
    ///   - network: whose folder it is; nil when it holds one for each network.
    /// - Returns: the leases and reservations, in no order.
    /// - Throws: ``PoolFailure``; a file that is no lease is refused, since something would be missing.
    package static func rows(in path: String, network: String?) throws(PoolFailure) -> [ExchangeRow] {
        do throws(KernelError) {
            if let network { return try rows(of: network, in: path) }
            var rows: [ExchangeRow] = []
            for name in try Directory(path: path).names().sorted() where !name.hasPrefix(".") {
                rows += try self.rows(of: name, in: "\(path)/\(name)")
            }
            return rows
        } catch {
            throw PoolFailure(
                "cannot read \(path) as lease directories: \(error)",
                advice: network == nil ? "with --network it is taken for the directory of that network" : ""
            )
        }
    }

    private static func rows(of network: String, in path: String) throws(KernelError) -> [ExchangeRow] {
        let directory = try Directory(path: path)
        var rows: [ExchangeRow] = []
        for name in try directory.names() {
            guard let address = IPAddress(name) else { continue }
            let content = try directory.open(name, O_RDONLY | O_NOFOLLOW).readSmallFile("\(path)/\(name)")
            // What a writer left that died is no lease.
            guard let owner = LeaseOwner(content: content) else { continue }
            let kind = owner.isReservation ? ExchangeRow.Kind.reserved : .lease
            var row = ExchangeRow(network: network, run: AddressRun(address), kind: kind)
            if owner.isReservation { row.key = owner.interfaceName } else { row.owner = owner }
            guard owner.isReservation || owner.isPossible else {
                throw KernelError(
                    "read \(path)/\(name)",
                    .invalidArgument,
                    explanation: "it names an owner that no container can be: \(owner)"
                )
            }
            rows.append(row)
        }
        return rows
    }

    /// Writes one row into a copy.
    ///
    /// - Throws: ``PoolFailure``, also when the address is there already for somebody else.
    package static func write(_ row: ExchangeRow, to path: String) throws(PoolFailure) {
        let owner = row.kind == .reserved ? LeaseOwner.reservation(for: row.key) : row.owner
        do throws(KernelError) {
            let directory = try Directory(creating: "\(path)/\(row.network)", mode: 0o755)
            for address in row.run.lowest(KeptAddresses.largestRun) {
                // Of a container whom it is reserved for; its row follows.
                if try directory.status("\(address)") != nil { try directory.remove("\(address)") }
                let file = try directory.open("\(address)", O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(owner.content, "\(path)/\(row.network)/\(address)")
            }
        } catch {
            throw PoolFailure("cannot write the copy in \(path): \(error)")
        }
    }

    /// Refuses a folder that holds something: what is old would be taken for part of the copy.
    ///
    /// - Throws: ``PoolFailure``.
    package static func requireEmpty(_ path: String) throws(PoolFailure) {
        let names: [String]
        do throws(KernelError) {
            names = try Directory(creating: path, mode: 0o755).names()
        } catch {
            throw PoolFailure("cannot write to \(path): \(error)")
        }
        guard names.isEmpty else {
            throw PoolFailure("\(path) is not empty", advice: "name a directory that is empty or not there yet")
        }
    }
}
