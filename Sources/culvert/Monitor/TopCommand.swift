// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import JSON
import Linux
import Monitoring
import Pools

/// `culvert top`: what goes through the attachments of this host.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show what goes through the attachments of this host, live.",
        discussion: """
            One line for each attachment, the busiest first: bits and packets a second, and \
            what is dropped, as the host's end of its interface counts. RX is what the host \
            received there, so what the container sent. Interfaces without an end on the \
            host, such as those of macvlan, count nothing here.

            Keys: q quits, s sorts by the next column, p pauses.

            With -b it prints one table after the other instead, to files and programs; \
            with -o json one object a line.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)
              NO_COLOR         set to anything: no colours

            Exit status:
              0   done
              1   there is no terminal, or the records cannot be read
              64  the command line makes no sense
            """
    )

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    @Option(name: [.short, .customLong("delay")], help: ArgumentHelp("Between two looks.", valueName: "seconds"))
    var delay = 2.0

    @Flag(name: .shortAndLong, help: "Print tables instead of showing one.")
    var batch = false

    @Option(
        name: [.customShort("n"), .customLong("count")],
        help: ArgumentHelp("End after so many looks.", valueName: "count")
    )
    var count: Int?

    @Option(help: ArgumentHelp("traffic, rx, tx, packets, drops or name.", valueName: "order"))
    var sort = AttachmentTraffic.Order.traffic

    @OptionGroup var which: AttachmentNetworkOption

    @Option(name: .shortAndLong, help: ArgumentHelp("With -b: table or json.", valueName: "form"))
    var output = Form.table

    @Flag(help: "Leave the titles of tables away.")
    var noHeaders = false

    func validate() throws {
        guard delay >= 0.1, delay <= 3600 else { throw ValidationError("--delay is from 0.1 to 3600 seconds") }
        if let count { guard count > 0 else { throw ValidationError("--count is 1 or more") } }
        guard batch || output == .table else { throw ValidationError("-o json needs -b") }
    }

    func run() throws {
        if batch { try printAll() } else { try show() }
    }

    private func sample() throws(ExitCode) -> TrafficSample {
        let found = try operating { () throws(PoolFailure) in try attachments(of: which.network) }
        return TrafficSample(
            nanoseconds: Machine.bootNanoseconds,
            rows: found.map { AttachmentRow(looking: $0) }
        )
    }

    // MARK: - For programs

    private func printAll() throws {
        let look = Look.ofStandardOutput
        var console = Console()
        var before = try sample()
        var number = 0
        while count.map({ number < $0 }) ?? true {
            Machine.pause(.milliseconds(Int64(delay * 1000)))
            let now = try sample()
            let table = TrafficTable(now.traffic(since: before), by: sort)
            switch output {
            case .table:
                if number > 0 { try console.writeLine("") }
                for line in table.lines(look, hasHeader: !noHeaders) { try console.writeLine(line) }
            case .json:
                let text = table.json(now: now.nanoseconds).serialized()
                try console.writeLine(String(decoding: text, as: UTF8.self))
            }
            try console.flush()
            before = now
            number += 1
        }
    }

    // MARK: - For people

    private func show() throws {
        let ending: CInt
        do throws(KernelError) {
            ending = try watch(Screen())
        } catch {
            Machine.log("culvert: \(error); -b prints tables where there is no terminal")
            throw ExitCode(1)
        }
        if ending < 0 { throw ExitCode(1) }
    }

    /// - Returns: 0 when it was ended by a key, a signal's number, -1 when records cannot be read.
    private func watch(_ screen: consuming Screen) throws(KernelError) -> CInt {
        var order = sort
        var isPaused = false
        var samples: [TrafficSample] = []
        var number = 0
        var due = Machine.bootNanoseconds
        while true {
            if !isPaused, Machine.bootNanoseconds >= due {
                if let count { guard number <= count else { return 0 } }
                guard let now = try? sample() else { return -1 }
                samples = samples.suffix(1) + [now]
                number += 1
                // The first look has nothing to compare with: the second one comes soon.
                let seconds = number == 1 ? min(delay, 0.5) : delay
                due = now.nanoseconds + Int64(seconds * 1e9)
            }
            try draw(screen, samples, order, isPaused)
            let rest = isPaused ? 3_600_000 : (due - Machine.bootNanoseconds) / 1_000_000 + 1
            switch try screen.wait(milliseconds: rest) {
            case .timeout, .resized: break
            case .ended(let signal): return signal
            case .key(let key):
                switch key {
                case UInt8(ascii: "q"), UInt8(ascii: "Q"), 4: return 0
                case UInt8(ascii: "s"): order = order.next
                case UInt8(ascii: "p"), UInt8(ascii: " "): isPaused.toggle()
                default: break
                }
            }
        }
    }

    private func draw(
        _ screen: borrowing Screen,
        _ samples: [TrafficSample],
        _ order: AttachmentTraffic.Order,
        _ isPaused: Bool
    ) throws(KernelError) {
        guard let last = samples.last, let first = samples.first else { return }
        var look = Look.ofStandardOutput
        let size = screen.size
        look.width = size.columns
        let traffic =
            samples.count > 1 ? last.traffic(since: first) : last.rows.map { AttachmentTraffic($0, rates: nil) }
        let interval = delay == delay.rounded() ? "\(Int(delay))" : "\(delay)"
        let table = TrafficTable(traffic, by: order)
        try screen.show(table.screen(look, height: size.lines, interval: interval, isPaused: isPaused))
    }
}

extension AttachmentTraffic.Order: ExpressibleByArgument {}
