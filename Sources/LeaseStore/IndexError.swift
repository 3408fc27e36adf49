// SPDX-License-Identifier: Apache-2.0
internal import CSQLite
package import Linux

/// Why the index could not be used, or could not be made.
package enum IndexError: Error, Equatable, CustomStringConvertible {
    /// One of SQLite's result codes, and what was asked.
    case database(code: CInt, operation: String)
    /// The lease directory cannot be read: no other index would do better.
    case files(KernelError)

    package var description: String {
        switch self {
        case .database(let code, let operation):
            "\(operation): \(sqlite3_errstr(code).map { String(cString: $0) } ?? "error \(code)")"
        case .files(let cause): cause.description
        }
    }

    /// A value that nobody can have written.
    static func nonsense(_ operation: String) -> IndexError { .database(code: SQLITE_CORRUPT, operation: operation) }

    /// No file can be where the index belongs.
    static func unavailable(_ operation: String) -> IndexError {
        .database(code: SQLITE_CANTOPEN, operation: operation)
    }

    /// Runs what only the lease directory can refuse.
    static func onFiles<Value>(_ body: () throws(KernelError) -> Value) throws(IndexError) -> Value {
        do throws(KernelError) {
            return try body()
        } catch {
            throw .files(error)
        }
    }
}
