// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Plugin

/// Has packets leave a container through the interface whose address they carry, though another one has the default
/// route.
package let sbr = Program(name: "sbr", about: "sbr: routes packets of a container by their source address") {
    verb throws(CNIError) in
    switch verb {
    case .add(let request):
        return .result(try SourceRouting(request).divert())
    case .check(let request):
        try SourceRouting(request).verify()
    case .delete(let request):
        try SourceRouting(request).undo()
    case .status(let request):
        try SourceRouting(request).probe()
    case .collectGarbage:
        // Rules and routes live in the container's namespace and die with it; nothing of it is kept on the host.
        break
    }
    return .nothing
}
