// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `ipam completions`: what a shell has to know to complete words of this command line.
struct IPAMCompletions: ParsableCommand {
    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish

        /// As the argument parser calls it.
        var kind: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print a completion script for bash, zsh or fish.",
        discussion: """
            make install puts them where shells look. For one user:

              ipam completions bash >~/.local/share/bash-completion/completions/ipam
              ipam completions zsh  >~/.zfunc/_ipam
              ipam completions fish >~/.config/fish/completions/ipam.fish
            """
    )

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        print(IPAMTool.completionScript(for: shell.kind))
    }
}
