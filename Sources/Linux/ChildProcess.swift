// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A program that was run to its end.
package struct ChildProcess: Sendable {
    package enum Ending: Hashable, Sendable, CustomStringConvertible {
        case exited(CInt)
        case killed(signal: CInt)

        package var description: String {
            switch self {
            case .exited(let status): "exit status \(status)"
            case .killed(let signal): "killed by signal \(signal)"
            }
        }
    }

    package let ending: Ending
    /// All it wrote to its standard output.
    package let output: [UInt8]
    /// The beginning of what it wrote to its standard error; empty when that was passed through.
    package let errors: [UInt8]

    /// Runs a program to its end: no shell.
    ///
    /// `path`: the program; PATH is not searched.
    /// `arguments`: beginning with the program's own name.
    /// `environment`: all of it, as `NAME=value`.
    /// `input`: its standard input.
    /// `limit`: how many bytes of output are taken; a program that writes more is refused with `EFBIG`.
    /// `errorLimit`: how many bytes of standard error are kept; with nil it is passed through.
    /// - Throws: ``KernelError`` when it cannot be started or its output cannot be read.
    package static func run(
        _ path: String,
        _ arguments: [String],
        environment: [String],
        input: [UInt8],
        limit: Int = 16 << 20,
        errorLimit: Int? = nil
    ) throws(KernelError) -> ChildProcess {
        // A memory file instead of a pipe: no deadlock however much is in it, and no SIGPIPE.
        let memory = culvert_open_memory_file("stdin")
        guard memory >= 0 else { throw KernelError("create memory file", Errno(rawValue: -memory)) }
        let source = Descriptor(adopting: memory)
        try source.writeAll(input, "memory file")
        source.rewind()

        var output = try Pipe()
        guard let errorLimit else {
            let process = try spawn(path, arguments, environment, source.rawValue, output.writingEnd, nil)
            output.closeWritingEnd()
            return try finish(process) { () throws(KernelError) in
                (try output.reading.readAll("output of \(path)", limit: limit), [])
            }
        }
        var errors = try Pipe()
        let process = try spawn(path, arguments, environment, source.rawValue, output.writingEnd, errors.writingEnd)
        output.closeWritingEnd()
        errors.closeWritingEnd()
        return try finish(process) { () throws(KernelError) in
            try Pipe.readBoth(output, errors, "output of \(path)", limit: limit, otherLimit: errorLimit)
        }
    }

    /// Waits for a child whose output somebody reads to the end; kills it when they give up.
    private static func finish(
        _ process: pid_t,
        reading read: () throws(KernelError) -> ([UInt8], [UInt8])
    ) throws(KernelError) -> ChildProcess {
        let (output, errors): ([UInt8], [UInt8])
        do throws(KernelError) {
            (output, errors) = try read()
        } catch {
            kill(process, SIGKILL)
            _ = reap(process)
            throw error
        }
        return ChildProcess(ending: reap(process), output: output, errors: errors)
    }

    private static func spawn(
        _ path: String,
        _ arguments: [String],
        _ environment: [String],
        _ stdin: CInt,
        _ stdout: CInt,
        _ stderr: CInt?
    ) throws(KernelError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, stdin, 0)
        posix_spawn_file_actions_adddup2(&actions, stdout, 1)
        if let stderr { posix_spawn_file_actions_adddup2(&actions, stderr, 2) }
        // Whatever this thread blocks, a program can be interrupted and killed.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var process: pid_t = 0
        let result = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&process, path, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw KernelError("run \(path)", Errno(rawValue: result)) }
        return process
    }

    private static func reap(_ process: pid_t) -> Ending {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0 {
            // Only EINTR leaves a child of ours to wait for.
            guard Errno.current == .interrupted else { return .exited(-1) }
        }
        // WIFEXITED and WEXITSTATUS of wait(2), which are macros.
        return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: status & 0x7f)
    }

    private static func withCStrings<Value>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
