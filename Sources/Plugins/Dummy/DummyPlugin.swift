// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
package import Plugin

/// A container gets an interface that takes every packet and leads nowhere: a place for addresses.
package let dummy = Program(name: "dummy", about: "dummy: gives a container an interface that leads nowhere") {
    verb throws(CNIError) in
    try ContainerInterface<DummyLink>.answer(verb)
}
