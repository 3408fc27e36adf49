// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import Linux
import TestSupport

@testable import IPTables

/// Both implementations, for both families.
struct Kind: Sendable, CustomStringConvertible {
    let variant: IPTablesTool.Variant
    let family: AddressFamily

    var description: String { "\(variant) \(family.name)" }

    func tool(lockSeconds: Int = 10) throws -> IPTablesTool {
        try IPTablesTool(family, variant, path: nil, lockSeconds: lockSeconds)
    }

    /// The beginning of the programs' names.
    var program: String { "\(family == .v4 ? "iptables" : "ip6tables")-\(variant)" }

    static let all = [
        Kind(variant: .nft, family: .v4), Kind(variant: .nft, family: .v6),
        Kind(variant: .legacy, family: .v4), Kind(variant: .legacy, family: .v6),
    ]
}

/// Puts a file into a directory that can be executed.
func writeScript(_ path: String, _ text: String) throws {
    try writeFile(path, "#!/bin/sh\n\(text)\n", mode: 0o755)
}

/// Runs a program that must succeed.
@discardableResult
func run(_ path: String, _ arguments: [String], input: String = "") throws -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let child = try ChildProcess.run(
        path,
        [name] + arguments,
        environment: ["PATH=/usr/sbin:/usr/bin"],
        input: Array(input.utf8),
        errorLimit: 4096
    )
    guard child.ending == .exited(0) else {
        throw Refused(text: "\(arguments): \(String(decoding: child.errors + child.output, as: UTF8.self))")
    }
    return String(decoding: child.output, as: UTF8.self)
}

struct Refused: Error {
    let text: String
}

/// The calling thread as seen from other threads and processes.
func thread() throws -> String {
    var target = [UInt8](repeating: 0, count: 256)
    let count = target.withUnsafeMutableBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { buffer in
            buffer.baseAddress.map { readlink("/proc/thread-self", $0, buffer.count) } ?? -1
        }
    }
    guard count > 0 else { throw KernelError("read /proc/thread-self", .current) }
    return "/proc/" + String(decoding: target.prefix(count), as: UTF8.self)
}

/// What of a table is not empty and built-in: chain by chain, since the order of chains differs.
func layout(_ contents: IPTablesContents) -> [String] {
    contents.chains.filter { $0.utf8.contains(UInt8(ascii: "-")) }.sorted().map { ":\($0)" }
        + Set(contents.rules.map(\.chain)).sorted().flatMap { contents.rules(in: $0).map { "\($0)" } }
}
