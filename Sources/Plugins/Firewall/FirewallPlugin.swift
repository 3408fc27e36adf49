// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
package import Plugin

/// Lets containers' packets through the host, and keeps networks apart.
package let firewall = Program(
    name: "firewall",
    about: "firewall: lets packets of containers through the host, and keeps networks apart",
    versions: [.v0_4_0, .v1_0_0, .v1_1_0]
) { verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try FirewallAttachment(request).admit())
    case .check(let request):
        try FirewallAttachment(request).verify()
    case .delete(let request):
        try FirewallAttachment(request).expel()
    case .status(let request):
        try FirewallAttachment(request).probe()
    case .collectGarbage(let request, let surviving):
        try FirewallAttachment(request).sweep(sparing: surviving)
    }
    return .nothing
}
