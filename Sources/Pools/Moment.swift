// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// Points of time as people and programs read them.
package enum Moment {
    /// A wall clock's time in UTC (RFC 3339), whole seconds: `2026-11-21T18:30:05Z`.
    ///
    /// - Parameter nanoseconds: since 1970, by ``Machine/wallNanoseconds``.
    /// - Returns: the text; empty for what is no time of ours, before 1970.
    package static func text(ofWall nanoseconds: Int64) -> String {
        guard nanoseconds > 0 else { return "" }
        let seconds = nanoseconds / 1_000_000_000
        let (day, second) = (seconds / 86_400, seconds % 86_400)
        // Civil from days, as Howard Hinnant derives it: years begin in March, eras have 400 of them.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let date = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        return
            "\(year)-\(two(civilMonth))-\(two(date))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }

    /// A wall clock's time of day where this machine is: `18:30:05`.
    package static func clock(_ nanoseconds: Int64) -> String {
        var text = [CChar](repeating: 0, count: 9)
        culvert_local_time(nanoseconds / 1_000_000_000, &text)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The wall clock's time of a moment of the boot clock, if no clock is set meanwhile.
    package static func wall(ofBoot nanoseconds: Int64) -> Int64 {
        Machine.wallNanoseconds - (Machine.bootNanoseconds - nanoseconds)
    }

    /// How long something has been, in two units at most: `45s`, `13m`, `2h13m`, `3d4h`, `412d`.
    package static func age(seconds: Int64) -> String {
        let seconds = max(0, seconds)
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<600: return "\(minutes)m" + (seconds % 60 == 0 ? "" : "\(seconds % 60)s")
        case ..<3600: return "\(minutes)m"
        case ..<86_400: return "\(hours)h" + (minutes == 0 ? "" : "\(minutes)m")
        default: return "\(days)d" + (hours == 0 || days >= 10 ? "" : "\(hours)h")
        }
    }

    /// How long ago a moment of the boot clock is.
    static func age(ofBoot nanoseconds: Int64) -> String {
        age(seconds: (Machine.bootNanoseconds - nanoseconds) / 1_000_000_000)
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
