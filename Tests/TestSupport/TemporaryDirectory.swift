// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux

/// Runs a body with a new directory, and removes it with all that is in it.
package func withTemporaryDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
    var template = Array("/tmp/culvert-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw KernelError("make directory", Errno(rawValue: Glibc.errno)) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let outcome = Result { try body(path) }
    try removeTree(path)
    return try outcome.get()
}

private func removeTree(_ path: String) throws {
    if unlink(path) == 0 { return }
    guard Glibc.errno == EISDIR else { throw KernelError("remove \(path)", Errno(rawValue: Glibc.errno)) }
    for name in try Directory(path: path).names() { try removeTree("\(path)/\(name)") }
    guard rmdir(path) == 0 else { throw KernelError("remove \(path)", Errno(rawValue: Glibc.errno)) }
}

/// Writes a file anew.
package func writeFile(_ path: String, _ text: String, mode: UInt32 = 0o600) throws {
    try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode).writeAll(Array(text.utf8), path)
}

/// The text of a file; nil when there is none.
package func readFile(_ path: String) throws -> String? {
    do throws(KernelError) {
        return String(decoding: try Descriptor(opening: path, O_RDONLY).readAll(path), as: UTF8.self)
    } catch {
        guard error.errno == .noSuchFileOrDirectory else { throw error }
        return nil
    }
}

/// The names in a directory, sorted.
package func listDirectory(_ path: String) throws -> [String] {
    try Directory(path: path).names().sorted()
}

/// Makes a symbolic link.
package func makeSymbolicLink(_ path: String, to target: String) throws {
    guard symlink(target, path) == 0 else { throw KernelError("link \(path)", Errno(rawValue: Glibc.errno)) }
}

/// Makes a second name for a file.
package func makeHardLink(_ path: String, to target: String) throws {
    guard link(target, path) == 0 else { throw KernelError("link \(path)", Errno(rawValue: Glibc.errno)) }
}

/// Makes a directory.
package func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o755) == 0 else { throw KernelError("make \(path)", Errno(rawValue: Glibc.errno)) }
}

/// Says when a file was last written, in seconds since 1970.
package func setModificationTime(_ path: String, seconds: Int) throws {
    let time = timeval(tv_sec: seconds, tv_usec: 0)
    guard utimes(path, [time, time]) == 0 else { throw KernelError("age \(path)", Errno(rawValue: Glibc.errno)) }
}

/// By how much a file's stamp may lag behind the clock, in nanoseconds: the kernel stamps by its slowest tick, 100 Hz.
package let oneTick: Int64 = 10_000_000
