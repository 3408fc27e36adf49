// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// Gives interfaces of a container a routing table of their own, apart from its other interfaces.
package let vrf = Program(
    name: "vrf",
    about: "vrf: puts an interface of a container into a VRF",
    versions: CNIVersion.allCases.filter { $0 >= .v0_3_1 }
) {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try VRFMembership(request).join())
    case .check(let request):
        try VRFMembership(request).verify()
    case .delete(let request):
        try VRFMembership(request).leave()
    case .status(let request):
        try VRFMembership(request).probe()
    case .collectGarbage:
        // The VRF lives in the container's namespace and dies with it; nothing of it is kept on the host.
        break
    }
    return .nothing
}
