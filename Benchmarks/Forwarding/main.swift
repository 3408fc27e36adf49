// SPDX-License-Identifier: Apache-2.0
import Glibc

// Times of the forwarding core beside the same in C, in one process and by turns. Only the ratios of one run mean
// something on a machine that does other things too.
//
//     forwarding-bench [pipeline | stations | routes | flows | operations] [--dpdk FILE] [--masks N] [--rounds N]
//     forwarding-bench frames | rules [--masks N]
//
// All comparisons without an argument; `--dpdk` names the shared object of Benchmarks/DPDK, whose tables then take part.
// `operations` is for Benchmarks/instructions.py. The others are for Benchmarks/open_vswitch.py: `flows` measures the
// pipeline with the frames and the rules that `frames` and `rules` write for Open vSwitch.

#if DEBUG
    print("without optimization this measures nothing: build with -c release")
#endif

let arguments = Array(CommandLine.arguments.dropFirst())

/// The value behind an option; nil without.
func option(_ name: String) -> String? {
    arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
}

/// What to measure.
let wanted = arguments.first.flatMap { $0.hasPrefix("-") ? nil : $0 }
let comparesAll = wanted == nil
let peer = option("--dpdk").map { path in
    guard let peer = Peer("DPDK", path: path) else { exit(1) }
    print("# the processor's clock ticks \(peer.frequency) times a second")
    return peer
}
let rounds = option("--rounds").flatMap { Int($0) } ?? 101

let wantedMasks = option("--masks").flatMap { Int($0) }
let flows = Pipeline(stations: 1024, masks: wantedMasks ?? 1, frames: 1024, remembers: true, rounds: rounds)

switch wanted {
case "operations": Operations().run()
case "frames": flows.writeFrames()
case "rules": flows.writeRules()
default: print("what", "who", "best ns", "median ns", "Swift by best", "Swift by round", separator: "\t")
}
if wanted == "flows" { flows.run() }
if comparesAll || wanted == "pipeline" {
    for masks in [0, 1, 4, 16] where wantedMasks == nil || wantedMasks == masks {
        Pipeline(stations: 1024, masks: masks, frames: 2048, rounds: rounds).run()
    }
    for masks in [1, 4, 16] where wantedMasks == nil || wantedMasks == masks {
        Pipeline(stations: 1024, masks: masks, frames: 2048, remembers: true, rounds: rounds).run()
    }
    if wantedMasks == nil { Pipeline(stations: 65536, masks: 1, frames: 1 << 17, rounds: rounds).run() }
}
if comparesAll || wanted == "stations" {
    for count in [1024, 60_000, 1_000_000] { compareStations(count, rounds, beside: peer) }
}
if comparesAll || wanted == "routes" {
    for count in [1000, 100_000, 900_000] { compareRoutes(count, rounds, beside: peer) }
}
