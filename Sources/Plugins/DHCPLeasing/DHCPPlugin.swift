// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// Leases addresses from DHCP servers on the container's own link; a daemon keeps them.
package let dhcp = Program(name: "dhcp", about: "dhcp: leases addresses from DHCP servers; needs `dhcp daemon`") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try DHCPLease(request).take())
    case .check(let request):
        try DHCPLease(request).verify()
    case .delete(let request):
        try DHCPLease(request).release()
    case .status(let request):
        try DHCPLease(request).probe()
    case .collectGarbage(let request, let surviving):
        try DHCPLease(request).sweep(sparing: surviving)
    }
    return .nothing
}
