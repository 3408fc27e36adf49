// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets the frames of one VLAN of a link, without their tags.
package let vlan = Program(name: "vlan", about: "vlan: gives a container one VLAN of a link") {
    verb throws(CNIError) in
    try ContainerInterface<VLANLink>.answer(verb)
}
