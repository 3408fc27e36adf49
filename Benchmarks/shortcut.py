#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two containers joined by a bare pair, by a bridge and by a bridge with the shortcut, measured in turns; by a bridge with
a shortcut that looks at nothing (`floor`); and by a bridge whose VLANs programs keep, without the shortcut (`VLAN`) and
with it (`VLAN past`).

    unshare --mount --net --propagation private shortcut.py FRAMES SHORTCUT_BENCH [ROUNDS]

Frames are counted where the receiver drops them, and a frame's cost is the sender's own time on its processor, in which
the whole way of the frame is.
"""

import json
import pathlib
import sys
import tempfile
import time

from pair import Pair, compare, inside, run, unburden_bridges

WAYS = ["bare", "bridge", "floor", "shortcut", "VLAN", "VLAN past"]
#: What each way is compared with, and which ways are.
COMPARED = {"bridge": ["floor", "shortcut", "VLAN", "VLAN past"], "bare": ["floor", "shortcut"]}
#: What shortcut-bench is told besides the ports.
TOLD = {"shortcut": "", "VLAN": "vlan=100 bridge", "VLAN past": "vlan=100"}
FRAMES, ATTACH = sys.argv[1], sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 20


def address(way: int, side: int) -> str:
    return f"02:00:00:00:{way:02x}:{side:02x}"


PAIRS = [Pair(f"a{number}", f"b{number}", address(number, 1), f"10.8.{number}.2", FRAMES)
         for number in range(len(WAYS))]


def prepare() -> str:
    """Makes the ways, each with containers `aN` and `bN`; says what the shortcut told."""
    run("mount -t tmpfs none /run && mkdir -p /run/netns && mount -t bpf none /sys/fs/bpf && ip link set lo up")
    for number, way in enumerate(WAYS):
        for side, name in enumerate("ab"):
            run(f"ip netns add {name}{number} && {inside(f'{name}{number}', 'ip link set lo up')}")
            run(inside(f"{name}{number}", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"))
        if way == "bare":
            run(f"ip link add eth0 netns a{number} address {address(number, 0)} type veth "
                f"peer name eth0 netns b{number} address {address(number, 1)}")
        else:
            run(f"ip link add br{number} type bridge && ip link set br{number} up")
            for side, name in enumerate("ab"):
                run(f"ip link add {name}{number} type veth peer name eth0 netns {name}{number} "
                    f"address {address(number, side)} && ip link set {name}{number} master br{number} up")
        for side, name in enumerate("ab"):
            run(inside(f"{name}{number}", f"ip address add 10.8.{number}.{side + 1}/24 dev eth0"))
            run(inside(f"{name}{number}", "ip link set eth0 up"))
    unburden_bridges()
    told = ""
    for way, words in TOLD.items():
        number = WAYS.index(way)
        ports = " ".join(f"{name}{number}={address(number, side)}" for side, name in enumerate("ab"))
        for _ in range(5):
            last = run(f"{ATTACH} {words} br{number} {ports}")
        told += f"{way}: {last}"
    for pair in PAIRS:
        pair.introduce()
    lead_unseen(WAYS.index("floor"))
    return told.strip()


def lead_unseen(number: int) -> None:
    """Has each of a bridge's two ports hand all that it takes in to the other one's container."""
    links = {link["ifname"]: link["ifindex"] for link in json.loads(run("ip -j link"))}
    source = pathlib.Path(__file__).with_name("floor_shortcut.c")
    with tempfile.TemporaryDirectory() as directory:
        for port, other in [(f"a{number}", f"b{number}"), (f"b{number}", f"a{number}")]:
            run(f"clang -target bpfel -O2 -Wall -Wextra -DPEER={links[other]} -c -o {directory}/{port} {source}")
            run(f"tc qdisc add dev {port} clsact && "
                f"tc filter add dev {port} ingress bpf direct-action object-file {directory}/{port} section floor")


def flood(pair: Pair, length: int) -> tuple[float, float]:
    """Frames received per second of the clock, and of the sender's own time."""
    before = dropped(pair)
    begin = time.monotonic()
    said = pair.send(length)
    elapsed = time.monotonic() - begin
    received = dropped(pair) - before
    return received / elapsed, received / (int(said.split()[1]) / 1e9)


def dropped(pair: Pair) -> int:
    """How many packets the receiver has dropped for their headers."""
    names, values = [line.split() for line in run(inside(pair.receiver, "cat /proc/net/snmp")).splitlines()
                     if line.startswith("Ip:")]
    return int(values[names.index("InHdrErrors")])


def measure(pair: Pair) -> dict[str, float]:
    """One turn of a way."""
    found = {}
    for length in (60, 1514):
        wall, own = flood(pair, length)
        found[f"{length} B, Mframes/s"] = wall / 1e6
        found[f"{length} B, ns of processor per frame"] = 1e9 / own
    found["round trip p50, us"] = pair.round_trip()
    found["TCP, Gbit/s"] = pair.stream()
    return found


if __name__ == "__main__":
    if len(json.loads(run("ip -j link"))) != 1:
        sys.exit("not in the machine's own network: see the beginning of this file")
    print(prepare())
    compare(dict(zip(WAYS, PAIRS)), measure, ROUNDS, COMPARED)
