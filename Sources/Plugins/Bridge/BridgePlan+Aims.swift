// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import CNI
package import Interfaces
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

extension AttachmentAims {
    /// What has to be true for an attachment that `bridge` made.
    ///
    /// A bridge that is to be made again gets the hardware address that it had: neighbours remember their gateway by it.
    ///
    /// - Throws: ``CNIError`` when the record makes no sense.
    package static func bridge(_ standing: StandingAttachment) throws(CNIError) -> AttachmentAims {
        let configuration = try BridgeConfiguration(standing.request)
        guard let pair = standing.ends else {
            throw CNIError(
                .invalidConfiguration,
                "the record of \(standing.record.key) names no pair of links",
                details: "results of CNI 0.2.0 and older name no interfaces"
            )
        }
        let octets = try translating("cannot make up addresses") { () throws(KernelError) in
            try Machine.randomBytes(18)
        }
        let known = standing.result.interfaces.first { $0.sandbox.isEmpty && $0.name == configuration.bridge }
        let plan = BridgePlan(
            key: standing.record.key,
            configuration: configuration,
            pair: pair,
            sandbox: standing.record.namespacePath,
            bridgeAddress: known.flatMap { MACAddress($0.mac) } ?? Request.address(octets[..<6]),
            vlanAddresses: (Request.address(octets[6..<12]), Request.address(octets[12...]))
        )
        let addresses = standing.result.ips.isEmpty ? nil : BridgeAddressing(standing.result, configuration)
        let connection = plan.connection(addresses)
        let count = connection.prefix { change in
            switch change {
            case .pair, .port: true
            default: false
            }
        }.count
        return AttachmentAims(
            preparation: plan.preparation,
            making: Array(connection[..<count]),
            completion: Array(connection[count...])
        )
    }
}
