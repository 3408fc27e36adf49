// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// How many attachments of this host hold each of its ports: who wants a port that nobody has need look no further.
///
/// Which attachments those are, their records say; the registry is a cache of them that errs on one side only. A process
/// that dies between two writes leaves a count that is too high, and whoever meets it counts anew. One octet for each
/// port of each protocol; the file is sparse, and locked as long as it is open.
struct HostPortRegistry: ~Copyable {
    private let file: Descriptor
    private let path: String
    /// Whether all records were counted once, by whoever made the file; otherwise nobody has, or died over it.
    let isCounted: Bool

    /// Opens and locks the registry, making an empty one when there is none.
    ///
    /// `root`: the directory of all records, such as `/run/culvert`.
    /// - Throws: ``KernelError``; `EWOULDBLOCK` when somebody else held it all the time.
    init(in root: String, waitingAtMost bound: Duration) throws(KernelError) {
        let directory = try Directory(creating: root, mode: 0o700)
        let file = try directory.open(HostPortRegistry.name, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        let path = HostPortRegistry.path(in: root)
        try file.lock(path, waitingAtMost: bound)
        // What finishCounting wrote stands behind all counts.
        isCounted = try file.status(path).size > Transport.all.count << 16
        self.path = path
        self.file = file
    }

    private static let name = "host-ports"

    private static func path(in root: String) -> String { "\(root)/\(name)" }

    /// Whether anybody ever took a port since the records began.
    ///
    /// - Throws: ``KernelError``.
    static func exists(in root: String) throws(KernelError) -> Bool {
        try FileStatus.of(path(in: root)) != nil
    }

    /// How many attachments hold a port; 255 stands for any number from there on.
    ///
    /// - Throws: ``KernelError``.
    func count(_ port: UInt16, _ transport: Transport) throws(KernelError) -> UInt8 {
        try file.readOctet(at: HostPortRegistry.offset(port, transport), path)
    }

    /// - Throws: ``KernelError``.
    func set(_ port: UInt16, _ transport: Transport, to count: UInt8) throws(KernelError) {
        try file.writeOctet(count, at: HostPortRegistry.offset(port, transport), path)
    }

    /// Marks the registry as counted, even if all counts are zero.
    ///
    /// - Throws: ``KernelError``.
    func finishCounting() throws(KernelError) {
        try file.writeOctet(0, at: Transport.all.count << 16, path)
    }

    private static func offset(_ port: UInt16, _ transport: Transport) -> Int {
        let place =
            switch transport {
            case .tcp: 0
            case .udp: 1
            case .sctp: 2
            }
        return place << 16 | Int(port)
    }
}
