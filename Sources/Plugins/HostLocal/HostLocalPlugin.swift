// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// Hands out addresses of configured ranges, recorded in a directory of the host.
package let hostLocal = Program(name: "host-local", about: "host-local: leases addresses from ranges of this host") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try AddressLease(request).take())
    case .check(let request):
        try AddressLease(request).verify()
    case .delete(let request):
        try LeaseRelease(request).release()
    case .status(let request):
        try AddressLease(request).probe()
    case .collectGarbage(let request, let surviving):
        try LeaseRelease(request).sweep(sparing: surviving)
    }
    return .nothing
}
