// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets an interface whose other end is a process, such as a virtual machine.
package let tap = Program(name: "tap", about: "tap: gives a container an interface that leads to a process") {
    verb throws(CNIError) in
    try ContainerInterface<TapLink>.answer(verb)
}
