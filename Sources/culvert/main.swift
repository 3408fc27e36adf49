// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

// Every tool is this one file under another name: `cnitool` is `culvert cnitool`.
let name = CommandLine.arguments.first.flatMap { $0.split(separator: "/").last }.map { String($0) }
let tool = Culvert.tools.first { $0.configuration.commandName == name } ?? Culvert.self
tool.main(Array(CommandLine.arguments.dropFirst()))
