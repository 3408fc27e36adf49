// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Linux

/// A thread that runs one body, with a table of descriptors of its own: neither a namespace it enters nor a descriptor
/// it forgets is anybody else's business, and nobody else's descriptors confuse the count.
package final class OwnThread<Value: Sendable> {
    private let thread: pthread_t
    private let job: Job<Value>

    /// Starts at once.
    ///
    /// - Parameter body: looks, and returns what it saw; an expectation in it would be booked to no test.
    /// - Throws: ``KernelError`` when there is no room for another thread.
    package init(_ body: @escaping @Sendable () throws -> Value) throws {
        let job = Job(body)
        self.job = job
        thread = try start { job.run() }
    }

    /// Waits for the end of the body; once.
    ///
    /// - Returns: what the body returned.
    /// - Throws: what the body threw, or ``LeakedDescriptors``.
    package func join() throws -> Value {
        pthread_join(thread, nil)
        guard let outcome = job.outcome else { preconditionFailure("a thread ended without an outcome") }
        return try outcome.get()
    }
}

/// Shared by two threads, but never at the same time: the new one writes, and whoever joined it reads.
private final class Job<Value: Sendable>: @unchecked Sendable {
    private let body: @Sendable () throws -> Value
    private(set) var outcome: Result<Value, any Error>?

    init(_ body: @escaping @Sendable () throws -> Value) {
        self.body = body
    }

    func run() {
        outcome = Result { try withOwnDescriptors(body) }
    }
}

/// What pthread_create(3) hands over.
private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}

private func start(_ body: @escaping @Sendable () -> Void) throws -> pthread_t {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Start(body))
    let result = pthread_create(&thread, nil, run, argument.toOpaque())
    guard result == 0 else {
        argument.release()
        throw KernelError("start thread", Errno(rawValue: result))
    }
    return thread
}

private func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
    return nil
}

/// What a body opened and did not close.
package struct LeakedDescriptors: Error, Hashable {
    /// What the descriptors refer to, such as `socket:[4711]`.
    package let files: [String]
}

private func withOwnDescriptors<Value>(_ body: () throws -> Value) throws -> Value {
    let result = culvert_own_descriptors()
    guard result == 0 else { throw KernelError("unshare descriptors", Errno(rawValue: result)) }
    let value = try body()
    let leaked = openDescriptors().filter { $0.number > 2 }
    guard leaked.isEmpty else { throw LeakedDescriptors(files: leaked.map(\.file)) }
    return value
}

/// The calling thread's descriptors and what they refer to.
package func openDescriptors() -> [(number: Int, file: String)] {
    // Without opening anything: the table itself must not appear in the list.
    (0..<1024).compactMap { number in
        var target = [UInt8](repeating: 0, count: 256)
        let count = target.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { buffer in
                buffer.baseAddress.map { readlink("/proc/thread-self/fd/\(number)", $0, buffer.count) } ?? -1
            }
        }
        return count < 0 ? nil : (number, String(decoding: target.prefix(count), as: UTF8.self))
    }
}

/// Runs a body on so many threads at once.
///
/// - Returns: what they returned, in their order.
/// - Throws: what the first of those that threw threw, when all have ended.
package func onThreads<Value: Sendable>(
    _ count: Int,
    _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
    let threads = try (0..<count).map { number in try OwnThread { try body(number) } }
    return try threads.map { thread in Result { try thread.join() } }.map { try $0.get() }
}
