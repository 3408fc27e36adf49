// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Directories")
struct DirectoryTests {
    @Test("Parents are made as needed, in any spelling", arguments: ["a", "a/b/c", "a//b", "a/b/", "./a/./b"])
    func create(path: String) throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(creating: "\(root)/\(path)", mode: 0o700)
            #expect(directory.path == "\(root)/\(path)")
            #expect(try directory.names() == [])
            _ = try Directory(creating: "\(root)/\(path)", mode: 0o700)
            #expect(try listDirectory(root) == ["a"])
        }
    }

    @Test("A file in the way is an error, at the end and before it")
    func fileInTheWay() throws {
        try withTemporaryDirectory { root in
            try writeFile("\(root)/file", "")
            for path in ["\(root)/file", "\(root)/file/a", "\(root)/file/a/b"] {
                #expect(throws: KernelError("open \(path)", .notDirectory)) {
                    _ = try Directory(creating: path, mode: 0o700)
                }
            }
            #expect(try readFile("\(root)/file") == "")
        }
    }

    @Test("Many may make the same directories at the same moment", arguments: 1...20)
    func race(round: Int) throws {
        try withTemporaryDirectory { root in
            let path = "\(root)/" + repeatElement("d", count: 12).joined(separator: "/")
            let names = try onThreads(6) { number in
                let directory = try Directory(creating: path, mode: 0o700)
                _ = try directory.open("\(number)", O_WRONLY | O_CREAT, mode: 0o600)
                return directory.path
            }
            #expect(Set(names) == [path])
            #expect(try listDirectory(path) == (0..<6).map { "\($0)" })
        }
    }

    @Test("A missing directory is named")
    func missing() {
        #expect(throws: KernelError("open /nowhere/at/all", .noSuchFileOrDirectory)) {
            _ = try Directory(path: "/nowhere/at/all")
        }
    }

    @Test("All names are listed, long and odd ones too, and again the second time", arguments: [0, 1, 1000])
    func names(count: Int) throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(path: root)
            let names = (0..<count).map { "\($0)" + String(repeating: "ü", count: $0 % 120) }
            for name in names { _ = try directory.open(name, O_WRONLY | O_CREAT, mode: 0o600) }
            #expect(try directory.names().sorted() == names.sorted())
            #expect(try directory.names().sorted() == names.sorted())
        }
    }

    @Test("A second name is given only when it is free")
    func link() throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(path: root)
            try writeFile("\(root)/new", "new")
            try writeFile("\(root)/old", "old")
            #expect(try !directory.link("new", as: "old"))
            #expect(try readFile("\(root)/old") == "old")
            #expect(try directory.link("new", as: "fresh"))
            #expect(try directory.status("fresh") == directory.status("new"))
            #expect(throws: KernelError("link \(root)/there", .noSuchFileOrDirectory)) {
                try directory.link("gone", as: "there")
            }
        }
    }

    @Test("Renaming replaces, removing says whether there was something")
    func renameAndRemove() throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(path: root)
            try writeFile("\(root)/new", "new")
            try writeFile("\(root)/old", "old")
            try directory.rename("new", to: "old")
            #expect(try readFile("\(root)/old") == "new")
            #expect(try listDirectory(root) == ["old"])
            #expect(try directory.remove("old"))
            #expect(try !directory.remove("old"))
            #expect(throws: KernelError("rename \(root)/old to x", .noSuchFileOrDirectory)) {
                try directory.rename("old", to: "x")
            }
            try makeDirectory("\(root)/sub")
            #expect(throws: KernelError("remove \(root)/sub", .isDirectory)) { try directory.remove("sub") }
        }
    }

    @Test("Touching a file makes it look new, and a missing one is an error")
    func touch() throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(path: root)
            try writeFile("\(root)/file", "x")
            try setModificationTime("\(root)/file", seconds: 1)
            #expect(try directory.status("file")?.modifiedNanoseconds == 1_000_000_000)
            let began = Machine.wallNanoseconds - oneTick
            try directory.touch("file")
            #expect(try #require(try directory.status("file")).modifiedNanoseconds >= began)
            #expect(throws: KernelError("touch \(root)/gone", .noSuchFileOrDirectory)) { try directory.touch("gone") }
        }
    }

    @Test("The status of a name follows links, and is nil where there is nothing")
    func status() throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(path: root)
            try writeFile("\(root)/file", "x")
            try makeSymbolicLink("\(root)/link", to: "file")
            try makeSymbolicLink("\(root)/dangling", to: "nowhere")
            #expect(try directory.status("link") == directory.status("file"))
            #expect(try directory.status("dangling") == nil)
            #expect(try directory.status("gone") == nil)
        }
    }

    @Test("A file that cannot be opened is named with its directory")
    func open() throws {
        try withTemporaryDirectory { root in
            let directory = try Directory(path: root)
            #expect(throws: KernelError("open \(root)/gone", .noSuchFileOrDirectory)) {
                _ = try directory.open("gone", O_RDONLY)
            }
        }
    }
}
