// SPDX-License-Identifier: Apache-2.0

/// How long to look for frames before sleeping: as long as it pays.
///
/// To be woken takes much longer than to look again: who answers at once is heard at once by somebody who still looks.
/// It would be a waste where frames are rare, and where somebody else wants the processor; both are noticed. All times
/// are in nanoseconds.
struct Attention {
    /// As long as it ever looks; 0 is never.
    let most: Int64
    /// As long as it looks now.
    private(set) var window: Int64 = 0
    /// Before that it does not look, whatever comes.
    private var pauseEnd: Int64 = .min
    /// Grows when a look finds something, shrinks when none does.
    private var credit = 0

    private static let mostCredit = 8
    private static let firstCredit = 4
    /// After looking in vain, or in somebody's way.
    private static let pause: Int64 = 10_000_000
    /// More than a look takes with an interrupt in it, or with somebody who only answers and sleeps again; less than a
    /// turn of somebody who computes.
    private static let longestLook: Int64 = 200_000
    /// What it takes to be woken, at most.
    private static let wakening: Int64 = 100_000

    init(most: Int64) {
        self.most = most
    }

    /// Frames came while it was looking for them.
    mutating func found() {
        credit = min(credit + 1, Attention.mostCredit)
    }

    /// It has slept, from when there was nothing to do until something came.
    mutating func slept(from begin: Int64, to end: Int64) {
        guard most > 0, end - begin < most + Attention.wakening else {
            window = 0
            return
        }
        if window == 0 {
            guard end >= pauseEnd else { return }
            (window, credit) = (most, Attention.firstCredit)
        } else {
            credit -= 2
            if credit <= 0 { rest(end) }
        }
    }

    /// It has looked once.
    ///
    /// - Returns: false when it has to let somebody else go on, who had the processor meanwhile.
    mutating func looked(from begin: Int64, to end: Int64) -> Bool {
        guard end - begin > Attention.longestLook else { return true }
        rest(end)
        return false
    }

    private mutating func rest(_ now: Int64) {
        window = 0
        pauseEnd = now + Attention.pause
    }
}
