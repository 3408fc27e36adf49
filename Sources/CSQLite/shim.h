// SPDX-License-Identifier: Apache-2.0
// SQLite, and the calls of it that Swift cannot spell: variable arguments, and a constant that is no address.
#pragma once

#include <sqlite3.h>

/// For a process of one thread that lives for a millisecond, before anything else of SQLite is called: no mutexes, no
/// statistics, and no pages of memory that are set up and never used.
static inline int culvert_sqlite_be_small(void) {
    int result = sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    if (result == SQLITE_OK) result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (result == SQLITE_OK) result = sqlite3_config(SQLITE_CONFIG_PAGECACHE, (void *)0, 0, 0);
    return result;
}

/// sqlite3_bind_text with a copy of the text, which so need not outlive the call.
static inline int culvert_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}

/// sqlite3_bind_blob with a copy of the octets.
static inline int culvert_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *octets, int length) {
    return sqlite3_bind_blob(statement, index, octets, length, SQLITE_TRANSIENT);
}
