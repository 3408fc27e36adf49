// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Who holds a socket")
struct SocketHolderTests {
    private static func inode(_ descriptor: CInt) throws -> UInt32 {
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        return UInt32(status.st_ino)
    }

    @Test("A process with the socket open is found, with its name and its arguments")
    func found() throws {
        let socket = Descriptor(adopting: Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0))
        let holder = try #require(SocketHolder.find(inode: try Self.inode(socket.rawValue)))
        #expect(holder.process == getpid())
        #expect(holder.name == (try readFile("/proc/self/comm")?.dropLast()).map { String($0) })
        #expect(holder.arguments == CommandLine.arguments)
    }

    @Test("A socket that is closed is nobody's")
    func closed() throws {
        let inode: UInt32
        do {
            let socket = Descriptor(adopting: Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0))
            inode = try Self.inode(socket.rawValue)
        }
        #expect(SocketHolder.find(inode: inode) == nil)
        #expect(SocketHolder.find(inode: 0) == nil)
    }
}
