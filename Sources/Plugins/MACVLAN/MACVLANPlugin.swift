// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets a hardware address of its own on a link of the host, and is a station of that network.
package let macvlan = Program(name: "macvlan", about: "macvlan: gives a container an address of its own on a link") {
    verb throws(CNIError) in
    try ContainerInterface<MACVLANLink>.answer(verb)
}
