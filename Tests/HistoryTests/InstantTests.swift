// SPDX-License-Identifier: Apache-2.0
import History
import Testing

@Suite("Points of time that operators type")
struct InstantTests {
    @Test(
        "A time is read as RFC 3339 spells it",
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696_000_000_000),
            ("2026-11-22T01:02:03.5Z", 1_795_309_323_500_000_000),
            ("2026-11-22t01:02:03.123456789z", 1_795_309_323_123_456_789),
            ("2026-11-22 03:02:03+02:00", 1_795_309_323_000_000_000),
            ("2026-11-21T23:32:03-01:30", 1_795_309_323_000_000_000),
        ] as [(String, Int64)]
    )
    func date(text: String, nanoseconds: Int64) {
        #expect(Instant.nanoseconds(of: text, now: 0) == nanoseconds)
    }

    @Test(
        "How long ago something was may have several units",
        arguments: [("90s", 90), ("1h30m", 5400), ("2d", 172_800)] as [(String, Int64)]
    )
    func ago(text: String, seconds: Int64) {
        #expect(
            Instant.nanoseconds(of: text, now: 1_000_000_000_000_000) == 1_000_000_000_000_000 - seconds * 1_000_000_000
        )
    }

    @Test(
        "Anything else is no time",
        arguments: [
            "", "10", "m", "10x", "-5m", "m5", "2026-11-22", "2026-11-22T01:02:03", "2026-13-22T01:02:03Z",
            "2026-11-22T24:02:03Z", "2026-11-22T01:02:03.Z", "2026-11-22T01:02:03+0200", "2026-11-22T01:02:03Z ",
            "99999999999999999999s",
        ]
    )
    func nonsense(text: String) {
        #expect(Instant.nanoseconds(of: text, now: 0) == nil)
    }

    @Test("What is printed with all digits is read as the same time")
    func both() {
        let moment: Int64 = 1_795_309_323_000_000_500
        #expect(Instant.text(moment) == "2026-11-22T01:02:03.000000500Z")
        #expect(Instant.nanoseconds(of: Instant.text(moment), now: 0) == moment)
    }

    @Test(
        "A stretch of time has about three digits",
        arguments: [
            (0, "0 ns"), (999, "999 ns"), (1000, "1.00 µs"), (12_550, "12.5 µs"), (2_034_000, "2.03 ms"),
            (850_000_000, "850 ms"), (1_200_000_000, "1.20 s"),
        ] as [(Int64, String)]
    )
    func stretch(nanoseconds: Int64, text: String) {
        #expect(Instant.stretch(nanoseconds) == text)
    }
}
