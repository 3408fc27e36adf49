// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux

/// A folder of a test's own, removed with all that is in it.
struct Folder: ~Copyable {
    let path: String

    init() {
        var template = Array("/tmp/runtime-tests-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "/tmp takes a folder")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        Self.remove(path)
    }

    private static func remove(_ path: String) {
        if let names = try? Directory(path: path).names() {
            for name in names { remove("\(path)/\(name)") }
        }
        _ = Glibc.remove(path)
    }

    /// Writes a file, with the folders on the way to it.
    func write(_ name: String, _ text: String) throws {
        let folder = name.split(separator: "/").dropLast().joined(separator: "/")
        _ = try Directory(creating: "\(path)/\(folder)", mode: 0o700)
        let file = try Descriptor(opening: "\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        try file.writeAll(Array(text.utf8), name)
    }
}
