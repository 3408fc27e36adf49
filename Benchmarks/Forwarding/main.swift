// SPDX-License-Identifier: Apache-2.0

// Times of the forwarding core beside the same in C, in one process and by turns. Only the ratios of one run mean
// something on a machine that does other things too.

#if DEBUG
    print("without optimization this measures nothing: build with -c release")
#endif

/// What to measure; all of it without an argument.
let wanted = CommandLine.arguments.dropFirst().first

if wanted == "operations" { Operations().run() }

if wanted == nil || wanted == "pipeline" {
    for masks in [0, 1, 4, 16] { Pipeline(stations: 1024, masks: masks, frames: 2048).run() }
    Pipeline(stations: 65536, masks: 1, frames: 1 << 17).run()
}
if wanted == nil || wanted == "stations" {
    for count in [1024, 60_000, 1_000_000] { compareStations(count) }
}
if wanted == nil || wanted == "routes" {
    for count in [1000, 100_000, 900_000] { compareRoutes(count) }
}
