// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `culvert completions`: what a shell has to know to complete words of this command line.
struct Completions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print a completion script for bash, zsh or fish.",
        discussion: """
            make install puts them where shells look. For one user:

              culvert completions bash >~/.local/share/bash-completion/completions/culvert
              culvert completions zsh  >~/.zfunc/_culvert
              culvert completions fish >~/.config/fish/completions/culvert.fish
            """
    )

    @Argument(help: "bash, zsh or fish.")
    var shell: IPAMCompletions.Shell

    func run() throws {
        print(Culvert.completionScript(for: shell.kind))
    }
}
