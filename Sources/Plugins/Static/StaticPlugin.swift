// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// Hands out the addresses that the configuration or the runtime names, each to one container of a network.
package let staticAddresses = Program(name: "static", about: "static: gives a container the addresses named for it") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try AddressAssignment(request).assign())
    case .check(let request):
        try AddressAssignment(request).verify()
    case .delete(let request):
        try AddressClaims(request).release()
    case .status(let request):
        try AddressAssignment(request).probe()
    case .collectGarbage(let request, let surviving):
        try AddressClaims(request).sweep(sparing: surviving)
    }
    return .nothing
}
