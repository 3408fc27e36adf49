// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Plugin
internal import Wiring

extension BridgePort {
    /// The hardware address of a bridge that somebody deleted under the containers of this network.
    ///
    /// They remember their gateway by it, for half a minute and more: made again with another one, the bridge would be
    /// out of their reach for as long. `culvert reconcile`, which connects them again, gives it the same.
    ///
    /// - Returns: nil when no record says; one that cannot be read says nothing.
    func formerAddress(of bridge: String) -> MACAddress? {
        let store = request.attachments
        for key in (try? store.keys(of: request.key.network)) ?? [] {
            guard let record = (try? store.record(of: key)) ?? nil, record.state == .attached,
                let result = try? AddResult(JSONReader(record.result), assuming: .newest),
                let known = result.interfaces.first(where: { $0.sandbox.isEmpty && $0.name == bridge }),
                let address = MACAddress(known.mac)
            else { continue }
            return address
        }
        return nil
    }
}
