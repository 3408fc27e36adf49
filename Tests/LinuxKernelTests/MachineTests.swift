// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("The machine")
struct MachineTests {
    @Test("Random bytes come in any number and are not all the same", arguments: [0, 1, 24, 1000])
    func randomBytes(count: Int) throws {
        let (one, other) = (try Machine.randomBytes(count), try Machine.randomBytes(count))
        #expect(one.count == count && other.count == count)
        #expect(count < 24 || one != other)
    }

    @Test("Both clocks move forwards")
    func clocks() {
        let (boot, file) = (Machine.bootNanoseconds, Machine.wallNanoseconds)
        #expect(boot > 0 && Machine.bootNanoseconds >= boot)
        // 2020-01-01
        #expect(file > 1_577_836_800_000_000_000 && Machine.wallNanoseconds >= file)
    }

    @Test("A file that was written is no younger than the clock")
    func stamps() throws {
        try withTemporaryDirectory { directory in
            for number in 0..<200 {
                try writeFile("\(directory)/\(number)", "x")
                let status = try #require(try FileStatus.of("\(directory)/\(number)"))
                #expect(status.modifiedNanoseconds <= Machine.wallNanoseconds)
            }
        }
    }

    @Test("The environment is that of the process")
    func environment() throws {
        let path = try #require(getenv("PATH"))
        #expect(Machine.variable("PATH") == String(cString: path))
        #expect(Machine.variables["PATH"] == String(cString: path))
        #expect(Machine.environment.contains("PATH=\(String(cString: path))"))
        #expect(Machine.variable("CULVERT_NO_SUCH_VARIABLE") == nil)
        #expect(Machine.variables["CULVERT_NO_SUCH_VARIABLE"] == nil)
    }

    @Test("The arguments are those of the process")
    func arguments() {
        #expect(Machine.arguments == CommandLine.arguments)
    }
}
