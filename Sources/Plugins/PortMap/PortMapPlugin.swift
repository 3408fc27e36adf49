// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
package import Plugin

/// Leads ports of the host to ports of containers.
package let portmap = Program(name: "portmap", about: "portmap: leads ports of the host to ports of a container") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try PortPublisher(request).publish())
    case .check(let request):
        try PortPublisher(request).verify()
    case .delete(let request):
        try PortPublisher(request).withdraw()
    case .status(let request):
        try PortPublisher(request).probe()
    case .collectGarbage(let request, let surviving):
        try PortPublisher(request).sweep(sparing: surviving)
    }
    return .nothing
}
