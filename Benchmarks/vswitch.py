#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two containers on a bridge of the kernel, two on a switch in user space, and two behind the least that such a switch
does: a call to read each frame and one to write it, in C, without a look at it. All are measured in turns.

    unshare --mount --net --propagation private vswitch.py FRAMES FLOOR BUILD [ROUNDS]

FRAMES and FLOOR are made of frames.c and floor_taps.c; BUILD has culvert-cni and culvert-switchd. Frames are counted by
the receiver's link. The sender has the first processor; what carries frames in user space, which the kernel's bridge has
no need of, has the last one.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

from pair import SECONDS, Pair, compare, inside, run, unburden_bridges

WAYS = ["bridge", "floor", "vswitch"]
FRAMES, FLOOR, BUILD = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
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


def attach_pair(way: str) -> Pair:
    """Two containers on a network of a plugin."""
    attach(way, f"a-{way}")
    answer = attach(way, f"b-{way}")
    mac = next(link["mac"] for link in answer["interfaces"] if link.get("sandbox"))
    return Pair(f"a-{way}", f"b-{way}", mac, answer["ips"][0]["address"].split("/")[0], FRAMES)


def floor_pair(command: list[str]) -> tuple[subprocess.Popen[bytes], Pair]:
    """Two namespaces, and the program that carries frames between them."""
    names = ["a-floor", "b-floor"]
    run("".join(f"ip netns add {name} && {inside(name, 'ip link set lo up')};" for name in names))
    process = subprocess.Popen([*command, FLOOR, *(f"/run/netns/{name}" for name in names)])
    for number, name in enumerate(names):
        while subprocess.run(inside(name, f"ip address add 10.9.0.{number + 1}/24 dev eth0").split(),
                             stderr=subprocess.DEVNULL, check=False).returncode:
            time.sleep(0.01)
    mac = json.loads(run(inside(names[1], "ip -j link show eth0")))[0]["address"]
    return process, Pair(*names, mac, "10.9.0.2", FRAMES)


def prepare() -> tuple[list[subprocess.Popen[bytes]], dict[str, Pair]]:
    """Starts what carries frames, and makes the containers of each way."""
    run("mount -t tmpfs none /run && mkdir -p /run/netns /run/plugins && mount -t tmpfs none /var/lib"
        " && mkdir -p /var/lib/cni && ip link set lo up")
    for name in ("bridge", "vswitch", "host-local"):
        (PLUGINS / name).symlink_to(BUILD / "culvert-cni")
    pinned = ["taskset", "-c", str((os.cpu_count() or 1) - 1)]
    daemon = subprocess.Popen([*pinned, BUILD / "culvert-switchd"])
    while not pathlib.Path("/run/culvert/switchd.sock").exists():
        time.sleep(0.01)
    floor, pair = floor_pair(pinned)
    pairs = {"bridge": attach_pair("bridge"), "floor": pair, "vswitch": attach_pair("vswitch")}
    for pair in pairs.values():
        pair.introduce()
    unburden_bridges()
    return [daemon, floor], pairs


def heard(pair: Pair) -> int:
    """How many frames the receiver's link has taken in."""
    shown = json.loads(run(inside(pair.receiver, "ip -s -j link show eth0")))
    return shown[0]["stats64"]["rx"]["packets"]


def flood(pair: Pair, length: int) -> float:
    """Frames received per second; nobody wants them there."""
    before, begin = heard(pair), time.monotonic()
    pair.send(length)
    return (heard(pair) - before) / min(time.monotonic() - begin, SECONDS * 1.5)


def measure(pair: Pair) -> dict[str, float]:
    """One turn of a way."""
    found = {f"{length} B, Mframes/s": flood(pair, length) / 1e6 for length in (60, 1514)}
    return found | {"TCP, Gbit/s": pair.stream(), "round trip p50, us": pair.round_trip()}


def main() -> None:
    """Measures with what carries frames running."""
    carriers, pairs = prepare()
    try:
        compare(pairs, measure, ROUNDS, {"bridge": ["floor", "vswitch"]})
    finally:
        for process in carriers:
            process.terminate()
            process.wait()


main()
