// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Installation

/// `culvert uninstall`: gives names back to the programs that bore them before.
struct UninstallPlugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uninstall",
        abstract: "Give the names of installed plugins back to what bore them before.",
        discussion: """
            Undoes `culvert install`, in one moment as well: what was there before is there \
            again, the very same files; where nothing was, nothing is. A name that somebody \
            else has taken since stays with them. A configuration that was installed along \
            is removed unless it was changed.

            Exit status:
              0   nothing is installed any more
              1   refused: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    @OptionGroup var place: InstallationPlace

    func run() throws {
        try place.uninstall()
    }
}
