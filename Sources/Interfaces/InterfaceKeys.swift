// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
package import JSON
package import Plugin

// Keys that several kinds of interfaces have, each read in one way.
extension JSONReader {
    /// `mtu` in octets: 0 leaves it to the kernel; IPv4 needs 68 octets (RFC 791, 3.2), and the kernel takes no less.
    ///
    /// - Throws: ``JSONTypeError``.
    package func mtu() throws(JSONTypeError) -> Int {
        let mtu = try integer("mtu", in: 0...65_535) ?? 0
        guard mtu == 0 || mtu >= 68 else { return try integer("mtu", in: 68...65_535) ?? 0 }
        return mtu
    }

    /// A member with one of some names; nil when it is absent or empty.
    ///
    /// - Throws: ``JSONTypeError`` that lists the names.
    package func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ key: String,
        of type: Value.Type
    ) throws(JSONTypeError) -> Value? {
        guard let member = try member(key), case let name = try member.string(), !name.isEmpty else { return nil }
        guard let value = Value(rawValue: name) else {
            let names = Value.allCases.map { $0.rawValue }.joined(separator: ", ")
            throw member.mismatch(expected: "one of \(names)")
        }
        return value
    }
}

extension Request {
    /// Reads the plugin's own keys.
    ///
    /// - Throws: ``CNIError``, code 6, saying where the configuration is of no use.
    package func reading<Value>(
        _ body: (JSONReader) throws(JSONTypeError) -> Value
    ) throws(CNIError) -> Value {
        do throws(JSONTypeError) {
            return try body(configuration.reader)
        } catch {
            throw CNIError(error, in: "network configuration")
        }
    }

    /// The hardware address that somebody asks for: CNI_ARGS, then `args.cni.mac`, then the capability; the later wins.
    ///
    /// CNI conventions, "mac".
    ///
    /// `configured`: what the network itself says, which all others win over.
    /// - Returns: nil when nobody asks.
    /// - Throws: ``CNIError``.
    package func wantedAddress(configured: String? = nil) throws(CNIError) -> MACAddress? {
        var text = try arguments().mac ?? configured
        do throws(JSONTypeError) {
            text = try configuration.arguments?.string("mac") ?? text
            text = try configuration.runtimeConfig?.string("mac") ?? text
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        guard let text, !text.isEmpty else { return nil }
        guard let mac = MACAddress(text), !mac.isMulticast, !mac.isZero else {
            throw CNIError(
                .invalidConfiguration,
                "invalid MAC address \"\(text)\"",
                details: "give six octets of a single station, such as 02:00:00:00:00:05"
            )
        }
        return mac
    }

    /// An address of six random octets, made as the kernel makes them.
    ///
    /// - Throws: ``CNIError``.
    package static func address(_ octets: ArraySlice<UInt8>) -> MACAddress {
        guard let address = MACAddress.locallyAdministered(Array(octets)) else {
            preconditionFailure("six octets are a MAC address")
        }
        return address
    }
}

/// Whether a text can be the name of a link.
///
/// The kernel's `dev_valid_name`, and no colon, which sysctl(8) and old tools take for an alias. A percent sign is none
/// that a link can have: the kernel puts a number in its place (`dev_alloc_name`), and the link has another name than
/// the one that was asked for. `all` and `default` are directories of settings, so that the kernel refuses them.
package func isLinkName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 15 && ![".", "..", "all", "default"].contains(name)
        && !name.contains(where: { "/:% \t\n".contains($0) })
}
