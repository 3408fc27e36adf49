// SPDX-License-Identifier: Apache-2.0
import Foundation
import PackagePlugin

/// Compiles the program that the kernel runs, and writes its octets into a Swift file.
///
/// Both is done by the clang that comes with the Swift compiler: it knows the kernel's machine, and its preprocessor
/// writes a file's octets as numbers (`#embed`). One command for both: what is between two would become a resource.
@main
struct CompilePrograms: BuildToolPlugin {
    private static let script = """
        set -e
        "$1" -target bpfel -mcpu=v3 -O2 -std=c23 -ffreestanding -nostdinc -Wall -Wextra -Werror -fno-ident -fno-addrsig \
            -c "$2/Shortcut.c" -o "$3/Shortcut.o"
        "$1" -E -P -std=c23 -nostdinc -x c --embed-dir="$3" "$2/ShortcutObject.in" -o "$3/ShortcutObject.swift"
        """

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let clang = try context.tool(named: "clang").url
        let sources = context.package.directoryURL.appending(path: "Sources/FastPath/Program")
        let output = context.pluginWorkDirectoryURL
        return [
            .buildCommand(
                displayName: "Compiling the shortcut for the kernel",
                executable: URL(filePath: "/bin/sh"),
                arguments: ["-c", CompilePrograms.script, "sh", clang.path(), sources.path(), output.path()],
                inputFiles: ["Shortcut.c", "Guard.h", "Kernel.h", "ShortcutObject.in"].map {
                    sources.appending(path: $0)
                },
                outputFiles: [output.appending(path: "ShortcutObject.swift")]
            )
        ]
    }
}
