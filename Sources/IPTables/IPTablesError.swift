// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Why iptables did not do what it was asked for; nothing was changed by the call that threw it.
package enum IPTablesError: Error, Equatable, Sendable {
    /// The program is nowhere in PATH, nor where distributions put it.
    case missing(program: String)
    /// Another program made the table with nftables in a way that iptables cannot read.
    case incompatible(table: IPTablesTable, program: String)
    /// Another iptables held the lock all the time (only the legacy variant has one).
    case busy(program: String, message: String)
    /// The program ended otherwise than with success.
    ///
    /// `message`: what it wrote to standard error, in one line.
    /// `line`: what it complained of in its input, if it said which line.
    case refused(program: String, ending: ChildProcess.Ending, message: String, line: String?)
    /// A word that iptables-restore(8) has no way to write.
    case unusableWord(String)
    /// The program could not be run, or the lock not be taken.
    case kernel(KernelError)
}

extension IPTablesError: CustomStringConvertible {
    /// What, where, and what to do about it.
    package var description: String {
        switch self {
        case .missing(let program):
            #"\#(program) is not installed (looked in PATH and in \#(IPTablesTool.usualDirectories)): "#
                + #"install iptables, or configure "backend": "nftables""#
        case .incompatible(let table, let program):
            "\(program) cannot read table \(table.rawValue), which somebody made with nft: "
                + #"configure "backend": "nftables""#
        case .busy(let program, let message):
            "\(program): another iptables is at work: \(message)"
        case .refused(let program, let ending, let message, let line):
            "\(program): \(ending): \(message)" + (line.map { " (refused: \($0))" } ?? "")
        case .unusableWord(let word):
            "iptables cannot be told a word with a newline or a zero: \(word)"
        case .kernel(let error):
            "\(error)"
        }
    }

    /// The same for those that know only refusals of the kernel: `ENOENT`, `EAGAIN`, `EINVAL`, or the kernel's own.
    package var kernelError: KernelError {
        switch self {
        case .missing(let program): KernelError("find \(program)", .noSuchFileOrDirectory, explanation: description)
        case .busy(let program, _): KernelError("run \(program)", .wouldBlock, explanation: description)
        case .incompatible(_, let program), .refused(let program, _, _, _):
            KernelError("run \(program)", .invalidArgument, explanation: description)
        case .unusableWord: KernelError("write iptables rule", .invalidArgument, explanation: description)
        case .kernel(let error): error
        }
    }
}
