// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import HostLocal
internal import JSON
internal import LeaseStore
internal import Linux
package import Plugin
internal import Wiring

extension PoolNetwork {
    /// Finds out everything about the network, and changes nothing.
    ///
    /// - Parameters:
    ///   - settings: where the index and the records are, and how long to wait for the lock.
    ///   - progress: told now and then how many leases have been looked at, and how many there are.
    /// - Returns: nil when the network never had a lease.
    /// - Throws: ``PoolFailure``.
    /// - Complexity: a look into each lease file.
    package func facts(
        _ settings: Settings,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws(PoolFailure) -> NetworkFacts? {
        do throws(KernelError) {
            let survey: LeaseSurvey
            do throws(KernelError) {
                survey = try LeaseSurvey(
                    path: directory,
                    runDirectory: settings.runDirectory,
                    waitingAtMost: settings.lockBound,
                    progress: progress
                )
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                return nil
            }
            let records = survey.places.compactMap { $0.lease }
            var inquest = LeaseInquest(records)
            let store = AttachmentStore(root: settings.runDirectory)
            var fates: [IPAddress: LeaseFate] = [:]
            for record in records where record.isCollectable(survey.kept) {
                fates[record.address] = inquest.fate(of: record, try store.evidence(of: record.owner, in: name))
            }
            return NetworkFacts(self, survey, fates: fates, attached: try attached(store))
        } catch {
            throw PoolFailure(error, intention: "cannot examine network \(name) in \(directory)")
        }
    }

    /// What the records say that containers of the network have from these leases.
    private func attached(_ store: AttachmentStore) throws(KernelError) -> [NetworkFacts.Attached] {
        var attached: [NetworkFacts.Attached] = []
        for key in try store.keys(of: name) {
            guard let record = try store.record(of: key), record.state == .attached, isOurs(record) else { continue }
            let isLiving = !record.namespaceIdentity.isEmpty && !record.isOfDeadContainer
            let owner = LeaseOwner(containerID: key.containerID, interfaceName: key.interfaceName)
            for address in PoolNetwork.addresses(of: record.result) {
                attached.append(NetworkFacts.Attached(address: address, owner: owner, isLiving: isLiving))
            }
        }
        return attached
    }

    /// Whether an attachment's addresses came from this directory.
    private func isOurs(_ record: AttachmentRecord) -> Bool {
        do throws(JSONTypeError) {
            guard let ipam = try JSONReader(record.configuration).member("ipam"),
                try ipam.string("type") == "host-local"
            else { return false }
            let given = try ipam.string("dataDir") ?? ""
            return "\(given.isEmpty ? ConfiguredPools.usualDataDirectory : given)/\(name)" == directory
        } catch {
            return false
        }
    }

    /// The addresses of a result; none of one that makes no sense.
    private static func addresses(of result: JSONValue) -> [IPAddress] {
        do throws(JSONTypeError) {
            var addresses: [IPAddress] = []
            for element in try JSONReader(result).array("ips") ?? [] {
                if let text = try element.string("address"), let address = CIDR(text)?.address {
                    addresses.append(address)
                }
            }
            return addresses
        } catch {
            return []
        }
    }
}
