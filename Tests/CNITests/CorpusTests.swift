// SPDX-License-Identifier: Apache-2.0
import FuzzBodies
import Glibc
import Testing

/// Replays what the fuzzers collected in `Fuzz`, one test case per file.
@Suite("The fuzzers' corpus")
struct CorpusTests {
    private static let configurations = files(in: "Configuration")
    private static let results = files(in: "Result")
    private static let frames = files(in: "Frame")

    @Test("Every configuration keeps its promises", arguments: configurations)
    func configuration(file: String) throws {
        try exerciseConfiguration(try contents(of: file))
    }

    @Test("Every result keeps its promises", arguments: results)
    func result(file: String) throws {
        try exerciseResult(try contents(of: file))
    }

    @Test("Every frame keeps its promises", arguments: frames)
    func frame(file: String) throws {
        try exerciseFrame(try contents(of: file))
    }

    @Test("No corpus is lost")
    func present() {
        #expect(Self.configurations.count > 50)
        #expect(Self.results.count > 50)
        #expect(Self.frames.count > 50)
    }

    private static func files(in folder: String) -> [String] {
        let repository = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        var found = glob_t()
        defer { globfree(&found) }
        guard glob("/\(repository)/Fuzz/\(folder)/corpus/*", 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { index in
            found.gl_pathv[index].map { String(cString: $0) }
        }
    }

    private func contents(of file: String) throws -> [UInt8] {
        let stream = try #require(fopen(file, "r"))
        defer { fclose(stream) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, stream)
        try #require(count < bytes.count)
        return Array(bytes.prefix(count))
    }
}
