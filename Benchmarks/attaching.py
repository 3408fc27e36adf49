# SPDX-License-Identifier: Apache-2.0
"""What `fastPath` adds to an ADD, and what others pay for it.

The kernel attaches the shortcut's program with its network lock held for some milliseconds, after the ADD: no call begins
before every program is at its port, but for the one that is to find out how long it is kept waiting.
"""

import fcntl
import glob
import os
import socket
import statistics
import struct
import threading
import time
from dataclasses import dataclass

import host
from contestants import Network, require_added, require_deleted
from measures import MILLISECOND, prove, turns
from report import Row, at_most

CROWD = 20
CROWD_SHARE = 10  # of a hundred rounds
PINS = "/sys/fs/bpf/culvert/*"
MOST_MILLISECONDS = 0.3
WATCH_SECONDS = 0.3
WAYS = ("ours", "without")


@dataclass(frozen=True)
class FastNetwork(Network):
    """Frames between its containers go past the bridge."""

    def configuration(self):
        return super().configuration() | {"fastPath": "ebpf"}


def await_programs():
    """Whoever is about to attach one holds the directory of its name."""
    for directory in glob.glob(PINS):
        descriptor = os.open(directory, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.close(descriptor)


def networks(tag):
    """The same twice, and the bridges for them."""
    made = {
        "ours": FastNetwork(f"{tag}-with", f"{tag}1", ("10.211.0.0/16",)),
        "without": Network(f"{tag}-without", f"{tag}2", ("10.212.0.0/16",)),
    }
    for number, network in enumerate(made.values()):
        host.add_bridge(network.bridge, f"02:00:00:00:01:0{number}")
    return made


def show_rules_no_frames():
    """An ADD asks for all of these where the first is 0."""
    for path in glob.glob("/proc/sys/net/bridge/bridge-nf-call-*"):
        with open(path, "w", encoding="ascii") as file:
            file.write("0")


class Watch:
    """Asks for the network lock again and again, by setting nothing of a link; knows how long it took at most."""

    # struct nlmsghdr: RTM_NEWLINK that is answered; struct ifinfomsg: lo, without a flag to change
    REQUEST = struct.pack("=IHHIIBxHiII", 32, 16, 5, 1, 0, 0, 0, 1, 0, 0)

    def __init__(self):
        self.longest = 0.0
        self.ends = False
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.ends:
            began = time.monotonic_ns()
            self.socket.send(self.REQUEST)
            self.socket.recv(4096)
            self.longest = max(self.longest, (time.monotonic_ns() - began) / MILLISECOND)
            time.sleep(0.0002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()
        self.socket.close()


def lives(bench, both, count):
    """Milliseconds: verb -> way -> one per round; and how long others waited at most after an ADD."""
    found = {verb: {way: [] for way in WAYS} for verb in ("add", "del", "wait")}
    containers = bench.new_containers(count * len(WAYS))
    for number in range(count):
        for way in turns(WAYS, number):
            network, container = both[way], containers.pop()
            added = bench.run(bench.ours.add(network, container))
            result = require_added(added, network)
            if number % 4 == 0:
                with Watch() as watch:
                    time.sleep(WATCH_SECONDS)
                found["wait"][way].append(watch.longest)
            await_programs()
            deleted = bench.run_deletion(bench.ours.delete(network, container, result))
            require_deleted(deleted, network, result)
            found["add"][way].append(added.nanoseconds / MILLISECOND)
            found["del"][way].append(deleted.nanoseconds / MILLISECOND)
    return found


def crowds(bench, both, count):
    """ADDs per second, and milliseconds until the last program was at its port: one per round."""
    rates, ends = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    containers = bench.new_containers(CROWD)
    for number in range(count):
        for way in turns(WAYS, number):
            network = both[way]
            began = time.monotonic_ns()
            added, adding = bench.launcher.together([bench.ours.add(network, one) for one in containers])
            await_programs()
            ends[way].append((time.monotonic_ns() - began) / MILLISECOND)
            rates[way].append(CROWD / (adding / 1e9))
            results = [require_added(outcome, network) for outcome in added]
            calls = [bench.ours.delete(network, one, result) for one, result in zip(containers, results)]
            for outcome, result in zip(bench.launcher.together(calls)[0], results):
                require_deleted(outcome, network, result)
            time.sleep(0.2)
    return rates, ends


def difference(values):
    """Of the medians, and the median of the differences within each round."""
    pairs = [one - other for one, other in zip(values["ours"], values["without"])]
    return max(statistics.median(values["ours"]) - statistics.median(values["without"]), statistics.median(pairs))


def row(name, title, unit, values, word="without"):
    """A row that says in a note what it is beside."""
    made = Row(name, title, unit, values)
    made.note = f"{word}: {statistics.median(values['without']):.2f}"
    return made


def measure(bench):
    show_rules_no_frames()
    both = networks("fast")
    for way in WAYS:
        prove(bench, [bench.ours], {"ours": both[way]})
        await_programs()
    found = lives(bench, both, bench.rounds)
    rates, ends = crowds(bench, both, max(1, bench.rounds * CROWD_SHARE // 100))
    for network in both.values():
        host.delete_link(network.bridge)
    add = row("fast", "ADD with fastPath", "ms", found["add"])
    add.checks.append(at_most("more than without it", difference(found["add"]), MOST_MILLISECONDS, " ms"))
    return [
        add,
        row("fast-del", "DEL with fastPath", "ms", found["del"]),
        row("fast-wait", "longest wait of others after that ADD", "ms", found["wait"]),
        row("fast-crowd", f"{CROWD} ADDs at once with fastPath", "1/s", rates),
        row("fast-crowd-end", "until all of their programs are there", "ms", ends),
    ]


MEASURES = [(("fast", "fast-del", "fast-wait", "fast-crowd", "fast-crowd-end"), measure)]
