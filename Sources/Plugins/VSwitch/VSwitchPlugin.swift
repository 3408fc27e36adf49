// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets an interface whose other end is a port of a switch in user space, `culvert-switchd`.
package let vswitch = Program(name: "vswitch", about: "vswitch: joins a container to a switch in user space") {
    verb throws(CNIError) in
    try ContainerInterface<SwitchPortLink>.answer(verb)
}
