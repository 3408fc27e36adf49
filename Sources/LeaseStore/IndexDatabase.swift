// SPDX-License-Identifier: Apache-2.0
internal import CSQLite

/// One SQLite file, or one in memory, with the statements that were prepared for it.
///
/// Nobody else has it open: whoever uses it holds the lock of the lease directory. So SQLite locks nothing itself. A
/// process may die at any point: the rollback journal that it leaves is played back by the next.
final class IndexDatabase {
    private let handle: OpaquePointer
    /// By ``IndexQuery``, prepared when first asked for.
    private var prepared: [OpaquePointer?]
    /// Whether a transaction is open: within one, the file is not looked at anew for each statement.
    private var isInTransaction = false
    /// Whether something was changed since the last ``end()``.
    private(set) var isChanging = false

    /// Opens a file, making it when it is missing.
    ///
    /// - Parameter path: where, or nil for a database in memory, which nothing can be wrong with.
    /// - Throws: ``IndexError``.
    init(path: String?) throws(IndexError) {
        try IndexDatabase.configure()
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = (path ?? ":memory:").withCString { sqlite3_open_v2($0, &opened, flags, "unix-none") }
        guard code == SQLITE_OK, let opened else {
            sqlite3_close_v2(opened)
            throw IndexError.database(code: code == SQLITE_OK ? SQLITE_NOMEM : code, operation: "open")
        }
        handle = opened
        prepared = Array(repeating: nil, count: IndexQuery.count)
        // A cache: what a power cut takes goes with the rest of /run.
        try run("PRAGMA synchronous = OFF; BEGIN")
        isInTransaction = true
    }

    deinit {
        for statement in prepared { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    private static func configure() throws(IndexError) {
        #if hasFeature(Embedded)
            // A plugin has one thread. Refused when SQLite runs already, which then is configured already.
            let code = culvert_sqlite_be_small()
            guard code == SQLITE_OK || code == SQLITE_MISUSE else {
                throw IndexError.database(code: code, operation: "configure")
            }
        #endif
    }

    /// Runs statements without parameters.
    ///
    /// - Throws: ``IndexError``.
    func run(_ sql: String) throws(IndexError) {
        let code = sql.withCString { sqlite3_exec(handle, $0, nil, nil, nil) }
        guard code == SQLITE_OK else { throw IndexError.database(code: code, operation: sql) }
    }

    /// From here on nothing is in the file before ``end()``.
    ///
    /// - Throws: ``IndexError``.
    func begin() throws(IndexError) {
        isChanging = true
        guard !isInTransaction else { return }
        try run("BEGIN")
        isInTransaction = true
    }

    /// Makes everything since ``begin()`` true at once.
    ///
    /// - Throws: ``IndexError``.
    func end() throws(IndexError) {
        try run("COMMIT")
        (isInTransaction, isChanging) = (false, false)
    }

    /// A statement without values yet, and not begun.
    ///
    /// - Throws: ``IndexError``.
    func statement(_ query: IndexQuery) throws(IndexError) -> IndexStatement {
        if let known = prepared[query.rawValue] { return IndexStatement(known, query) }
        var statement: OpaquePointer?
        let code = query.sql.withCString { sqlite3_prepare_v2(handle, $0, -1, &statement, nil) }
        guard code == SQLITE_OK, let statement else { throw IndexError.database(code: code, operation: query.sql) }
        prepared[query.rawValue] = statement
        return IndexStatement(statement, query)
    }

    /// How many rows the last statement changed.
    var changes: Int { Int(sqlite3_changes(handle)) }
}

/// A prepared statement in use; when that ends it can be used anew.
struct IndexStatement: ~Copyable {
    private let handle: OpaquePointer
    private let query: IndexQuery

    fileprivate init(_ handle: OpaquePointer, _ query: IndexQuery) {
        self.handle = handle
        self.query = query
    }

    deinit {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// Values for the parameters, counted from 1.
    func bind(_ index: Int, _ number: Int64) throws(IndexError) {
        try check(sqlite3_bind_int64(handle, CInt(index), number))
    }

    func bind(_ index: Int, _ text: String) throws(IndexError) {
        let length = CInt(text.utf8.count)
        try check(text.withCString { culvert_sqlite_bind_text(handle, CInt(index), $0, length) })
    }

    func bind(_ index: Int, _ octets: [UInt8]) throws(IndexError) {
        let code = octets.withUnsafeBytes {
            culvert_sqlite_bind_blob(handle, CInt(index), $0.baseAddress, CInt($0.count))
        }
        try check(code)
    }

    /// Goes on to the next row.
    ///
    /// - Returns: false when there is none.
    func step() throws(IndexError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw IndexError.database(code: code, operation: query.sql)
        }
    }

    /// Values of the row, counted from 0.
    func number(_ column: Int) -> Int64 { sqlite3_column_int64(handle, CInt(column)) }

    func text(_ column: Int) -> String {
        guard let text = sqlite3_column_text(handle, CInt(column)) else { return "" }
        return String(cString: text)
    }

    func octets(_ column: Int) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(handle, CInt(column)))
        guard count > 0, let octets = sqlite3_column_blob(handle, CInt(column)) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: octets, count: count))
    }

    private func check(_ code: CInt) throws(IndexError) {
        guard code == SQLITE_OK else { throw IndexError.database(code: code, operation: query.sql) }
    }
}
