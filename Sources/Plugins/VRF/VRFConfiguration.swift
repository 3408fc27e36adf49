// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import JSON
internal import Plugin

/// What a plugin of type `vrf` says, parsed and validated completely.
struct VRFConfiguration {
    let name: String
    /// nil is that of the VRF that is there, or the first free one.
    let table: UInt32?

    init(_ request: Request) throws(CNIError) {
        let name: String?
        do throws(JSONTypeError) {
            let reader = request.configuration.reader
            name = try VRFConfiguration.name(reader)
            let table = try reader.integer("table", in: 0...Int(UInt32.max)) ?? 0
            self.table = table == 0 ? nil : UInt32(table)
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        guard let name else {
            throw CNIError(
                .invalidConfiguration,
                "vrfname: the configuration names no VRF",
                details: "vrfname is required: the name of a link, such as red; it is made when it is not there"
            )
        }
        guard name != request.invocation.interfaceName else {
            throw CNIError(
                .invalidConfiguration,
                "vrfname: \"\(name)\" is the name of the interface itself",
                details: "the VRF is a link of its own; give it another name"
            )
        }
        self.name = name
    }

    /// The name of the VRF; nil when there is none.
    static func name(_ reader: JSONReader) throws(JSONTypeError) -> String? {
        guard let member = try reader.member("vrfname"), case let name = try member.string(), !name.isEmpty else {
            return nil
        }
        guard isLinkName(name) else { throw member.mismatch(expected: "the name of a link") }
        return name
    }
}
