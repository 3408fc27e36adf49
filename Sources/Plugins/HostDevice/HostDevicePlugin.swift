// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets a link of the host itself, and gives it back when it ends.
package let hostDevice = Program(name: "host-device", about: "host-device: lends a container a link of the host") {
    verb throws(CNIError) in
    try ContainerInterface<HostDeviceLink>.answer(verb)
}
