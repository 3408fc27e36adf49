// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNI
internal import Linux
internal import Plugin

/// The sysctls that the machine's administrator lets networks set: one regular expression a line, of which one has to
/// fit some part of the key as it is written in the configuration.
struct SysctlAllowlist {
    /// Not to be chosen by who calls: it is there to bind them.
    private static let path = "/etc/cni/tuning/allowlist.conf"

    private let lines: [String]

    /// Lines without blanks around them; empty ones say nothing.
    init(_ text: String) {
        let blanks = Array(" \t\r\u{0b}\u{0c}".utf8)
        lines = text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let first = line.firstIndex(where: { !blanks.contains($0) }),
                let last = line.lastIndex(where: { !blanks.contains($0) })
            else { return nil }
            return String(Substring(line[first...last]))
        }
    }

    /// Reads the administrator's list; nil when there is none, which allows everything.
    ///
    /// - Throws: ``CNIError`` when there is one that cannot be read.
    static func installed() throws(CNIError) -> SysctlAllowlist? {
        do throws(KernelError) {
            guard try FileStatus.of(path) != nil else { return nil }
            let octets = try Descriptor(opening: path, O_RDONLY).readAll(path, limit: 1 << 20)
            return SysctlAllowlist(String(decoding: octets, as: UTF8.self))
        } catch {
            throw CNIError(.invalidConfiguration, "cannot read the list of allowed sysctls", error)
        }
    }

    /// - Throws: ``CNIError``, code 7, naming the first setting that no line allows, or the line that cannot be read.
    func permit(_ settings: [SysctlSetting]) throws(CNIError) {
        for setting in settings where try !permits(setting.key) {
            throw CNIError(
                .invalidConfiguration,
                "Sysctl \(setting.key) is not allowed",
                details: "\(Self.path) allows only: \(lines.joined(separator: " "))"
            )
        }
    }

    /// Lines are looked at up to the first that fits.
    private func permits(_ key: String) throws(CNIError) -> Bool {
        for (number, line) in lines.enumerated() {
            do throws(SysctlPattern.Refusal) {
                if try SysctlPattern(line).matches(key) { return true }
            } catch {
                throw CNIError(
                    .invalidConfiguration,
                    "cannot read the list of allowed sysctls",
                    details: "\(Self.path), expression \(number + 1), \"\(line)\": \(error.reason); correct it there"
                )
            }
        }
        return false
    }
}
