// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing
import Wiring

/// Who watches an interface for sources that are not among these; nil is any.
func watcher(_ key: AttachmentKey, _ address: MACAddress?, _ addresses: [String]?) throws -> SpoofCheck {
    var interface = VirtualInterface("veth0")
    interface.allowedSources = address.map { [$0] }
    interface.allowedAddresses = try addresses?.map { .host(try #require(IPAddress($0))) }
    return SpoofCheck(key: key, interface)
}
