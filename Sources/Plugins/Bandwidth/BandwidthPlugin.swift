// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
package import Plugin

/// Limits how fast a container receives and sends; chained behind a plugin that made a veth pair.
package let bandwidth = Program(
    name: "bandwidth",
    about: "bandwidth: limits how fast a container receives and sends",
    versions: CNIVersion.allCases.filter { $0 >= .v0_3_0 }
) {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try BandwidthShaper(request).shape())
    case .check(let request):
        try BandwidthShaper(request).verify()
    case .delete(let request):
        try BandwidthShaper(request).release()
    case .status(let request):
        try BandwidthShaper(request).probe()
    case .collectGarbage(let request, let surviving):
        try BandwidthShaper(request).sweep(sparing: surviving)
    }
    return .nothing
}
