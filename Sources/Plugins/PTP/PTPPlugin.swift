// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets a wire of its own to the host, which routes for it: a pair of links without a bridge.
package let ptp = Program(name: "ptp", about: "ptp: joins a container to the host by a wire of its own") {
    verb throws(CNIError) in
    try ContainerInterface<PointToPointLink>.answer(verb)
}
