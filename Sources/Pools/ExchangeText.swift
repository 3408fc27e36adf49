// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// The forms in which leases are exported and imported.
package enum ExchangeForm: String, Hashable, Sendable, CaseIterable {
    /// One object a line.
    case jsonl
    /// RFC 4180, with titles.
    case csv
    /// Lease directories as host-local has them.
    case hostLocal = "host-local"
}

/// Reads exports.
package enum ExchangeText {
    /// The rows of a text.
    ///
    /// - Parameters:
    ///   - text: a file's content.
    ///   - form: JSON lines or CSV.
    ///   - network: of rows that name none.
    ///   - file: its name, for errors.
    /// - Returns: in the order of the lines.
    /// - Throws: ``PoolFailure`` naming the line.
    package static func rows(
        of text: [UInt8],
        _ form: ExchangeForm,
        network: String?,
        file: String
    ) throws(PoolFailure) -> [ExchangeRow] {
        var rows: [ExchangeRow] = []
        var titles: [String]?
        for (number, line) in lines(text) {
            do throws(PoolFailure) {
                let values: [String: String]
                if form == .csv {
                    let fields = try fields(line)
                    guard let known = titles else {
                        titles = try header(fields)
                        continue
                    }
                    guard fields.count == known.count else {
                        throw PoolFailure("it has \(fields.count) fields instead of \(known.count)")
                    }
                    values = Dictionary(zip(known, fields)) { _, last in last }
                } else {
                    values = try members(line)
                }
                rows.append(try ExchangeRow(values: values, network: network))
            } catch {
                throw PoolFailure("\(file), line \(number): \(error.message)", advice: error.advice)
            }
        }
        return rows
    }

    /// Lines that are not empty, with their numbers from 1.
    private static func lines(_ text: [UInt8]) -> [(number: Int, line: [UInt8])] {
        text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated().compactMap {
            let line = $1.last == UInt8(ascii: "\r") ? $1.dropLast() : $1
            return line.allSatisfy { $0 == UInt8(ascii: " ") } ? nil : ($0 + 1, Array(line))
        }
    }

    private static func members(_ line: [UInt8]) throws(PoolFailure) -> [String: String] {
        do {
            var values: [String: String] = [:]
            let object = JSONReader(try JSONValue(parsing: line))
            for column in ExchangeRow.columns { values[column] = try object.string(column) }
            return values
        } catch {
            throw PoolFailure("it is no JSON object of strings: \(error)")
        }
    }

    private static func header(_ fields: [String]) throws(PoolFailure) -> [String] {
        guard fields.contains("address") else {
            throw PoolFailure("titles are missing: the first line says \(ExchangeRow.csvHeader), or some of these")
        }
        for field in fields where !ExchangeRow.columns.contains(field) {
            throw PoolFailure("the column \"\(field)\" is unknown: there are \(ExchangeRow.csvHeader)")
        }
        return fields
    }

    private static func fields(_ line: [UInt8]) throws(PoolFailure) -> [String] {
        let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var position = 0
        while position < line.count {
            let octet = line[position]
            position += 1
            if octet == quote {
                if isQuoted, position < line.count, line[position] == quote {
                    field.append(quote)
                    position += 1
                } else {
                    isQuoted.toggle()
                }
            } else if octet == comma, !isQuoted {
                fields.append(String(decoding: field, as: UTF8.self))
                field = []
            } else {
                field.append(octet)
            }
        }
        guard !isQuoted else { throw PoolFailure("a quotation mark is open at its end") }
        return fields + [String(decoding: field, as: UTF8.self)]
    }
}
