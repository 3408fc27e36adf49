// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// DEL and GC
extension BridgePort {
    /// Takes the container off the bridge; needs neither its namespace nor the result of its ADD, and can be repeated.
    func disconnect() throws(CNIError) {
        let key = request.key
        try request.detach("cannot disconnect container \(key.containerID)") { record throws(KernelError) in
            // Of a pair that somebody else made nobody can name the host's end: the other one is removed.
            if try !HostEnd.remove(of: key, on: try NetlinkSocket()) {
                try request.removeInside(of: key, nil, kinds: ["veth"])
            }
            try InterfaceFilters.remove(from: key, record, in: request.attachments)
        }
    }

    /// Removes every attachment of the network but the survivors, and those younger than this call.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        try request.sweep(sparing: surviving, hasFilters: true) { key, record, host throws(KernelError) in
            try HostEnd.remove(of: key, on: host)
            try InterfaceFilters.remove(from: key, record, in: request.attachments)
        }
    }
}
