// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("File locks")
struct LockTests {
    private static func open(_ path: String) throws(KernelError) -> Descriptor {
        try Descriptor(opening: path, O_RDWR | O_CREAT, mode: 0o600)
    }

    @Test("A lock excludes others until its file is closed")
    func exclusion() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/lock"
            let other = try Self.open(path)
            do {
                let holder = try Self.open(path)
                try holder.lock("it", waitingAtMost: .seconds(20))
                #expect(throws: KernelError("lock it", .wouldBlock)) { try other.lock("it", waitingAtMost: .zero) }
                #expect(holder.rawValue != other.rawValue)
            }
            try other.lock("it", waitingAtMost: .seconds(20))
            // Who holds it already may say so again.
            try other.lock("it", waitingAtMost: .seconds(60))
        }
    }

    @Test("The holder of a lock is named, and nobody when nobody holds it")
    func holder() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/lock"
            let file = try Self.open(path)
            #expect(FileLock.holder(of: try file.status(path)) == nil)
            try file.lock("it", waitingAtMost: .seconds(20))
            let holder = try #require(FileLock.holder(of: try file.status(path)))
            #expect(holder.hasPrefix("held by process \(getpid()) ("))
        }
    }

    @Test("Each of many threads gives up when its own time is over, none before")
    func bounds() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/lock"
            let holder = try Self.open(path)
            try holder.lock("it", waitingAtMost: .seconds(20))
            let waits = try onThreads(8) { number in
                let bound = Duration.milliseconds(10 + 10 * number)
                let file = try Self.open(path)
                var refusal: KernelError?
                let elapsed = ContinuousClock().measure {
                    do throws(KernelError) {
                        try file.lock("it", waitingAtMost: bound)
                    } catch {
                        refusal = error
                    }
                }
                return (refusal, elapsed >= bound, elapsed < .seconds(20))
            }
            #expect(waits.allSatisfy { $0.0 == KernelError("lock it", .wouldBlock) })
            #expect(waits.allSatisfy { $0.1 && $0.2 })
        }
    }

    @Test("The wait is bounded also for a thread that blocks every signal")
    func blockedSignals() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/lock"
            let holder = try Self.open(path)
            try holder.lock("it", waitingAtMost: .seconds(20))
            let (refusal, stillBlocked) = try OwnThread {
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_SETMASK, &all, nil)
                var refusal: KernelError?
                do throws(KernelError) {
                    try Self.open(path).lock("it", waitingAtMost: .milliseconds(20))
                } catch {
                    refusal = error
                }
                var mask = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &mask)
                return (refusal, sigismember(&mask, SIGALRM) == 1)
            }.join()
            #expect(refusal == KernelError("lock it", .wouldBlock))
            #expect(stillBlocked)
        }
    }

    @Test("Threads that wait for one lock hold it one after the other")
    func queue() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/counter"
            try writeFile(path, "0")
            _ = try onThreads(8) { _ in
                for _ in 0..<50 {
                    let file = try Self.open(path)
                    try file.lock(path, waitingAtMost: .seconds(60))
                    let count = Int(String(decoding: try file.readSmallFile(path), as: UTF8.self)) ?? -1
                    file.rewind()
                    try file.writeAll(Array("\(count + 1)".utf8), path)
                }
            }
            #expect(try readFile(path) == "400")
        }
    }
}
