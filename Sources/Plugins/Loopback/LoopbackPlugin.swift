// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
package import Plugin

/// Brings a container's own loopback interface up; whatever CNI_IFNAME says, it is `lo`.
package let loopback = Program(name: "loopback", about: "loopback: brings a container's loopback interface up") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try LoopbackInterface(request).raise())
    case .check(let request):
        try LoopbackInterface(request).verify()
    case .delete(let request):
        try LoopbackInterface(request).lower()
    case .status, .collectGarbage:
        // Every kernel has the interface, and it dies with its namespace.
        break
    }
    return .nothing
}
