// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import DHCP
internal import DHCPLeases
internal import JSON
internal import Plugin

/// The `ipam` object of a network that gets its addresses by DHCP, parsed and validated completely.
struct DHCPConfiguration {
    /// One for each family that is leased.
    let orders: [DHCPOrder]
    /// Whether the addresses of IPv6 are those that routers advertise.
    let wantsAdvertised: Bool

    /// What every server is asked for, as the reference does.
    private static let usuallyRequested: [DHCPOptionCode] = [.routers, .subnetMask]
    /// A message of all options has to fit into one frame.
    private static let optionRoom = 1000

    init(_ request: Request) throws(CNIError) {
        guard let ipam = request.configuration.ipam else {
            throw CNIError(.invalidConfiguration, "IPAM config missing 'ipam' key")
        }
        do throws(JSONTypeError) {
            let way = try ipam.member("ipv6")
            let ways = ["", "slaac", "dhcpv6"]
            let word = try way?.string() ?? ""
            if let way, !ways.contains(word) { throw way.mismatch(expected: "\"slaac\" or \"dhcpv6\"") }
            wantsAdvertised = word == "slaac"
            let options = try DHCPConfiguration.options(ipam, request.invocation.arguments)
            let requested = try DHCPConfiguration.requested(ipam)
            let priority = try ipam.integer("priority", in: 0...Int(UInt32.max)) ?? 0
            let families = (try ipam.bool("ipv4") ?? true ? [AddressFamily.v4] : []) + (word == "dhcpv6" ? [.v6] : [])
            orders = families.map { family in
                DHCPOrder(
                    key: request.key,
                    family: family,
                    namespacePath: request.invocation.namespacePath,
                    options: options,
                    requested: requested,
                    priority: priority
                )
            }
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        guard !orders.isEmpty || wantsAdvertised else {
            throw CNIError(
                .invalidConfiguration,
                "ipam.ipv4 is false, and there is no ipam.ipv6",
                details: "a network without addresses has no ipam; or say \"ipv6\": \"slaac\" or \"dhcpv6\""
            )
        }
        let options = orders.first?.options ?? []
        let room = options.reduce(0) { $0 + $1.value.count + 2 * ($1.value.count / 255 + 1) }
        guard room <= DHCPConfiguration.optionRoom else {
            throw CNIError(
                .invalidConfiguration,
                "ipam.provide: \(room) octets of options do not fit into a message",
                details: "shorten them to \(DHCPConfiguration.optionRoom) octets together"
            )
        }
    }

    /// Where the daemon listens.
    ///
    /// Read without anything else of the configuration, so that DEL works with any.
    static func socketPath(_ request: Request) -> String {
        let path = try? request.configuration.ipam?.string("daemonSocketPath")
        return path.flatMap { $0.isEmpty ? nil : $0 } ?? DHCPDaemonLink.usualPath
    }

    /// `provide`: of one option the last value counts, and what CNI_ARGS say counts more than what is written.
    private static func options(_ ipam: JSONReader, _ text: String) throws(JSONTypeError) -> [DHCPOptions.Entry] {
        var options = DHCPOptions()
        for element in try ipam.array("provide") ?? [] {
            let code = try code(element)
            if code.isReserved { throw element.mismatch(expected: "an option that a configuration may set") }
            var value = try element.string("value") ?? ""
            if let name = try element.string("fromArg"), !name.isEmpty, let said = argument(name, text) { value = said }
            guard value.utf8.count <= 255 else { throw element.mismatch(expected: "a value of at most 255 octets") }
            if !value.isEmpty { options[code] = Array(value.utf8) }
        }
        return options.entries
    }

    /// `request`: more options to ask for; the usual ones too, unless one of the elements says `skipDefault`.
    private static func requested(_ ipam: JSONReader) throws(JSONTypeError) -> [DHCPOptionCode] {
        var codes: [DHCPOptionCode] = []
        var skipsUsual = false
        for element in try ipam.array("request") ?? [] {
            let skips = try element.bool("skipDefault") ?? false
            if skips { skipsUsual = true }
            // An element may do nothing but skip.
            if skips, try element.string("option") ?? "" == "" { continue }
            let code = try code(element)
            if !codes.contains(code) { codes.append(code) }
        }
        guard !skipsUsual else { return codes }
        return codes + usuallyRequested.filter { !codes.contains($0) }
    }

    private static func code(_ element: JSONReader) throws(JSONTypeError) -> DHCPOptionCode {
        guard let code = DHCPOptionCode(named: try element.string("option") ?? "") else {
            throw element.mismatch(
                expected: "an object with option, one of \(DHCPOptionCode.knownNames), or a number from 1 to 254"
            )
        }
        return code
    }

    /// The value of a pair of CNI_ARGS, read leniently: any key will do, and a value may hold anything but `;`.
    private static func argument(_ name: String, _ text: String) -> String? {
        var found: String?
        for pair in text.utf8.split(separator: UInt8(ascii: ";")) {
            guard let sign = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<sign].elementsEqual(name.utf8) else {
                continue
            }
            found = String(Substring(pair[pair.index(after: sign)...]))
        }
        return found
    }
}
