// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// Adjusts an interface that the plugins before it made: sysctls, MAC address, MTU and modes.
package let tuning = Program(name: "tuning", about: "tuning: adjusts sysctls and settings of a container's interface") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try TunedInterface(request).tune())
    case .check(let request):
        try TunedInterface(request).verify()
    case .delete(let request):
        try TunedInterface(request).restore()
    case .status(let request):
        try TunedInterface(request).probe()
    case .collectGarbage(let request, let surviving):
        try TunedInterface(request).sweep(sparing: surviving)
    }
    return .nothing
}
