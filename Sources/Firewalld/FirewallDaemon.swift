// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import Linux

/// firewalld, spoken to over the system bus: which addresses belong to which zone, until it is reloaded.
///
/// Source: firewalld.dbus(5), interface `org.fedoraproject.FirewallD1.zone`.
package struct FirewallDaemon: ~Copyable {
    private var bus: DBusConnection

    /// Where the system bus listens unless `DBUS_SYSTEM_BUS_ADDRESS` says otherwise.
    package static let usualSocket = "/run/dbus/system_bus_socket"

    private static let name = "org.fedoraproject.FirewallD1"
    private static let path = "/org/fedoraproject/FirewallD1"
    private static let zones = "org.fedoraproject.FirewallD1.zone"

    /// Connects to the bus if firewalld is there.
    ///
    /// Where there is no bus, looking for its socket is all that this costs.
    ///
    /// - Parameters:
    ///   - address: of the bus: `DBUS_SYSTEM_BUS_ADDRESS`, of which the first `unix:path=` counts.
    ///   - bound: how long to wait for each answer.
    /// - Returns: nil when there is no bus, nobody who listens to it, or no firewalld.
    /// - Throws: ``FirewalldError``.
    package static func find(
        at address: String? = Machine.variable("DBUS_SYSTEM_BUS_ADDRESS"),
        waitingAtMost bound: Duration = .seconds(10)
    ) throws(FirewalldError) -> FirewallDaemon? {
        let socket = socketPath(address)
        guard access(socket, F_OK) == 0 else { return nil }
        var bus: DBusConnection
        do throws(FirewalldError) {
            bus = try DBusConnection.open(socket, waitingAtMost: bound)
        } catch {
            // A socket that was left behind.
            guard case .unreachable(let refusal) = error, refusal.errno == .connectionRefused else { throw error }
            return nil
        }
        let answer = try bus.call(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameHasOwner",
            [name]
        )
        guard let isThere = answer.boolean else { throw FirewalldError.malformed("no boolean from NameHasOwner") }
        return isThere ? FirewallDaemon(bus: bus) : nil
    }

    /// Whether firewalld is there, as ``find(at:waitingAtMost:)`` says; false as well when the bus makes trouble.
    package static func isRunning(
        at address: String? = Machine.variable("DBUS_SYSTEM_BUS_ADDRESS"),
        waitingAtMost bound: Duration = .seconds(10)
    ) -> Bool {
        do throws(FirewalldError) {
            switch try find(at: address, waitingAtMost: bound) {
            case .some: return true
            case .none: return false
            }
        } catch {
            return false
        }
    }

    private init(bus: consuming DBusConnection) {
        self.bus = bus
    }

    /// Makes one address belong to a zone.
    ///
    /// - Returns: false when it did so already.
    /// - Throws: ``FirewalldError``; with the code `ZONE_CONFLICT` when it belongs to another zone, `INVALID_ZONE` when
    ///   there is no such zone.
    @discardableResult
    package mutating func addSource(_ address: IPAddress, toZone zone: String) throws(FirewalldError) -> Bool {
        try change("addSource", zone, address, unless: ["ZONE_ALREADY_SET", "ALREADY_ENABLED"])
    }

    /// Makes one address no longer belong to a zone.
    ///
    /// - Returns: false when it did not.
    /// - Throws: ``FirewalldError``; with the code `ZONE_CONFLICT` when it belongs to another zone.
    @discardableResult
    package mutating func removeSource(_ address: IPAddress, fromZone zone: String) throws(FirewalldError) -> Bool {
        try change("removeSource", zone, address, unless: ["UNKNOWN_SOURCE", "NOT_ENABLED"])
    }

    /// Whether one address belongs to a zone.
    ///
    /// - Throws: ``FirewalldError``; with the code `INVALID_ZONE` when there is no such zone.
    package mutating func hasSource(_ address: IPAddress, inZone zone: String) throws(FirewalldError) -> Bool {
        guard let answer = try ask("querySource", zone, address).boolean else {
            throw FirewalldError.malformed("no boolean from querySource")
        }
        return answer
    }

    private mutating func change(
        _ method: String,
        _ zone: String,
        _ address: IPAddress,
        unless codes: [String]
    ) throws(FirewalldError) -> Bool {
        do throws(FirewalldError) {
            _ = try ask(method, zone, address)
            return true
        } catch {
            guard case .refused(_, let code, _) = error, codes.contains(code) else { throw error }
            return false
        }
    }

    private mutating func ask(
        _ method: String,
        _ zone: String,
        _ address: IPAddress
    ) throws(FirewalldError) -> DBusMessage {
        try bus.call(Self.name, Self.path, Self.zones, method, [zone, CIDR.host(address).description])
    }

    /// The path in an address such as `unix:path=/run/dbus/system_bus_socket,guid=…;unix:…`.
    ///
    /// Other transports and escaped octets are not for system buses: then the usual path is taken.
    static func socketPath(_ address: String?) -> String {
        let transports = (address ?? "").utf8.split(separator: UInt8(ascii: ";"))
        for transport in transports where transport.starts(with: "unix:".utf8) {
            for pair in transport.dropFirst(5).split(separator: UInt8(ascii: ",")) where pair.starts(with: "path=".utf8)
            {
                let path = pair.dropFirst(5)
                if !path.isEmpty && !path.contains(UInt8(ascii: "%")) { return String(Substring(path)) }
            }
        }
        return usualSocket
    }
}
