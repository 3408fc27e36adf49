// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Descriptors")
struct DescriptorTests {
    @Test("What is written can be read, from the start and from where one is")
    func roundTrip() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            let file = try Descriptor(opening: path, O_RDWR | O_CREAT, mode: 0o600)
            try file.writeAll(Array("hello".utf8), path)
            #expect(try file.readAll(path) == [])
            file.rewind()
            #expect(try file.readAll(path) == Array("hello".utf8))
            file.rewind()
            #expect(try file.readSmallFile(path) == Array("hello".utf8))
        }
    }

    @Test("Any amount is read whole", arguments: [0, 1, 4095, 4096, 4097, 20_479, 20_480, 20_481, 3_000_000])
    func amounts(count: Int) throws {
        try withTemporaryDirectory { directory in
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let file = try Descriptor(opening: "\(directory)/file", O_RDWR | O_CREAT, mode: 0o600)
            try file.writeAll(bytes, "file")
            file.rewind()
            #expect(try file.readAll("file") == bytes)
        }
    }

    @Test("Single octets are read and written anywhere, and what lies between is zero")
    func octets() throws {
        try withTemporaryDirectory { directory in
            let file = try Descriptor(opening: "\(directory)/file", O_RDWR | O_CREAT, mode: 0o600)
            #expect(try file.readOctet(at: 0, "file") == 0)
            try file.writeOctet(7, at: 5, "file")
            try file.writeOctet(255, at: 65_535, "file")
            try file.writeOctet(9, at: 5, "file")
            let octets = try [0, 4, 5, 6, 65_535, 65_536].map { try file.readOctet(at: $0, "file") }
            #expect(octets == [0, 0, 9, 0, 255, 0])
            #expect(try file.status("file").size == 65_536)
            // The position is nobody's business.
            #expect(try file.readAll("file").count == 65_536)
        }
    }

    @Test("A file that cannot be read or written is named")
    func octetErrors() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            try writeFile(path, "x")
            let reading = #expect(throws: KernelError.self) {
                try Descriptor(opening: path, O_WRONLY).readOctet(at: 0, "the file")
            }
            #expect(reading == KernelError("read the file", .badFileDescriptor))
            let writing = #expect(throws: KernelError.self) {
                try Descriptor(opening: path, O_RDONLY).writeOctet(1, at: 0, "the file")
            }
            #expect(writing == KernelError("write the file", .badFileDescriptor))
        }
    }

    @Test("Exactly the limit is read, and one byte more is refused", arguments: [0, 1, 100, 4096, 5000])
    func limit(count: Int) throws {
        try withTemporaryDirectory { directory in
            let file = try Descriptor(opening: "\(directory)/file", O_RDWR | O_CREAT, mode: 0o600)
            try file.writeAll([UInt8](repeating: 7, count: count), "file")
            file.rewind()
            #expect(try file.readAll("file", limit: count).count == count)
            file.rewind()
            #expect(try file.readSmallFile("file", limit: count).count == count)
            try file.writeAll([7], "file")
            let expected = KernelError("read file", Errno(rawValue: EFBIG))
            file.rewind()
            #expect(throws: expected) { try file.readAll("file", limit: count) }
            file.rewind()
            #expect(throws: expected) { try file.readSmallFile("file", limit: count) }
        }
    }

    @Test(
        "What cannot be opened is named",
        arguments: [("/nowhere/at/all", Errno.noSuchFileOrDirectory), ("/", .isDirectory)]
    )
    func missing(path: String, errno: Errno) {
        #expect(throws: KernelError("open \(path)", errno)) { _ = try Descriptor(opening: path, O_WRONLY) }
    }

    @Test("Reading and writing the wrong way is refused with the name given")
    func wrongWay() throws {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/file", "x")
            let reading = try Descriptor(opening: "\(directory)/file", O_RDONLY)
            #expect(throws: KernelError("write it", .badFileDescriptor)) { try reading.writeAll([1], "it") }
            let writing = try Descriptor(opening: "\(directory)/file", O_WRONLY)
            #expect(throws: KernelError("read it", .badFileDescriptor)) { try writing.readAll("it") }
        }
    }

    @Test("Nothing we open survives an exec")
    func closeOnExec() throws {
        try withTemporaryDirectory { directory in
            let root = try Descriptor(opening: directory, O_RDONLY)
            let file = try Descriptor(opening: "file", in: root, O_RDWR | O_CREAT, mode: 0o640)
            for number in [root.rawValue, file.rawValue] {
                #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
            }
            #expect(try listDirectory(directory) == ["file"])
        }
    }

    @Test("A descriptor closes itself")
    func closing() throws {
        let files = try OwnThread {
            let before = openDescriptors().count
            let first = try Descriptor(opening: "/dev/null", O_RDWR)
            let second = try Descriptor(opening: "/dev/null", O_RDWR)
            let between = openDescriptors().count
            close(first)
            let after = openDescriptors().count
            try second.writeAll([1], "/dev/null")
            return [between - before, after - before]
        }.join()
        #expect(files == [2, 1])
    }

    @Test("Status tells files apart, and counts their names")
    func status() throws {
        try withTemporaryDirectory { path in
            try writeFile("\(path)/one", "1")
            try writeFile("\(path)/two", "2")
            try makeHardLink("\(path)/uno", to: "\(path)/one")
            let file = try Descriptor(opening: "\(path)/one", O_RDONLY)
            let status = try file.status("one")
            #expect(status.isRegularFile)
            #expect(status.linkCount == 2)
            #expect(try FileStatus.of("\(path)/uno") == status)
            #expect(try FileStatus.of("\(path)/two")?.identity != status.identity)
            #expect(try FileStatus.of(path)?.isRegularFile == false)
            #expect(try FileStatus.of("\(path)/three") == nil)
            #expect(try FileStatus.of("\(path)/one/below") == nil)
            let names = try Directory(path: path)
            try names.remove("one")
            try names.remove("uno")
            #expect(try file.status("one").linkCount == 0)
        }
    }
}

private func close(_ descriptor: consuming Descriptor) {}
