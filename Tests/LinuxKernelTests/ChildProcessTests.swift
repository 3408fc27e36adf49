// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Child processes")
struct ChildProcessTests {
    /// Runs a line of shell, on a thread whose descriptors are counted.
    private static func shell(
        _ script: String,
        environment: [String] = [],
        input: [UInt8] = [],
        limit: Int = 1 << 20
    ) throws -> ChildProcess {
        try OwnThread {
            try ChildProcess.run(
                "/bin/sh",
                ["sh", "-c", script, "name", "first argument"],
                environment: environment,
                input: input,
                limit: limit
            )
        }.join()
    }

    @Test("A program's output and exit status come back", arguments: [0, 1, 42, 255])
    func ending(status: Int) throws {
        let child = try Self.shell("printf 'out\\n\\000'; printf err >/dev/null; exit \(status)")
        #expect(child.output == Array("out\n\0".utf8))
        #expect(child.ending == .exited(CInt(status)))
        #expect("\(child.ending)" == "exit status \(status)")
    }

    @Test("A program that is killed did not exit", arguments: [SIGKILL, SIGTERM, SIGSEGV])
    func killed(signal: CInt) throws {
        let child = try Self.shell("printf before; kill -\(signal) $$; printf after")
        #expect(child.output == Array("before".utf8))
        #expect(child.ending == .killed(signal: signal))
        #expect("\(child.ending)" == "killed by signal \(signal)")
    }

    @Test("Arguments arrive as they are, and nothing of our environment does")
    func arguments() throws {
        let child = try Self.shell(
            #"printf '%s|%s|%s|%s' "$0" "$1" "$A" "${HOME-unset}""#,
            environment: ["A=b c=d", "EMPTY="]
        )
        #expect(String(decoding: child.output, as: UTF8.self) == "name|first argument|b c=d|unset")
    }

    @Test("Any amount of input arrives, also when nobody reads it", arguments: [0, 1, 65_536, 65_537, 2_000_000])
    func input(count: Int) throws {
        let input = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let child = try Self.shell("exec cat", input: input, limit: 1 << 22)
        #expect(child.output == input)
        #expect(child.ending == .exited(0))
        #expect(try Self.shell("exit 3", input: input).ending == .exited(3))
    }

    @Test("A program that says more than the limit is stopped")
    func limit() throws {
        #expect(try Self.shell("printf 12345", limit: 5).output == Array("12345".utf8))
        #expect(throws: KernelError("read output of /bin/sh", Errno(rawValue: EFBIG))) {
            try Self.shell("exec cat /dev/zero", limit: 5)
        }
    }

    @Test(
        "What a program says of itself is kept as far as was asked, however much it says of either",
        arguments: [0, 5, 1 << 20]
    )
    func errors(limit: Int) throws {
        let script = "head -c 300000 /dev/zero | tr '\\0' e >&2; head -c 300000 /dev/zero; printf end >&2; exit 7"
        let child = try OwnThread {
            try ChildProcess.run("/bin/sh", ["sh", "-c", script], environment: [], input: [], errorLimit: limit)
        }.join()
        #expect(child.ending == .exited(7))
        #expect(child.output.count == 300_000)
        let all = [UInt8](repeating: UInt8(ascii: "e"), count: 300_000) + Array("end".utf8)
        #expect(child.errors == Array(all.prefix(limit)))
    }

    @Test("A program that says too much is stopped, also when its errors are kept")
    func limitWithErrors() throws {
        #expect(throws: KernelError("read output of /bin/sh", Errno(rawValue: EFBIG))) {
            try OwnThread {
                try ChildProcess.run(
                    "/bin/sh",
                    ["sh", "-c", "exec cat /dev/zero"],
                    environment: [],
                    input: [],
                    limit: 5,
                    errorLimit: 5
                )
            }.join()
        }
    }

    @Test("A program inherits no descriptor but the three")
    func descriptors() throws {
        let listing = try OwnThread {
            let forgotten = try Descriptor(opening: "/dev/null", O_RDONLY)
            let child = try ChildProcess.run(
                "/bin/ls",
                ["ls", "/proc/self/fd"],
                environment: [],
                input: []
            )
            return (forgotten.rawValue, String(decoding: child.output, as: UTF8.self))
        }.join()
        // The fourth is the directory being listed.
        #expect(listing.1 == "0\n1\n2\n3\n")
        #expect(listing.0 == 3)
    }

    @Test(
        "What cannot be run is named",
        arguments: [
            ("/nowhere/at/all", Errno.noSuchFileOrDirectory), ("/etc/passwd", .permissionDenied),
            ("/", .permissionDenied),
        ]
    )
    func refusal(path: String, errno: Errno) throws {
        #expect(throws: KernelError("run \(path)", errno)) {
            try OwnThread { try ChildProcess.run(path, [path], environment: [], input: []) }.join()
        }
    }
}
