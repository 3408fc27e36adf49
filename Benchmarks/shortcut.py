#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two containers joined by a bare pair, by a bridge and by a bridge with the shortcut, measured in turns; and by a bridge
whose VLANs programs keep, without the shortcut (`VLAN`) and with it (`VLAN past`).

    unshare --mount --net --propagation private shortcut.py FRAMES SHORTCUT_BENCH [ROUNDS]

Only ratios within one run mean something. Frames are counted where the receiver drops them, and a frame's cost is the
sender's own time on its processor, in which the whole way of the frame is: so that figure stands other work on the
machine.
"""

import json
import statistics
import sys
import time

from pair import Pair, inside, run, unburden_bridges

WAYS = ["bare", "bridge", "shortcut", "VLAN", "VLAN past"]
#: What shortcut-bench is told besides the ports.
TOLD = {"shortcut": "", "VLAN": "vlan=100 bridge", "VLAN past": "vlan=100"}
FRAMES, ATTACH = sys.argv[1], sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
SECONDS = 1.0


def address(way: int, side: int) -> str:
    return f"02:00:00:00:{way:02x}:{side:02x}"


PAIRS = [Pair(f"a{number}", f"b{number}", address(number, 1), f"10.8.{number}.2", FRAMES)
         for number in range(len(WAYS))]


def prepare() -> str:
    """Makes the three ways, each with containers `aN` and `bN`; says what the shortcut told."""
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
    return told.strip()


def flood(pair: Pair, length: int) -> tuple[float, float]:
    """Frames received per second of the clock, and of the sender's own time."""
    before = dropped(pair)
    begin = time.monotonic()
    said = pair.send(length, SECONDS)
    elapsed = time.monotonic() - begin
    received = dropped(pair) - before
    return received / elapsed, received / (int(said.split()[1]) / 1e9)


def dropped(pair: Pair) -> int:
    """How many packets the receiver has dropped for their headers."""
    names, values = [line.split() for line in run(inside(pair.receiver, "cat /proc/net/snmp")).splitlines()
                     if line.startswith("Ip:")]
    return int(values[names.index("InHdrErrors")])


def main() -> None:
    print(prepare())
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for way, pair in zip(WAYS, PAIRS):
            for length in (60, 1514):
                wall, own = flood(pair, length)
                found.setdefault(f"{length} B, Mframes/s", {}).setdefault(way, []).append(wall / 1e6)
                found.setdefault(f"{length} B, ns of processor per frame", {}).setdefault(way, []).append(1e9 / own)
            found.setdefault("round trip p50, us", {}).setdefault(way, []).append(pair.round_trip(20000))
            found.setdefault("TCP, Gbit/s", {}).setdefault(way, []).append(pair.stream())
    print(f"{'median of ' + str(ROUNDS) + ' rounds':36}" + "".join(f"{way:>12}" for way in WAYS)
          + "".join(f"{way + ' / bridge':>20}" for way in TOLD) + f"{'shortcut / bare':>18}")
    for what, ways in found.items():
        middle = {way: statistics.median(values) for way, values in ways.items()}
        print(f"{what:36}" + "".join(f"{middle[way]:12.3f}" for way in WAYS)
              + "".join(f"{middle[way] / middle['bridge']:20.2f}" for way in TOLD)
              + f"{middle['shortcut'] / middle['bare']:18.2f}")


if __name__ == "__main__":
    if len(json.loads(run("ip -j link"))) != 1:
        sys.exit("not in the machine's own network: see the beginning of this file")
    main()
