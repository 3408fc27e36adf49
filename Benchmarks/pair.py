# SPDX-License-Identifier: Apache-2.0
"""Two namespaces, the ends of one way that frames take, what can be measured between them, and how ways are compared.

Only ratios mean something, and only of what was measured within seconds of each other: a machine is now quicker, now
slower. So turns are short and many, and a ratio is the median of the rounds' own.
"""

import dataclasses
import json
import statistics
import subprocess
import time
from collections.abc import Callable

#: How long frames are sent in one turn.
SECONDS = 0.3


def run(command: str) -> str:
    """What a command says; its failure is the end."""
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def inside(namespace: str, command: str) -> str:
    """The command, as it has to be said to run there."""
    return f"nsenter --net=/run/netns/{namespace} {command}"


def unburden_bridges() -> None:
    """Has bridges at their fastest: nothing of theirs goes through the packet filters of routers."""
    run("for i in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $i ] || echo 0 >$i; done")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Who sends, and who receives; `frames` is the program that makes traffic."""

    sender: str
    receiver: str
    mac: str
    address: str
    frames: str

    def introduce(self) -> None:
        """Lets the two learn where the other one is."""
        run(inside(self.sender, f"ping -c 2 -i 0.2 {self.address}"))

    def send(self, length: int) -> str:
        """Sends frames to the receiver from the first processor, as fast as it can; what the program says."""
        return run("taskset -c 0 " + inside(self.sender, f"{self.frames} send eth0 {self.mac} {length} {SECONDS}"))

    def round_trip(self) -> float:
        """The median there and back, both on one processor, in microseconds."""
        pong = subprocess.Popen(["taskset", "-c", "0", *inside(self.receiver, f"{self.frames} pong 9000").split()])
        try:
            time.sleep(0.2)
            ping = inside(self.sender, f"{self.frames} ping {self.address} 9000 4000")
            return int(run(f"taskset -c 0 {ping}")) / 1e3
        finally:
            pong.kill()
            pong.wait()

    def stream(self) -> float:
        """One stream of TCP for a second, in Gbit/s."""
        server = subprocess.Popen(inside(self.receiver, "iperf3 -s -1").split(), stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.4)
            told = json.loads(run(inside(self.sender, f"iperf3 -c {self.address} -t 1 -O 0.5 -J")))
            return told["end"]["sum_received"]["bits_per_second"] / 1e9
        finally:
            server.kill()
            server.wait()


def compare(pairs: dict[str, Pair], measure: Callable[[Pair], dict[str, float]], rounds: int,
            compared: dict[str, list[str]]) -> None:
    """Measures all ways by turns, and prints medians, and of each base the ratios of those compared with it.

    Each round begins with another way: who comes first may find the machine rested.
    """
    names = list(pairs)
    turns = []
    for number in range(rounds):
        first = number % len(names)
        turns.append({way: measure(pairs[way]) for way in names[first:] + names[:first]})
    print(f"{'median of ' + str(rounds) + ' rounds':36}" + "".join(f"{way:>11}" for way in pairs)
          + "".join(f"{way + ' / ' + base:>20}" for base, ways in compared.items() for way in ways))
    for what in next(iter(turns[0].values())):
        middle = [statistics.median(turn[way][what] for turn in turns) for way in pairs]
        ratios = [statistics.median(turn[way][what] / turn[base][what] for turn in turns)
                  for base, ways in compared.items() for way in ways]
        print(f"{what:36}" + "".join(f"{value:11.3f}" for value in middle)
              + "".join(f"{ratio:20.2f}" for ratio in ratios))
