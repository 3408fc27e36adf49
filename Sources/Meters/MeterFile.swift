// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Journal
internal import Linux

/// The file of counters of one run directory.
package struct MeterFile: Sendable {
    /// Where it is.
    package let path: String
    private let directory: String

    /// `directory`: the run directory.
    package init(in directory: String) {
        self.directory = directory
        path = "\(directory)/metrics"
    }

    /// Counts a call that is over.
    ///
    /// Where the file cannot be had, the call goes uncounted: counting never keeps anybody from working. So does one of a
    /// verb that there is not.
    package func count(_ call: CallReport) {
        guard let verb = MeteredVerb(rawValue: call.verb) else { return }
        do throws(KernelError) {
            try add(call, verb, to: try open())
        } catch {
            return
        }
    }

    private func add(
        _ call: CallReport,
        _ verb: MeteredVerb,
        to memory: borrowing MeterMemory
    ) throws(KernelError) {
        let place = try memory.place(
            of: call.plugin,
            among: MeterLayout.plugins,
            hash: MeterLayout.pluginHash,
            entry: MeterLayout.plugin,
            size: MeterLayout.page,
            longest: MeterLayout.longestPluginName
        )
        let plugin = MeterLayout.plugin(place)
        var code = 0
        // An error must not look like success, whatever a delegate calls it.
        if case .failed(let number, _, _) = call.outcome { code = number == 0 ? -1 : number }
        memory.count(plugin + MeterLayout.result(verb, MeterCodes.cell(code)), 1)
        observe(call.duration, plugin + MeterLayout.durations(verb), memory)
        observe(call.lockWait, plugin + MeterLayout.lockWaits, memory)
        if call.leases != LeaseCounts() || call.reclaimed > 0 { try addLeases(call, to: memory) }
    }

    private func observe(_ duration: Int64, _ histogram: Int, _ memory: borrowing MeterMemory) {
        let nanoseconds = UInt64(max(0, duration))
        memory.count(histogram + MeterBuckets.bucket(nanoseconds) * 8, 1)
        memory.count(histogram + MeterBuckets.sum, nanoseconds)
    }

    private func addLeases(_ call: CallReport, to memory: borrowing MeterMemory) throws(KernelError) {
        let place = try memory.place(
            of: call.network,
            among: MeterLayout.networks,
            hash: MeterLayout.networkHash,
            entry: MeterLayout.network,
            size: MeterLayout.networkLength,
            longest: MeterLayout.longestNetworkName
        )
        let counters = MeterLayout.network(place) + MeterLayout.leases
        memory.count(counters, call.leases.v4.given)
        memory.count(counters + 8, call.leases.v6.given)
        memory.count(counters + 16, call.leases.v4.released)
        memory.count(counters + 24, call.leases.v6.released)
        memory.count(counters + 32, UInt64(max(0, call.reclaimed)))
    }

    // MARK: - The file

    /// Maps the file, which is made or made anew when need be.
    private func open() throws(KernelError) -> MeterMemory {
        if let memory = try existing() { return memory }
        return try made()
    }

    /// The file mapped, if it is there and has our layout.
    ///
    /// - Returns: nil when there is none, or one that is to be replaced.
    /// - Throws: ``KernelError`` when it cannot be opened: one that is made anew could not be either.
    private func existing() throws(KernelError) -> MeterMemory? {
        let file: Descriptor
        do throws(KernelError) {
            file = try Descriptor(opening: path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            throw error
        }
        let status = try file.status(path)
        // What is no file is none of ours, and stays.
        guard status.isRegularFile else { throw KernelError("open \(path)", .fileExists) }
        guard status.size == Int64(MeterLayout.length) else { return nil }
        let memory = try MeterMemory(file)
        try memory.prepare(0, MeterLayout.page)
        guard memory.counted(0) == MeterLayout.mark else { return nil }
        return memory
    }

    /// Makes the file under another name, which whoever holds its lock may use, and moves it to its own.
    ///
    /// A name that somebody left who was killed is taken up by the next one.
    private func made() throws(KernelError) -> MeterMemory {
        let name = "\(path).new"
        _ = try Directory(creating: directory, mode: 0o700)
        for _ in 0..<8 {
            let file = try Descriptor(opening: name, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            try file.lock(name, waitingAtMost: .milliseconds(100))
            let status = try file.status(name)
            // Somebody was faster: what was locked has become the file itself, or is gone.
            guard try FileStatus.of(name)?.identity == status.identity else {
                if let memory = try existing() { return memory }
                continue
            }
            if let memory = try existing() {
                _ = name.withCString { unlink($0) }
                return memory
            }
            do throws(KernelError) {
                try fill(file)
            } catch {
                _ = name.withCString { unlink($0) }
                throw error
            }
            guard name.withCString({ old in path.withCString { CLinux.rename(old, $0) } }) == 0 else {
                throw KernelError("rename \(name) to \(path)", Errno.current)
            }
            return try MeterMemory(file)
        }
        throw KernelError("make \(path)", .busy)
    }

    /// Gives a file its length and its head.
    private func fill(_ file: borrowing Descriptor) throws(KernelError) {
        try file.truncate(to: 0, path)
        let result = culvert_allocate_file(file.rawValue, MeterLayout.length)
        if Errno(rawValue: result) == .notSupported {
            try file.truncate(to: MeterLayout.length, path)
        } else if result != 0 {
            throw KernelError("make room for \(path)", Errno(rawValue: result))
        }
        var head: [UInt8] = []
        for number in [MeterLayout.mark, UInt64(Machine.wallNanoseconds)] {
            withUnsafeBytes(of: number) { head += $0 }
        }
        try file.write(head, at: 0, path)
    }
}
