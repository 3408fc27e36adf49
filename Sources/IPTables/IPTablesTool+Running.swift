// SPDX-License-Identifier: Apache-2.0
internal import Linux

extension IPTablesTool {
    /// Runs one of the programs.
    ///
    /// - Returns: its standard output.
    /// - Throws: ``IPTablesError``.
    func run(_ program: String, _ arguments: [String], input: [UInt8]) throws(IPTablesError) -> [UInt8] {
        let child: ChildProcess
        do throws(KernelError) {
            child = try ChildProcess.run(
                program,
                [program] + arguments,
                environment: Self.environment(),
                input: input,
                limit: 256 << 20,
                errorLimit: 16 << 10
            )
        } catch {
            throw IPTablesError.kernel(error)
        }
        if child.ending == .exited(0) { return child.output }
        let message = Self.oneLine(child.errors)
        // RESOURCE_PROBLEM of xtables.h is more than this; only the text tells.
        if child.ending == .exited(4), Self.speaksOfLock(message) {
            throw IPTablesError.busy(program: program, message: message)
        }
        throw IPTablesError.refused(
            program: program,
            ending: child.ending,
            message: message,
            line: Self.complaint(in: message).flatMap { Self.line($0, of: input) }
        )
    }

    /// What the programs look at, and where they find modprobe(8).
    private static func environment() -> [String] {
        var result = ["LC_ALL=C", "PATH=\(usualDirectories)"]
        for name in ["XTABLES_LIBDIR", "XTABLES_LOCKFILE"] {
            if let value = Machine.variable(name) { result.append("\(name)=\(value)") }
        }
        return result
    }

    /// Joins the lines of a complaint, without the hint to look at the manual.
    static func oneLine(_ text: [UInt8]) -> String {
        var result = ""
        for line in text.split(separator: ASCIICode.newline) {
            let line = String(decoding: line, as: UTF8.self)
            if line.utf8.starts(with: "Try `".utf8) { continue }
            result += (result.isEmpty ? "" : " ") + line
        }
        return result
    }

    /// Whether `xtables lock` occurs.
    static func speaksOfLock(_ message: String) -> Bool {
        let words = message.utf8.split { $0 == ASCIICode.blank || $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ".") }
        return words.indices.dropLast().contains { index in
            words[index].elementsEqual("xtables".utf8) && words[index + 1].elementsEqual("lock".utf8)
        }
    }

    /// The number in `line 3 failed`, `line: 3` or `line 3:`.
    static func complaint(in message: String) -> Int? {
        let words = message.utf8.split { $0 == ASCIICode.blank || $0 == UInt8(ascii: ":") }
        for index in words.indices.dropLast() where words[index].elementsEqual("line".utf8) {
            if let number = Int(Substring(words[index + 1])) { return number }
        }
        return nil
    }

    private static func line(_ number: Int, of input: [UInt8]) -> String? {
        let lines = input.split(separator: ASCIICode.newline, omittingEmptySubsequences: false)
        guard number > 0, number <= lines.count, !lines[number - 1].isEmpty else { return nil }
        return String(decoding: lines[number - 1], as: UTF8.self)
    }
}
