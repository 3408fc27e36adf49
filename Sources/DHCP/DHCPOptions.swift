// SPDX-License-Identifier: Apache-2.0

/// The options of a message, each once, in the order in which they came.
package struct DHCPOptions: Hashable, Sendable {
    /// One option and its value.
    package struct Entry: Hashable, Sendable {
        package let code: DHCPOptionCode
        package var value: [UInt8]

        package init(code: DHCPOptionCode, value: [UInt8]) {
            self.code = code
            self.value = value
        }
    }

    package private(set) var entries: [Entry] = []

    package init() {}

    /// The value of an option.
    ///
    /// Setting one that is there keeps its place; nil removes it.
    package subscript(code: DHCPOptionCode) -> [UInt8]? {
        get {
            entries.first { $0.code == code }?.value
        }
        set {
            let index = entries.firstIndex { $0.code == code }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (nil, let value?): entries.append(Entry(code: code, value: value))
            case (let index?, nil): entries.remove(at: index)
            case (nil, nil): break
            }
        }
    }

    /// Reads the options of one field, behind those that are there.
    ///
    /// An option that comes again is continued: its parts are one value. RFC 3396, 7.
    ///
    /// - Returns: false when an option reaches beyond the field.
    mutating func append(parsing field: ArraySlice<UInt8>) -> Bool {
        var position = field.startIndex
        while position < field.endIndex {
            let code = DHCPOptionCode(rawValue: field[position])
            position += 1
            if code == .pad { continue }
            if code == .end { return true }
            guard position < field.endIndex else { return false }
            let end = position + 1 + Int(field[position])
            guard end <= field.endIndex else { return false }
            self[code] = (self[code] ?? []) + field[(position + 1)..<end]
            position = end
        }
        return true
    }

    /// The octets of all options and the end mark; a value longer than 255 octets goes in parts.
    ///
    /// RFC 3396, 6.
    var octets: [UInt8] {
        var octets: [UInt8] = []
        for entry in entries {
            var rest = entry.value[...]
            repeat {
                let part = rest.prefix(255)
                octets += [entry.code.rawValue, UInt8(part.count)]
                octets += part
                rest = rest.dropFirst(255)
            } while !rest.isEmpty
        }
        octets.append(DHCPOptionCode.end.rawValue)
        return octets
    }
}
