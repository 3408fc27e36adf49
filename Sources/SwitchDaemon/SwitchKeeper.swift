// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNI
internal import DaemonTalk
internal import Forwarding
package import Linux
internal import SwitchControl
internal import Wiring

/// The daemon: carries frames between ports, and answers questions in between.
///
/// One thread and one loop. What it knows it has from the records of attachments: one that begins anew finds every port.
package final class SwitchKeeper {
    let settings: SwitchSettings
    let store: AttachmentStore
    /// The host's namespace.
    let home: NetworkNamespace
    private let socket: DaemonSocket
    private let farewells: Descriptor
    private let gathering: Descriptor
    private let memory: FrameMemory
    private var attention: Attention
    /// What was last said of how frames enter the kernel.
    private var notedJointCalls: Bool?

    var connections: [UInt32: SwitchConnection] = [:]
    private var nextConnection: UInt32 = 0
    /// By name.
    var switches: [String: RunningSwitch] = [:]
    private var byNumber: [UInt32: RunningSwitch] = [:]
    /// Ports of containers.
    var ports: [AttachmentKey: OpenPort] = [:]
    /// Attachments whose ports could not be opened, and why.
    var lost: [AttachmentKey: String] = [:]
    /// What was last said of something that goes wrong again and again, by what it is about.
    private var noted: [String: String] = [:]
    /// How the directories of records looked when they were last read.
    var seenRecords: [String: Int64] = [:]
    /// Records that were read and are of other plugins, as they were.
    var foreignRecords: [AttachmentKey: FileStatus] = [:]
    private var nextSweep: Int64 = 0
    /// A tap was somebody else's when it was to be opened.
    var isInWay = false
    /// Until then it may still be that of a daemon which was killed: the kernel takes apart what it left a moment later.
    private var inheritanceEnd: Int64 = 0
    /// Whether the listener is among what is waited for.
    private var isListening = false
    /// No connection could be taken: whoever waits is there still, and would be at once again, so not before the next sweep.
    private var isOverfull = false

    /// Of connections; who comes later waits in the socket's queue.
    private static let mostConnections = 128
    /// In nanoseconds.
    private static let sweepInterval: Int64 = 1_000_000_000
    private static let inheritanceInterval: Int64 = 5_000_000
    /// Each needs a few MiB.
    static let mostSwitches = 64

    /// Listens, and opens the ports of all containers that have one by their records.
    ///
    /// - Throws: ``KernelError``.
    package init(_ settings: SwitchSettings) throws(KernelError) {
        self.settings = settings
        attention = Attention(most: settings.busyPoll)
        // Each port is an open file, and services begin with room for a thousand. First: calls for many frames go by it.
        let raised = culvert_raise_file_limit()
        memory = FrameMemory()
        store = AttachmentStore(root: settings.runDirectory)
        home = try NetworkNamespace.current()
        let farewells = culvert_open_farewells()
        guard farewells >= 0 else { throw KernelError("watch for signals", Errno(rawValue: -farewells)) }
        self.farewells = Descriptor(adopting: farewells)
        let gathering = culvert_open_gathering()
        guard gathering >= 0 else { throw KernelError("wait for many things", Errno(rawValue: -gathering)) }
        self.gathering = Descriptor(adopting: gathering)
        socket = try DaemonSocket(at: settings.socketPath)
        culvert_ignore_broken_pipes()
        if raised != 0 { log("\(KernelError("raise the limit of open files", Errno(rawValue: raised)))") }
    }

    var socketPath: String { socket.path }

    /// Writes one line for the service's log.
    func log(_ line: String) {
        Machine.log("culvert-switchd: \(line)")
    }

    /// Says once what goes wrong again and again.
    ///
    /// - Parameters:
    ///   - text: nil when it goes well.
    ///   - subject: what it is about; names of switches hold no blank.
    func note(_ text: String?, about subject: String) {
        if let text, noted[subject] != text { log(text) }
        noted[subject] = text
    }

    /// Serves until SIGTERM or SIGINT; links stay for the next one.
    ///
    /// - Throws: ``KernelError``.
    package func run() throws(KernelError) {
        try gather(farewells.rawValue, .farewell)
        inheritanceEnd = Machine.bootNanoseconds + SwitchKeeper.sweepInterval
        sweep(Machine.bootNanoseconds)
        log("serving at \(socket.path), with \(ports.count) ports of containers")
        noteCalls()
        var keys = [UInt64](repeating: 0, count: 64)
        var flags = [UInt32](repeating: 0, count: 64)
        while try turn(&keys, &flags) {}
        for connection in connections.values { _ = connection.talk.write() }
        // Otherwise they would be ours for some time after our end.
        for running in switches.values {
            for port in running.ports.values { forget(running.live.pointee.outlets[Int(port.id.index)]) }
        }
        log("stopping; the links of \(ports.count) containers stay for the next start")
        if !socket.isInherited { unlink(socket.path) }
    }

    // MARK: - Waiting

    /// What a key of the gathering stands for.
    enum Source {
        case farewell
        case listener
        case connection(UInt32)
        case port(UInt32, InterfaceID)

        var key: UInt64 {
            switch self {
            case .farewell: 0
            case .listener: 1 << 56
            case .connection(let number): 2 << 56 | UInt64(number)
            case .port(let number, let id): 3 << 56 | UInt64(number) << 16 | UInt64(id.index)
            }
        }

        init(key: UInt64) {
            switch key >> 56 {
            case 1: self = .listener
            case 2: self = .connection(UInt32(truncatingIfNeeded: key))
            case 3:
                let id = InterfaceID(index: UInt16(truncatingIfNeeded: key))
                self = .port(UInt32(truncatingIfNeeded: key >> 16), id)
            default: self = .farewell
            }
        }
    }

    func gather(
        _ descriptor: CInt,
        _ source: Source,
        isWriting: Bool = false,
        isKnown: Bool = false
    ) throws(KernelError) {
        let result = culvert_gather(gathering.rawValue, descriptor, source.key, isWriting ? 1 : 0, isKnown ? 1 : 0)
        guard result == 0 else { throw KernelError("wait for many things", Errno(rawValue: result)) }
    }

    var hasJointCalls: Bool { memory.calls.isJoint }

    /// Says how frames enter the kernel, whenever that changes.
    private func noteCalls() {
        guard notedJointCalls != hasJointCalls else { return }
        notedJointCalls = hasJointCalls
        log(hasJointCalls ? "many frames are one call (io_uring)" : "each frame is a call: no io_uring for taps here")
    }

    /// Has the kernel know a port's descriptor as long as the port is open.
    func remember(_ outlet: Outlet) {
        memory.calls.remember(outlet.descriptor)
    }

    func forget(_ outlet: Outlet) {
        memory.calls.forget(outlet.descriptor)
    }

    func leaveGathering(_ descriptor: CInt) {
        culvert_leave_gathering(gathering.rawValue, descriptor)
    }

    /// Does what is due, waits for something to happen, and sees to it.
    ///
    /// - Returns: false when it is to end.
    private func turn(_ keys: inout [UInt64], _ flags: inout [UInt32]) throws(KernelError) -> Bool {
        let now = Machine.bootNanoseconds
        if now >= nextSweep { doWhatIsDue(now) }
        try listen(connections.count < SwitchKeeper.mostConnections && !isOverfull && !isInheriting(now))
        let count = try wait(&keys, &flags, now)
        var isEnding = false
        // Frames first: what is asked may close a port whose frames are here.
        for index in 0..<count {
            if case .port(let number, let id) = Source(key: keys[index]) { carry(number, id) }
        }
        for index in 0..<count {
            switch Source(key: keys[index]) {
            case .farewell: isEnding = true
            case .listener: acceptConnections()
            case .connection(let number): serve(number, flags[index])
            case .port: break
            }
        }
        passCopies()
        return !isEnding
    }

    private func wait(
        _ keys: inout [UInt64],
        _ flags: inout [UInt32],
        _ now: Int64
    ) throws(KernelError) -> Int {
        let end = now + attention.window
        var last = now
        while true {
            let isLooking = last < end
            let count = culvert_wait_gathering(gathering.rawValue, &keys, &flags, 64, isLooking ? 0 : timeout(now))
            guard count >= 0 else { throw KernelError("wait", Errno(rawValue: -count)) }
            guard isLooking else {
                attention.slept(from: now, to: Machine.bootNanoseconds)
                return Int(count)
            }
            if count > 0 {
                attention.found()
                return Int(count)
            }
            // What comes next may be made by somebody who waits for this processor.
            Machine.yield()
            let moment = Machine.bootNanoseconds
            last = attention.looked(from: last, to: moment) ? moment : end
        }
    }

    /// In milliseconds, rounded up; -1 is for ever.
    private func timeout(_ now: Int64) -> CInt {
        // With nothing to look after, and nobody in the middle of a question, there is nothing to do.
        if ports.isEmpty, lost.isEmpty, connections.isEmpty, !isOverfull { return -1 }
        return CInt(clamping: max(0, nextSweep - now + 999_999) / 1_000_000)
    }

    /// Whether ports are still to come from a daemon that was there before: questions wait for that, frames do not.
    func isInheriting(_ now: Int64) -> Bool { isInWay && now < inheritanceEnd }

    private func doWhatIsDue(_ now: Int64) {
        nextSweep = now + (isInheriting(now) ? SwitchKeeper.inheritanceInterval : SwitchKeeper.sweepInterval)
        for (number, connection) in connections where connection.talk.deadline.map({ $0 <= now }) ?? false {
            leave(number)
        }
        sweep(now)
        noteCalls()
        isOverfull = false
    }

    // MARK: - Frames

    static var ticks: Ticks { Ticks(truncatingIfNeeded: Machine.bootNanoseconds / 10_000_000) }

    /// Takes a few bursts from a port, so that one that never ends does not keep the others waiting.
    private func carry(_ number: UInt32, _ id: InterfaceID) {
        guard let home = byNumber[number] else { return }
        let now = SwitchKeeper.ticks
        for _ in 0..<4 {
            switch home.live.pointee.takeBurst(from: id, memory, now: now) {
            case .more: continue
            case .drained: return
            case .gone:
                guard let port = home.ports[id.index] else { return }
                close(port, because: "its link is gone")
                // Whoever makes it again, as `culvert reconcile` does, has it opened again.
                if let order = port.order { lost[order.key] = "its link is gone" }
                return
            }
        }
    }

    private func passCopies() {
        for (number, connection) in connections {
            guard let port = connection.lookout, !connection.talk.hasOutgoing else { continue }
            guard let stream = port.home.live.pointee.streams[port.id.index], !stream.pending.isEmpty else { continue }
            connection.talk.send(stream.take())
            flush(number)
        }
    }

    // MARK: - Connections

    private func listen(_ isWanted: Bool) throws(KernelError) {
        guard isWanted != isListening else { return }
        if isWanted {
            try gather(socket.listener.rawValue, .listener)
        } else {
            leaveGathering(socket.listener.rawValue)
        }
        isListening = isWanted
    }

    private func acceptConnections() {
        do throws(KernelError) {
            while connections.count < SwitchKeeper.mostConnections, let descriptor = try socket.accept() {
                let user = culvert_peer_user(descriptor.rawValue)
                // The file's permissions say the same; a socket handed over by somebody else may have others.
                guard user == 0 || user == Int64(geteuid()) else {
                    log("user \(user) asks: refused")
                    continue
                }
                let number = nextConnection
                nextConnection &+= 1
                try gather(descriptor.rawValue, .connection(number))
                connections[number] = SwitchConnection(descriptor, now: Machine.bootNanoseconds)
                note(nil, about: "the socket")
            }
        } catch {
            note("\(error)", about: "the socket")
            isOverfull = true
        }
    }

    private func serve(_ number: UInt32, _ flags: UInt32) {
        guard let connection = connections[number] else { return }
        if flags & 1 != 0 {
            switch connection.talk.read() {
            case .more: break
            case .end: return leave(number)
            case .line(let line): answer(line, connection)
            }
        } else if flags & 4 != 0 {
            return leave(number)
        }
        flush(number)
    }

    /// Sends what waits to be sent, as far as it goes, and waits for room for the rest.
    private func flush(_ number: UInt32) {
        guard let connection = connections[number] else { return }
        guard connection.talk.write() else { return leave(number) }
        guard connection.isWaitingToWrite != connection.talk.hasOutgoing else { return }
        connection.isWaitingToWrite = connection.talk.hasOutgoing
        do throws(KernelError) {
            let isWriting = connection.isWaitingToWrite
            try gather(connection.talk.rawDescriptor, .connection(number), isWriting: isWriting, isKnown: true)
        } catch {
            leave(number)
        }
    }

    private func leave(_ number: UInt32) {
        guard let connection = connections.removeValue(forKey: number) else { return }
        if let port = connection.lookout { stopLooking(through: port) }
    }

    // MARK: - Switches

    /// The switch of a name; a new one if there is none.
    ///
    /// - Throws: ``CNIError``.
    func runningSwitch(_ name: String) throws(CNIError) -> RunningSwitch {
        if let running = switches[name] { return running }
        guard switches.count < SwitchKeeper.mostSwitches else {
            let most = SwitchKeeper.mostSwitches
            throw CNIError(.tryAgainLater, "there are \(most) switches already", details: "use one of them")
        }
        let seed: UInt64
        do throws(KernelError) {
            seed = try Machine.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        } catch {
            throw CNIError(.kernelRefused, "cannot make switch \(name)", details: "\(error)")
        }
        var number: UInt32 = 0
        while byNumber[number] != nil { number += 1 }
        let running = RunningSwitch(name, number: number, seed: seed)
        switches[name] = running
        byNumber[number] = running
        return running
    }

    func forget(_ running: RunningSwitch) {
        switches[running.name] = nil
        byNumber[running.number] = nil
    }
}
