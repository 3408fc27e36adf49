// SPDX-License-Identifier: Apache-2.0

/// Every statement that the index is asked, each prepared at most once for a process.
enum IndexQuery: Int {
    case readMeta, writeMeta
    case lease, leasesOfContainer, leasesBehind, rested, resting, sightings, containers, putLease, dropLease
    case runAtOrBefore, runAfter, addRun, dropRun, replaceRun
    case leasesOfContainers, tally

    static let count = 18

    /// Tables without row numbers: a lease is found by its address in one tree.
    ///
    /// Keys of addresses are ``IPAddress/sortKey``.
    static let schema = """
        CREATE TABLE meta(
            id INTEGER PRIMARY KEY, version INTEGER, path TEXT, device INTEGER, inode INTEGER, modified INTEGER,
            generation INTEGER, folded INTEGER);
        CREATE TABLE lease(
            address BLOB PRIMARY KEY, container TEXT, interface TEXT, state INTEGER, generation INTEGER,
            file INTEGER, modified INTEGER, netns TEXT, device INTEGER, inode INTEGER, namespace TEXT, name TEXT, uid TEXT, identity TEXT,
            created INTEGER, since INTEGER) WITHOUT ROWID;
        CREATE INDEX owner ON lease(container);
        CREATE INDEX resting ON lease(since) WHERE state IN (3, 4);
        CREATE TABLE run(first BLOB PRIMARY KEY, last BLOB) WITHOUT ROWID;
        """

    private static let columns = """
        SELECT address, container, interface, state, generation, file, modified, netns, device, inode, namespace, \
        name, uid, identity, created, since FROM lease
        """

    var sql: String {
        switch self {
        case .readMeta: "SELECT version, path, device, inode, modified, generation, folded FROM meta WHERE id = 1"
        case .writeMeta: "INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?, ?, ?, ?, ?)"
        case .lease: "\(IndexQuery.columns) WHERE address = ?"
        case .leasesOfContainer: "\(IndexQuery.columns) WHERE container = ?"
        case .leasesBehind: "\(IndexQuery.columns) WHERE address > ? ORDER BY address"
        case .leasesOfContainers:
            "\(IndexQuery.columns) WHERE container >= ? AND container < ? ORDER BY container LIMIT ?"
        case .tally:
            """
            SELECT COUNT(*), SUM(state = 2), SUM(state IN (3, 4)), SUM(state IN (3, 4) AND since > ?), SUM(state = 5) \
            FROM lease WHERE address >= ? AND address <= ?
            """
        case .rested: "SELECT address FROM lease WHERE state IN (3, 4) AND state = 3 AND since <= ? ORDER BY since"
        case .resting:
            """
            SELECT address, since FROM lease WHERE state IN (3, 4) AND (since, address) > (?, ?) \
            AND address > ? AND address < ? ORDER BY since, address LIMIT 1
            """
        case .sightings: "SELECT address, state, file, modified FROM lease ORDER BY address"
        case .containers: "SELECT DISTINCT container FROM lease"
        case .putLease: "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        case .dropLease: "DELETE FROM lease WHERE address = ?"
        case .runAtOrBefore: "SELECT first, last FROM run WHERE first <= ? ORDER BY first DESC LIMIT 1"
        case .runAfter: "SELECT first, last FROM run WHERE first > ? ORDER BY first LIMIT 1"
        case .addRun: "INSERT INTO run VALUES (?, ?)"
        case .dropRun: "DELETE FROM run WHERE first = ?"
        case .replaceRun: "UPDATE run SET first = ?, last = ? WHERE first = ?"
        }
    }
}
