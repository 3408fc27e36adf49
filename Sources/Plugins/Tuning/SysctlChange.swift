// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// A sysctl that ADD writes, and what it and its followers held before.
///
/// All of it happens in the container's namespace: `/proc/sys/net` shows that of who opens its files.
struct SysctlChange {
    private let sysctl: Sysctl
    private let value: String
    /// nil when it cannot be read, and so cannot be taken back.
    private let before: String?
    private let followers: [(sysctl: Sysctl, before: String)]
    private let isNeeded: Bool

    /// Looks, and changes nothing.
    ///
    /// - Throws: ``KernelError`` when the setting is not there, or may not be written though it holds another value.
    init(_ sysctl: Sysctl, _ value: String) throws(KernelError) {
        self.sysctl = sysctl
        self.value = value
        before = sysctl.readIfPossible()
        do throws(KernelError) {
            try sysctl.requireWritable()
            isNeeded = true
        } catch {
            // In a user namespace much of it is read-only, and may be right all the same.
            guard [.readOnlyFileSystem, .permissionDenied].contains(error.errno), let before,
                SysctlChange.isSame(before, value)
            else { throw error }
            isNeeded = false
        }
        var followers: [(sysctl: Sysctl, before: String)] = []
        for follower in try sysctl.followers() {
            if let held = follower.readIfPossible() { followers.append((follower, held)) }
        }
        self.followers = followers
    }

    /// - Throws: ``KernelError``.
    func make() throws(KernelError) {
        if isNeeded { try sysctl.write(value) }
    }

    /// Gives the setting and its followers back what they held.
    ///
    /// - Returns: what could not be taken back, in words.
    func takeBack() -> [String] {
        guard isNeeded else { return [] }
        guard let before else { return ["sysctl \(sysctl) (it cannot be read)"] }
        var leftovers: [String] = []
        for (sysctl, held) in [(sysctl, before)] + followers {
            do throws(KernelError) {
                if let now = sysctl.readIfPossible(), now != held { try sysctl.write(held) }
            } catch {
                leftovers.append("\(error)")
            }
        }
        return leftovers
    }

    /// Whether a setting that reads like this holds this value.
    ///
    /// The kernel separates by tabs what everybody writes with blanks, and prints numbers in its own way.
    static func isSame(_ read: String, _ wanted: String) -> Bool {
        let (one, other) = (words(read), words(wanted))
        return one == other || (one.count == other.count && zip(one, other).allSatisfy { isSameNumber($0, $1) })
    }

    private static func words(_ text: String) -> [String] {
        text.utf8.split { $0 <= UInt8(ascii: " ") }.map { String(Substring($0)) }
    }

    private static func isSameNumber(_ one: String, _ other: String) -> Bool {
        guard let number = number(one) else { return one == other }
        return number == self.number(other)
    }

    /// Decimal, octal with a leading zero or hexadecimal with `0x`, as the kernel reads numbers (proc_dointvec).
    private static func number(_ text: String) -> Int? {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let digits = Array(text.utf8.dropFirst(isNegative ? 1 : 0))
        let isHexadecimal = digits.starts(with: "0x".utf8) || digits.starts(with: "0X".utf8)
        let radix = isHexadecimal ? 16 : digits.first == 0x30 ? 8 : 10
        let body = isHexadecimal ? digits.dropFirst(2) : digits[...]
        guard (1...16).contains(body.count) else { return nil }
        var number = 0
        for octet in body {
            let digit: UInt8
            switch octet {
            case 0x30...0x39: digit = octet - 0x30
            case 0x41...0x46: digit = octet - 0x41 + 10
            case 0x61...0x66: digit = octet - 0x61 + 10
            default: return nil
            }
            guard Int(digit) < radix, number <= Int.max >> 5 else { return nil }
            number = number * radix + Int(digit)
        }
        return isNegative ? -number : number
    }
}
