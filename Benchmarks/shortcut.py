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
import subprocess
import sys
import time

WAYS = ["bare", "bridge", "shortcut", "VLAN", "VLAN past"]
#: What shortcut-bench is told besides the ports.
TOLD = {"shortcut": "", "VLAN": "vlan=100 bridge", "VLAN past": "vlan=100"}
FRAMES, ATTACH = sys.argv[1], sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
SECONDS = 1.0


def run(command: str) -> str:
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def inside(namespace: str, command: str) -> str:
    return f"nsenter --net=/run/netns/{namespace} {command}"


def address(way: int, side: int) -> str:
    return f"02:00:00:00:{way:02x}:{side:02x}"


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
    # The bridge at its fastest.
    run("for i in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $i ] || echo 0 >$i; done")
    told = ""
    for way, words in TOLD.items():
        number = WAYS.index(way)
        ports = " ".join(f"{name}{number}={address(number, side)}" for side, name in enumerate("ab"))
        for _ in range(5):
            last = run(f"{ATTACH} {words} br{number} {ports}")
        told += f"{way}: {last}"
    for number in range(len(WAYS)):
        run(inside(f"a{number}", f"ping -c 2 -i 0.2 10.8.{number}.2"))
    return told.strip()


def flood(number: int, length: int) -> tuple[float, float]:
    """Frames received per second of the clock, and of the sender's own time."""
    before = dropped(number)
    begin = time.monotonic()
    said = run("taskset -c 0 " + inside(f"a{number}", f"{FRAMES} send eth0 {address(number, 1)} {length} {SECONDS}"))
    elapsed = time.monotonic() - begin
    received = dropped(number) - before
    return received / elapsed, received / (int(said.split()[1]) / 1e9)


def dropped(number: int) -> int:
    """How many packets the receiver has dropped for their headers."""
    names, values = [line.split() for line in run(inside(f"b{number}", "cat /proc/net/snmp")).splitlines()
                     if line.startswith("Ip:")]
    return int(values[names.index("InHdrErrors")])


def round_trip(number: int) -> float:
    """The median there and back, both on one processor, in microseconds."""
    pong = subprocess.Popen(["taskset", "-c", "0", "nsenter", f"--net=/run/netns/b{number}", FRAMES, "pong", "9000"])
    try:
        time.sleep(0.2)
        return int(run("taskset -c 0 " + inside(f"a{number}", f"{FRAMES} ping 10.8.{number}.2 9000 20000"))) / 1e3
    finally:
        pong.kill()
        pong.wait()


def stream(number: int) -> float:
    """One stream of TCP, in Gbit/s."""
    server = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/b{number}", "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.4)
        told = json.loads(run(inside(f"a{number}", f"iperf3 -c 10.8.{number}.2 -t 2 -O 0.5 -J")))
        return told["end"]["sum_received"]["bits_per_second"] / 1e9
    finally:
        server.kill()
        server.wait()


def main() -> None:
    print(prepare())
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for number, way in enumerate(WAYS):
            for length in (60, 1514):
                wall, own = flood(number, length)
                found.setdefault(f"{length} B, Mframes/s", {}).setdefault(way, []).append(wall / 1e6)
                found.setdefault(f"{length} B, ns of processor per frame", {}).setdefault(way, []).append(1e9 / own)
            found.setdefault("round trip p50, us", {}).setdefault(way, []).append(round_trip(number))
            found.setdefault("TCP, Gbit/s", {}).setdefault(way, []).append(stream(number))
    print(f"{'median of ' + str(ROUNDS) + ' rounds':36}" + "".join(f"{way:>12}" for way in WAYS)
          + "".join(f"{way + ' / bridge':>20}" for way in TOLD))
    for what, ways in found.items():
        middle = {way: statistics.median(values) for way, values in ways.items()}
        print(f"{what:36}" + "".join(f"{middle[way]:12.3f}" for way in WAYS)
              + "".join(f"{middle[way] / middle['bridge']:20.2f}" for way in TOLD))


if __name__ == "__main__":
    if len(json.loads(run("ip -j link"))) != 1:
        sys.exit("not in the machine's own network: see the beginning of this file")
    main()
