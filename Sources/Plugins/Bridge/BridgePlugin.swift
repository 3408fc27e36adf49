// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// A network is one Linux bridge on the host; a container joins it through a pair of virtual Ethernet links, one end
/// plugged into the bridge, the other inside the container.
package let bridge = Program(name: "bridge", about: "bridge: joins a container to a Linux bridge") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try BridgePort(request).connect())
    case .check(let request):
        try BridgePort(request).verify()
    case .delete(let request):
        try BridgePort(request).disconnect()
    case .status(let request):
        try BridgePort(request).probe()
    case .collectGarbage(let request, let surviving):
        try BridgePort(request).sweep(sparing: surviving)
    }
    return .nothing
}
