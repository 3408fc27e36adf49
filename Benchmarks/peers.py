#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the forwarding core with DPDK's tables and with Open vSwitch's user-space datapath, and prints a table.

    peers.py FORWARDING-BENCH DIRECTORY [--rounds N]

DIRECTORY is what unpack_peers.sh has filled. Needs root: all runs in private namespaces, in which every process ends
with the script. Open vSwitch needs huge pages, which are this machine's: their number is set for the run and goes back
to what it was, however the run ends.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

sys.dont_write_bytecode = True

import open_vswitch

INSIDE = "CULVERT_PEERS_INSIDE"
PAGES = "/proc/sys/vm/nr_hugepages"
# What the table says of each comparison with DPDK, and how long we may take compared with it.
TABLES = {
    "stations, 1024": ("MAC look-up, 1,024 stations", "rte_hash", 0.5),
    "stations, 60000": ("MAC look-up, 60,000 stations", "rte_hash", 0.5),
    "stations, 1000000": ("MAC look-up, 1,000,000 stations", "rte_hash", 0.35),
    "routes, 1000, any address": ("route look-up, 1,000 prefixes", "rte_fib", None),
    "routes, 100000, any address": ("route look-up, 100,000 prefixes", "rte_fib", None),
    "routes, 900000, any address": ("route look-up, 900,000 prefixes", "rte_fib", 0.8),
}
PIPELINE_AIM = 0.35
# Where the unpacked packages are seen.
ROOT = "/run/peers"


@dataclass
class Row:
    """A comparison: nanoseconds, and how long we take compared with the peer by two ways of forming the ratio."""

    what: str
    ours: float
    plain: float
    peer: str
    theirs: float
    ratios: tuple
    aim: float | None

    def text(self):
        verdict = "-" if self.aim is None else "met" if max(self.ratios) <= self.aim else "MISSED"
        by_best, by_round = (f"{ratio:.2f}" for ratio in self.ratios)
        aim = "-" if self.aim is None else f"<= {self.aim}"
        numbers = [f"{number:.1f}" for number in (self.ours, self.plain, self.theirs)]
        return [self.what, *numbers, self.peer, by_best, by_round, aim, verdict]


def load():
    with open("/proc/loadavg", encoding="ascii") as file:
        return file.read().split()[0]


def bench(arguments, *what, prefix=()):
    """The rows that forwarding-bench prints, as (what, who) and numbers; and the frequency of the clock, if it says."""
    command = ["taskset", "-c", str(open_vswitch.CPU), arguments.bench, *what, "--rounds", str(arguments.rounds)]
    done = subprocess.run([*prefix, *command], env=open_vswitch.programs(ROOT), stdout=subprocess.PIPE,
                          text=True, check=True)
    rows, frequency = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("# the processor's clock"):
            frequency = int(line.split()[-4])
        elif line.count("\t") == 5 and not line.startswith("what"):
            name, who, *numbers = line.split("\t")
            rows[name, who] = [float(number) for number in numbers]
    return rows, frequency


def compare_tables(arguments):
    """The comparison with DPDK; and the frequency of the clock."""
    rows, frequency = [], None
    for what in ("stations", "routes"):
        found, frequency = bench(arguments, what, "--dpdk", f"{arguments.directory}/libdpdk.so")
        for name, (label, peer, aim) in TABLES.items():
            if (name, "DPDK") in found:
                theirs = found[name, "DPDK"]
                rows.append(Row(label, found[name, "Swift"][0], found[name, "C"][0], peer, theirs[0], theirs[2:], aim))
    return rows, frequency


def compare_pipelines(arguments, frequency, directory):
    """The comparison with Open vSwitch, net of I/O."""
    frames = f"{directory}/frames.pcap"
    with open(frames, "wb") as file:
        subprocess.run([arguments.bench, "frames"], stdout=file, check=True)
    moving = open_vswitch.io_times(ROOT, directory, frames, frequency, open_vswitch.ROUNDS)
    rows = []
    with open_vswitch.OpenVSwitch(ROOT, directory, frames) as switch:
        for masks in (1, 4, 16):
            rules = subprocess.run(
                [arguments.bench, "rules", "--masks", str(masks)], stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            switch.replace_rules(rules)
            ours, plain, theirs = [], [], []
            for _ in range(open_vswitch.ROUNDS):
                cycles, exact = switch.measure()
                if exact < 0.99:
                    raise open_vswitch.Failure(f"the exact-match cache knew only {exact:.0%} of the frames")
                theirs.append(cycles / frequency * 1e9)
                switch.pause()
                found, _ = bench(arguments, "flows", "--masks", str(masks), prefix=open_vswitch.UNDISTURBED)
                switch.resume()
                name = f"pipeline, 1024 stations, {masks} masks, 1024 frames, remembering"
                ours.append(found[name, "Swift"][:2])
                plain.append(found[name, "C"][0])
            print(
                f"# Open vSwitch, {masks} masks: {min(theirs):.1f} ns a frame (median {statistics.median(theirs):.1f}),",
                f"of which {min(moving):.1f} ns ({statistics.median(moving):.1f}) are I/O",
            )
            net = min(theirs) - min(moving)
            by_median = statistics.median(theirs) - statistics.median(moving)
            best, median = min(best for best, _ in ours), statistics.median(median for _, median in ours)
            label = f"pipeline, 1,024 flows, {masks} {'mask' if masks == 1 else 'masks'}"
            ratios = (best / net, median / by_median)
            rows.append(Row(label, best, min(plain), "Open vSwitch", net, ratios, PIPELINE_AIM))
    return rows


def show(rows):
    head = ["", "Swift ns", "C ns", "peer ns", "peer", "by best", "by median", "aim", ""]
    table = [head, *(row.text() for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def inside(arguments):
    """All comparisons, in namespaces of our own."""
    # DPDK leaves files below /run, whatever it is told, and takes no drivers from below what everybody may write to.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run"], check=True)
    os.mkdir(ROOT)
    subprocess.run(["mount", "--bind", f"{arguments.directory}/root", ROOT], check=True)
    print(f"# load {load()} at the beginning")
    with tempfile.TemporaryDirectory(dir="/run") as directory:
        rows, frequency = compare_tables(arguments)
        try:
            rows += compare_pipelines(arguments, frequency, directory)
        finally:
            print(f"# load {load()} at the end")
            show(rows)
    return 0 if all(row.aim is None or max(row.ratios) <= row.aim for row in rows) else 1


def with_huge_pages(command, environment):
    """Runs a command while the machine has the huge pages it needs; the number goes back even if we are killed."""
    with open(PAGES, encoding="ascii") as file:
        before = int(file.read())
    # Ends with its standard input, which ends with us.
    guard = subprocess.Popen(
        ["sh", "-c", f"cat; echo {before} >{PAGES}"], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        with open(PAGES, "w", encoding="ascii") as file:
            file.write(str(max(before, open_vswitch.HUGE_PAGES)))
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        guard.stdin.close()
        guard.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", metavar="FORWARDING-BENCH", type=os.path.abspath)
    parser.add_argument("directory", metavar="DIRECTORY", type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=101, help="how often each is measured (101)")
    arguments = parser.parse_args()
    if os.environ.get(INSIDE):
        return inside(arguments)
    if os.geteuid() != 0:
        sys.exit("peers: needs root, for namespaces and huge pages")
    # Ends with us, and all that it started with it.
    command = ["setpriv", "--pdeathsig", "KILL"]
    command += ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += [sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
    return with_huge_pages(command, os.environ | {INSIDE: "1"})


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (open_vswitch.Failure, subprocess.CalledProcessError, OSError) as problem:
        sys.exit(f"peers: {problem}")
