#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two containers on a bridge of the kernel, and two on a switch in user space, measured in turns.

    unshare --mount --net --propagation private vswitch.py FRAMES BUILD [ROUNDS]

BUILD has culvert-cni and culvert-switchd. Only ratios within one run mean something. Frames are counted by
the receiver's link. The sender has the first processor; the daemon, which the kernel's bridge has no
need of, has the last one.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Any

from pair import Pair, inside, run, unburden_bridges

WAYS = ["bridge", "vswitch"]
FRAMES, BUILD = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
SECONDS = 1.0
PLUGINS = pathlib.Path("/run/plugins")


def attach(way: str, name: str) -> dict[str, Any]:
    """Makes a container, and gives it an interface by the plugin; says what ADD answered."""
    run(f"ip netns add {name} && {inside(name, 'ip link set lo up')}")
    number = WAYS.index(way)
    configuration = {"cniVersion": "1.1.0", "name": way, "type": way, "ipam": {
        "type": "host-local", "ranges": [[{"subnet": f"10.8.{number}.0/24"}]]}}
    environment = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": name, "CNI_NETNS": f"/run/netns/{name}",
                   "CNI_IFNAME": "eth0", "CNI_PATH": str(PLUGINS), "PATH": os.environ["PATH"]}
    done = subprocess.run([PLUGINS / way], input=json.dumps(configuration), env=environment, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout)
    return json.loads(done.stdout)


def prepare() -> tuple[subprocess.Popen[bytes], dict[str, Pair]]:
    """Starts the daemon, and makes the containers of each way."""
    run("mount -t tmpfs none /run && mkdir -p /run/netns /run/plugins && mount -t tmpfs none /var/lib"
        " && mkdir -p /var/lib/cni && ip link set lo up")
    for name in (*WAYS, "host-local"):
        (PLUGINS / name).symlink_to(BUILD / "culvert-cni")
    last = (os.cpu_count() or 1) - 1
    daemon = subprocess.Popen(["taskset", "-c", str(last), BUILD / "culvert-switchd"])
    while not pathlib.Path("/run/culvert/switchd.sock").exists():
        time.sleep(0.01)
    pairs = {}
    for way in WAYS:
        attach(way, f"a-{way}")
        answer = attach(way, f"b-{way}")
        mac = next(link["mac"] for link in answer["interfaces"] if link.get("sandbox"))
        address = answer["ips"][0]["address"].split("/")[0]
        pairs[way] = Pair(f"a-{way}", f"b-{way}", mac, address, FRAMES)
        pairs[way].introduce()
    unburden_bridges()
    return daemon, pairs


def heard(pair: Pair) -> int:
    """How many frames the receiver's link has taken in."""
    shown = json.loads(run(inside(pair.receiver, "ip -s -j link show eth0")))
    return shown[0]["stats64"]["rx"]["packets"]


def flood(pair: Pair, length: int) -> float:
    """Frames received per second; nobody wants them there."""
    before, begin = heard(pair), time.monotonic()
    pair.send(length, SECONDS)
    return (heard(pair) - before) / min(time.monotonic() - begin, SECONDS * 1.5)


def main() -> None:
    """Measures in rounds, and prints the best, the median and the ratio of each."""
    daemon, pairs = prepare()
    found: dict[str, dict[str, list[float]]] = {}
    try:
        for _ in range(ROUNDS):
            for way, pair in pairs.items():
                for length in (60, 1514):
                    rate = flood(pair, length) / 1e6
                    found.setdefault(f"{length} B, Mframes/s", {}).setdefault(way, []).append(rate)
                found.setdefault("TCP, Gbit/s", {}).setdefault(way, []).append(pair.stream())
                found.setdefault("round trip, us", {}).setdefault(way, []).append(pair.round_trip(5000))
    finally:
        daemon.terminate()
        daemon.wait()
    print(f"{'':20}" + "".join(f"{way + ' best/median':>24}" for way in WAYS) + f"{'median of ratios':>20}")
    for name, ways in found.items():
        best = min if name.endswith("us") else max
        cells = "".join(f"{f'{best(ways[way]):.3f} / {statistics.median(ways[way]):.3f}':>24}" for way in WAYS)
        ratio = statistics.median(ours / theirs for ours, theirs in zip(ways["vswitch"], ways["bridge"]))
        print(f"{name:20}{cells}{ratio:>20.2f}")


main()
