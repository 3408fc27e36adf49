# SPDX-License-Identifier: Apache-2.0
"""What is measured. Every measure takes its contestants in turns, in another order each round."""

import itertools
import os
import random
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass

import host
from contestants import Container, Network, require_added, require_deleted, require_working
from launcher import Call
from report import Row, at_most

CROWD = 100  # containers that arrive at once
PAUSE_SECONDS = 0.003
# A deleted link is waited for by the kernel's read-copy-update, whose grace periods otherwise run into the next
# measurement; uneven pauses keep the programs from falling into step with them.
PAUSE_AFTER_DELETION_SECONDS = (0.015, 0.035)
COLD_ROUNDS = 8
CROWD_ROUNDS = 4

MILLISECOND = 1e6
MEBIBYTE = 1 << 20


@dataclass
class Bench:
    """What all measures share."""

    ours: object
    reference: object
    floor: object
    launcher: object
    empty: str
    binary: str  # stripped culvert-cni
    link_floor: str
    filter_floor: str
    rounds: int
    containers: int = 0

    def __post_init__(self):
        self.all = [self.ours, self.reference, self.floor]
        self.plugins = [self.ours, self.reference]
        self.chance = random.Random(1)

    def new_containers(self, count):
        first = self.containers
        self.containers += count
        made = [Container(number, f"c{number}") for number in range(first, first + count)]
        host.add_namespaces([container.namespace for container in made])
        return made

    @contextmanager
    def networks(self, contestants, tag, *, dual=False):
        """A network for each contestant, its bridge standing ready; all use the same subnets, one after the other."""
        networks = {}
        for contestant in contestants:
            network = networks[contestant.name] = self.network(contestant, tag, dual=dual)
            host.add_bridge(network.bridge, f"02:00:00:00:00:0{1 + self.all.index(contestant)}")
        yield networks
        for network in networks.values():
            host.delete_link(network.bridge)

    def network(self, contestant, tag, *, dual=False):
        number = 1 + self.all.index(contestant)
        subnets = (f"10.20{number}.0.0/16", f"fd00:20{number}::/64")[: 2 if dual else 1]
        return Network(f"{tag}-{contestant.name}", f"{tag}{number}", subnets)

    def run(self, call):
        outcome = self.launcher.run(call)
        time.sleep(PAUSE_SECONDS)
        return outcome

    def run_deletion(self, call):
        outcome = self.launcher.run(call)
        time.sleep(self.chance.uniform(*PAUSE_AFTER_DELETION_SECONDS))
        return outcome


def turns(contestants, number):
    """The contestants in another order each round; in the long run each follows each other one equally often."""
    orders = list(itertools.permutations(contestants))
    return list(orders[number * 7 % len(orders)])  # 7 divides no number of orders of fewer than seven


def series(contestants):
    return {contestant.name: [] for contestant in contestants}


def prove(bench, contestants, networks):
    """One unmeasured life of a container for each: warms the caches and shows that the network works."""
    for contestant, container in zip(contestants, bench.new_containers(len(contestants))):
        network = networks[contestant.name]
        result = require_added(bench.run(contestant.add(network, container)), network)
        require_working(network, container, result)
        require_deleted(bench.run_deletion(contestant.delete(network, container, result)), network, result)
        if container.interface in host.links_inside(container.namespace):
            raise RuntimeError(f"{contestant.name}: DEL succeeded and left the interface")


def lives(bench, contestants, networks, rounds):
    """Whole lives of containers. Returns outcomes: verb -> contestant -> one per round."""
    outcomes = {verb: series(contestants) for verb in ("add", "del", "repeat", "unknown")}
    containers = bench.new_containers(rounds * len(contestants))
    strangers = bench.new_containers(1)
    for number in range(rounds):
        order = turns(contestants, number)
        used = {contestant.name: containers.pop() for contestant in order}
        results = {}
        for contestant in order:
            network, container = networks[contestant.name], used[contestant.name]
            outcome = bench.run(contestant.add(network, container))
            results[contestant.name] = require_added(outcome, network)
            outcomes["add"][contestant.name].append(outcome)
        for contestant in order:
            network, result = networks[contestant.name], results[contestant.name]
            outcome = bench.run_deletion(contestant.delete(network, used[contestant.name], result))
            require_deleted(outcome, network, result)
            outcomes["del"][contestant.name].append(outcome)
        for contestant in [c for c in order if c in bench.plugins]:
            network, result = networks[contestant.name], results[contestant.name]
            again = contestant.delete(network, used[contestant.name], result)
            outcomes["repeat"][contestant.name].append(bench.run(again))
            unknown = contestant.delete_unknown(network, strangers[0])
            outcomes["unknown"][contestant.name].append(bench.run(unknown))
    return outcomes


def times(outcomes):
    return {name: [o.nanoseconds / MILLISECOND for o in list_] for name, list_ in outcomes.items()}


def measure_lives(bench):
    with bench.networks(bench.all, "life") as networks:
        prove(bench, bench.all, networks)
        outcomes = lives(bench, bench.all, networks, bench.rounds)
    add = Row("add", "ADD, bridge + host-local, IPv4", "ms", times(outcomes["add"]))
    delete = Row("del", "DEL", "ms", times(outcomes["del"]))
    repeat = Row("repeat", "DEL again", "ms", times(outcomes["repeat"]))
    unknown = Row("unknown", "DEL of an unknown container", "ms", times(outcomes["unknown"]))
    peaks = {name: [o.peak_kib / 1024 for o in list_] for name, list_ in outcomes["add"].items()}
    memory = Row("memory", "peak memory of an ADD", "MB", peaks)
    memory.checks.append(at_most("largest of ours", max(peaks["ours"]), 8, " MB"))
    return [
        add.hold_below("ours", "floor", 2.0).hold_above("reference", "ours", 4),
        delete.hold_below("ours", "floor", 1.25),
        repeat.hold_above("reference", "ours", 4),
        unknown.hold_above("reference", "ours", 4),
        memory,
    ]


def measure_dual(bench):
    with bench.networks(bench.plugins, "dual", dual=True) as networks:
        prove(bench, bench.plugins, networks)
        outcomes = lives(bench, bench.plugins, networks, max(1, bench.rounds // 3))
    return [Row("dual", "ADD, IPv4 and IPv6", "ms", times(outcomes["add"]))]


def measure_cold(bench):
    """The first container of a network: no bridge, no lease directory, nothing known about it."""
    measured = series(bench.all)
    containers = bench.new_containers(COLD_ROUNDS * len(bench.all))
    for number in range(COLD_ROUNDS):
        for contestant in turns(bench.all, number):
            network = bench.network(contestant, f"cold{number}x")
            container = containers.pop()
            outcome = bench.run(contestant.add(network, container))
            result = require_added(outcome, network)
            measured[contestant.name].append(outcome.nanoseconds / MILLISECOND)
            require_deleted(bench.run_deletion(contestant.delete(network, container, result)), network, result)
            host.delete_link(network.bridge)
    return [Row("cold", "ADD of a network's first container", "ms", measured)]


def measure_version(bench):
    starts = {
        "floor": Call([bench.empty]),
        "ours": bench.ours.version(),
        "reference": bench.reference.version(),
        "floor empty": Call([bench.floor.program, "empty"]),
        "floor version": bench.floor.version(),
    }
    measured = {name: [] for name in starts}
    for number in range(-2, bench.rounds):
        for name in turns(list(starts), number):
            outcome = bench.run(starts[name])
            if name in ("ours", "reference", "floor version") and b"1.0.0" not in outcome.output:
                raise RuntimeError(f"{name}: VERSION said {outcome.output!r}")
            if number >= 0:
                measured[name].append(outcome.nanoseconds / MILLISECOND)
    row = Row("version", "VERSION (floor: empty C program)", "ms", measured)
    limit = round(1.5 * row.median("floor") + 1, 2)
    row.checks.append(at_most("ours", row.median("ours"), limit, " ms"))
    return [row]


def measure_crowd(bench):
    rates, removals = series(bench.all), series(bench.all)
    containers = bench.new_containers(CROWD)
    with bench.networks(bench.all, "crowd") as networks:
        prove(bench, bench.all, networks)
        for number in range(CROWD_ROUNDS):
            for contestant in turns(bench.all, number):
                added, deleted = crowd(bench, contestant, networks[contestant.name], containers)
                rates[contestant.name].append(added)
                removals[contestant.name].append(deleted)
    return [
        Row("crowd", f"{CROWD} ADDs at once", "1/s", rates).hold_above("ours", "reference", 3),
        Row("crowd-del", f"{CROWD} DELs at once", "1/s", removals),
    ]


def crowd(bench, contestant, network, containers):
    """All containers come at once, then all go at once. Returns both rates per second."""
    added, adding = bench.launcher.together([contestant.add(network, c) for c in containers])
    results = [require_added(outcome, network) for outcome in added]
    addresses = {ip["address"] for result in results for ip in result["ips"]}
    if len(addresses) != len(containers):
        raise RuntimeError(f"{contestant.name}: {len(containers)} containers share {len(addresses)} addresses")
    calls = [contestant.delete(network, c, result) for c, result in zip(containers, results)]
    deleted, deleting = bench.launcher.together(calls)
    for outcome, result in zip(deleted, results):
        require_deleted(outcome, network, result)
    time.sleep(0.2)
    return len(containers) / (adding / 1e9), len(containers) / (deleting / 1e9)


def traced(call, path):
    """The same call under strace, which leaves its counts in `path`."""
    options = ["-f", "-qq", "-c", "-U", "calls,errors,name", "-o", path]
    return Call([host.tool("strace"), *options, *call.words], call.environment, call.input)


def trace_counts(path):
    """System calls and program starts of one traced call, children and threads included."""
    with open(path, encoding="utf-8") as file:
        found = re.findall(r"^ *(\d+) +(\d*) +(\w+)$", file.read(), re.MULTILINE)
    counts = {name: (int(calls), int(errors or 0)) for calls, errors, name in found}
    # A program that is searched for in PATH is an execve that fails in each directory before.
    return counts["total"][0], counts["execve"][0] - counts["execve"][1]


def count_calls(bench, contestant, network, container):
    path = f"/run/strace-{contestant.name}"
    outcome = bench.run(traced(contestant.add(network, container), path))
    result = require_added(outcome, network)
    bench.run_deletion(contestant.delete(network, container, result))
    return trace_counts(path)


def measure_calls(bench):
    calls, starts = series(bench.all), series(bench.all)
    with bench.networks(bench.all, "trace") as networks:
        prove(bench, bench.all, networks)
        for contestant, container in zip(bench.all, bench.new_containers(len(bench.all))):
            total, programs = count_calls(bench, contestant, networks[contestant.name], container)
            calls[contestant.name].append(total)
            starts[contestant.name].append(programs)
    rows = [Row("calls", "system calls of an ADD", "", calls), Row("execs", "programs started by an ADD", "", starts)]
    rows[0].checks.append(at_most("ours", calls["ours"][0], 200))
    rows[1].checks.append(at_most("ours", starts["ours"][0], 1))
    return rows


def measure_size(bench):
    plugins = os.scandir(bench.reference.directory)
    sizes = {
        "ours": [os.path.getsize(bench.binary) / MEBIBYTE],
        "reference": [sum(entry.stat().st_size for entry in plugins if entry.is_file()) / MEBIBYTE],
    }
    row = Row("size", "all plugins, ours stripped", "MB", sizes)
    row.checks.append(at_most("ours", sizes["ours"][0], 12, " MB"))
    return [row]


# Which rows a measure yields, and how to take it.
MEASURES = [
    (("add", "del", "repeat", "unknown", "memory"), measure_lives),
    (("dual",), measure_dual),
    (("cold",), measure_cold),
    (("version",), measure_version),
    (("crowd", "crowd-del"), measure_crowd),
    (("calls", "execs"), measure_calls),
    (("size",), measure_size),
]
