// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container shares the hardware address of a link, and gets the packets to its own addresses.
package let ipvlan = Program(name: "ipvlan", about: "ipvlan: gives a container a share of a link by its addresses") {
    verb throws(CNIError) in
    try ContainerInterface<IPVLANLink>.answer(verb)
}
