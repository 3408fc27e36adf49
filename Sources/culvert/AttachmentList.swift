// SPDX-License-Identifier: Apache-2.0
import CLinux
import CNI
import JSON
import Linux

/// The file of attachments to keep.
enum AttachmentList {
    /// Reads `[{"containerID": …, "ifname": …}]`.
    ///
    /// - Throws: `CNIError`, naming the file and the place.
    static func read(_ file: String) throws(CNIError) -> [AttachmentID] {
        let text: [UInt8]
        do throws(KernelError) {
            text = try Descriptor(opening: file, O_RDONLY).readAll(file)
        } catch {
            throw CNIError(.inputOutput, "cannot read the attachments to keep", details: "\(error)")
        }
        do {
            var attachments: [AttachmentID] = []
            for element in try JSONReader(try JSONValue(parsing: text)).array() {
                attachments.append(try AttachmentID(element))
            }
            return attachments
        } catch {
            throw CNIError(
                .decoding,
                "cannot decode the attachments to keep",
                details: "\(file): \(error); write [{\"containerID\": \"...\", \"ifname\": \"eth0\"}]"
            )
        }
    }
}
