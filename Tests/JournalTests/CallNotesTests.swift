// SPDX-License-Identifier: Apache-2.0
import Journal
import Testing

@Suite("Notes of a call")
struct CallNotesTests {
    @Test("Steps follow each other without gaps, and take as long as the call")
    func steps() {
        let notes = CallNotes()
        notes.enter(.work)
        notes.enter(.work)
        let before = notes.enter(.addresses)
        notes.enter(before)
        notes.enter(.answer)
        let report = notes.report()
        #expect(before == .work)
        #expect(report.steps.map { $0.phase } == [.parse, .work, .addresses, .work, .answer])
        var end: Int64 = 0
        for step in report.steps {
            #expect(step.began == end)
            end += step.duration
        }
        #expect(end == report.duration)
        #expect(report.duration(of: .work) == report.steps[1].duration + report.steps[3].duration)
    }

    @Test("More steps than are kept apart lengthen the last one")
    func many() {
        let notes = CallNotes()
        for _ in 0..<100 {
            notes.enter(.links)
            notes.enter(.filter)
        }
        let report = notes.report()
        #expect(report.steps.count == CallNotes.mostSteps)
        #expect(report.steps.reduce(0) { $0 + $1.duration } == report.duration)
    }
}
