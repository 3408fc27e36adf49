// SPDX-License-Identifier: Apache-2.0
internal import Plugin

/// A container's place on a bridge: the veth pair, one end of which is the bridge's port.
struct BridgePort {
    let request: Request

    init(_ request: Request) {
        self.request = request
    }
}
