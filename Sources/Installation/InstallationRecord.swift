// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What an installer remembers of a directory: which programs there are its own, and what it is just doing.
///
/// It is replaced as a whole, so that it says the one or the other; a process that finds it knows how to go on.
package struct InstallationRecord: Hashable, Sendable {
    /// Programs that were installed together.
    package struct Set: Hashable, Sendable {
        /// Counts up: the set's files are in the directory `set-NUMBER`.
        package let number: Int
        /// The release of the installer.
        package let release: String
        /// The SHA-512 digest of each program by its name.
        package let programs: [String: String]
    }

    /// A change of all names from one set to another, which may have been cut off.
    package struct Change: Hashable, Sendable {
        /// The directory with what the names stood for, and shall stand for: `set-NUMBER`.
        package let number: Int
        /// All names that change.
        package let names: [String]
    }

    /// The network configuration that was installed along.
    package struct Configuration: Hashable, Sendable {
        package let name: String
        /// The SHA-512 digest of what was written.
        package let digest: String
    }

    /// What is installed; nil before the first time, and while it is taken away.
    package var installed: Set?
    /// What shall be installed when the change is over; nil when everything is to be taken away.
    package var wanted: Set?
    /// Nil when nothing is going on.
    package var change: Change?
    package var configuration: Configuration?

    package init(installed: Set? = nil) {
        self.installed = installed
    }
}

extension InstallationRecord {
    /// The layout that is written; a greater one is a later release's.
    private static let layout = 1

    package var json: JSONValue {
        var object: JSONObject = ["layout": .integer(Int64(InstallationRecord.layout))]
        object[exact: "installed"] = installed.map { $0.json }
        object[exact: "wanted"] = wanted.map { $0.json }
        object[exact: "change"] = change.map {
            ["set": .integer(Int64($0.number)), "names": .array($0.names.map { .string($0) })]
        }
        object[exact: "configuration"] = configuration.map {
            ["name": .string($0.name), "sha512": .string($0.digest)]
        }
        return .object(object)
    }

    /// - Throws: `JSONTypeError` when it is not such a record, or one of a later layout.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        guard let layout = try reader.member("layout") else { throw reader.mismatch(expected: "a record") }
        guard try layout.integer() == Int64(InstallationRecord.layout) else {
            throw layout.mismatch(expected: "\(InstallationRecord.layout), as this release writes")
        }
        if let reader = try reader.member("installed") { installed = try Set(reader) }
        if let reader = try reader.member("wanted") { wanted = try Set(reader) }
        if let reader = try reader.member("change") {
            var names: [String] = []
            for name in try reader.array("names") ?? [] { names.append(try InstallationRecord.name(name)) }
            change = Change(number: try InstallationRecord.number(reader), names: names)
        }
        if let reader = try reader.member("configuration"), let name = try reader.member("name") {
            configuration = Configuration(
                name: try InstallationRecord.name(name),
                digest: try reader.string("sha512") ?? ""
            )
        }
    }

    fileprivate static func number(_ reader: JSONReader) throws(JSONTypeError) -> Int {
        guard let number = try reader.integer("set", in: 1...Int.max) else {
            throw reader.mismatch(expected: "an object with a set")
        }
        return number
    }

    /// A name of a file: nothing that leads elsewhere.
    fileprivate static func name(_ reader: JSONReader) throws(JSONTypeError) -> String {
        let name = try reader.string()
        guard InstallationRecord.isName(name) else { throw reader.mismatch(expected: "the name of a file") }
        return name
    }

    static func isName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.contains("/")
    }
}

extension InstallationRecord.Set {
    fileprivate var json: JSONValue {
        var digests: JSONObject = [:]
        for (name, digest) in programs.sorted(by: { $0.key < $1.key }) { digests[exact: name] = .string(digest) }
        return ["set": .integer(Int64(number)), "release": .string(release), "programs": .object(digests)]
    }

    fileprivate init(_ reader: JSONReader) throws(JSONTypeError) {
        number = try InstallationRecord.number(reader)
        release = try reader.string("release") ?? ""
        var programs: [String: String] = [:]
        for member in try reader.object("programs")?.object().members ?? [] {
            let place = JSONReader(.string(member.key), path: "\(reader.path).programs")
            let digest = JSONReader(member.value, path: "\(place.path).\(member.key)")
            programs[try InstallationRecord.name(place)] = try digest.string()
        }
        self.programs = programs
    }
}
