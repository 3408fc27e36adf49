# SPDX-License-Identifier: Apache-2.0
"""The shortcut past bridges: what goes by it is what the bridge would have passed, and nothing is left of it."""
from __future__ import annotations

import concurrent.futures
import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from faults import TRACE, Bench, Point, points_in, thinned, try_all
from host import PATIENCE_SECONDS, Container, Host, Outcome, new_host
from implementations import Implementation
from ipam_tool import CONFIGURATIONS
from kernel_state import left_behind
from operator_tool import Operator
from runtime import Network, Runtime, bridge, host_local, network, valid_attachments
from shortcut import KEY, Scene, Seen, Talk, awaited, counter, detach, filters_frames, host_end, seen
from test_killed import killed_add, killed_delete, refused_delete

pytestmark = pytest.mark.needs_culvert

#: More of them find more: 100 take some eight minutes.
SCENES = int(os.environ.get("CULVERT_FAST_PATH_SCENES", 2))
PODS = int(os.environ.get("CULVERT_FAST_PATH_PODS", 40))
SEED = int(os.environ.get("CULVERT_TEST_SEED", 20260))
NOTHING = Seen(ports=[], stations=0, programs=[])
#: How long a talk may take; the longer ones only where hosts differ, as they do when the machine is busy.
PATIENCE = (1.0, 3.0, 10.0, 30.0)
#: What a bridge still sees of many frames: the first ones, and one of each processor from time to time.
FEW = 40


def flat(*plugins: dict[str, Any], name: str = "net", **members: Any) -> Network:
    """A bridge of both families with the key, and what is chained behind it."""
    entry = bridge(host_local("10.77.0.0/24", "fd77::/64"), **KEY, **members)
    return network(entry, *plugins, name=name, version="1.1.0")


def joined(runtime: Runtime, *names: str) -> list[Container]:
    """New containers on a network."""
    found = runtime.host.add_containers(names)
    for container in found:
        outcome = runtime.add(container)
        assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return found


def address(runtime: Runtime, container: Container, family: int = 4) -> str:
    """A container's address."""
    found = [entry["address"].split("/")[0] for entry in runtime.results[container.id, "eth0"]["ips"]]
    return next(text for text in found if (":" in text) == (family == 6))


class Pair:
    """Two containers, and what the kernel counts between them."""

    def __init__(self, host: Host, ours: Implementation, listed: Network) -> None:
        self.host = host
        filters_frames(host, False)
        self.runtime = Runtime(host, ours, listed)
        self.sender, self.receiver = joined(self.runtime, "c1", "c2")
        self.host.settle(self.sender, self.receiver)
        awaited(host)

    def ends(self) -> tuple[str, str]:
        """The host's ends."""
        return host_end(self.runtime, self.sender), host_end(self.runtime, self.receiver)

    def by_bridge(self) -> int:
        """How many frames the bridge has handed to the receiver's port."""
        return counter(self.host, self.ends()[1], "tx_packets")

    def arrived(self) -> int:
        """How many frames the receiver got, either way."""
        return counter(self.host, "eth0", "rx_packets", self.receiver)


#: Sends numbered datagrams, so many a second, until its standard input ends, or so many of them; says how many.
SENDER = """
import select, socket, sys, time
address, many, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
client = socket.socket(family, socket.SOCK_DGRAM)
client.connect((address, 7000))
print("ready", flush=True)
sent = 0
while not many or sent < many:
    if not many and select.select([0], [], [], 0)[0]:
        break
    try:
        client.send(sent.to_bytes(4, "big") * 50)
    except OSError:
        break
    sent += 1
    time.sleep(pause)
print(sent, flush=True)
"""
#: Says after every line of its input how many different ones came; waits for as many as the line says, if it can.
RECEIVER = """
import select, socket, sys, time
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)
server.bind(("::", 7000))
server.setblocking(False)
print("ready", flush=True)
heard, wanted, end = set(), None, 0
while True:
    ready = select.select([server] + ([0] if wanted is None else []), [], [], 0.1)[0]
    if server in ready:
        heard.add(server.recv(2048)[:4])
    if 0 in ready:
        line = sys.stdin.readline()
        if not line:
            break
        wanted, patience = line.split()
        wanted, end = int(wanted), time.monotonic() + float(patience)
    if wanted is not None and (len(heard) >= wanted or time.monotonic() > end):
        print(len(heard), flush=True)
        wanted = None
"""


class Stream:
    """Datagrams from one container to another, every one of which is looked for."""

    def __init__(self, pair: Pair, many: int = 0, pause: float = 0.002, family: int = 4) -> None:
        self.pair = pair
        host, where = pair.host, address(pair.runtime, pair.receiver, family)
        self.receiver = host.start(["/usr/bin/python3", "-c", RECEIVER], netns=pair.receiver.netns)
        assert self.line(self.receiver) == "ready"
        self.sender = host.start(["/usr/bin/python3", "-c", SENDER, where, str(many), str(pause)],
                                 netns=pair.sender.netns)
        assert self.line(self.sender) == "ready"

    @staticmethod
    def line(process: subprocess.Popen[str]) -> str:
        """What a process says next."""
        assert process.stdout
        return process.stdout.readline().strip()

    def heard(self, wanted: int, patience: float = PATIENCE_SECONDS) -> int:
        """How many came; fewer than wanted only after that many seconds."""
        assert self.receiver.stdin
        self.receiver.stdin.write(f"{wanted} {patience}\n")
        self.receiver.stdin.flush()
        return int(self.line(self.receiver))

    def goes_on(self) -> None:
        """Waits until a hundred more have come."""
        now = self.heard(0)
        assert self.heard(now + 100) >= now + 100, "the stream has stopped"

    def by_shortcut(self, expected: bool) -> None:
        """Waits until a hundred more have come, by the shortcut or by the bridge."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            arrived, bridged = self.pair.arrived(), self.pair.by_bridge()
            self.goes_on()
            arrived, bridged = self.pair.arrived() - arrived, self.pair.by_bridge() - bridged
            if bridged <= FEW if expected else bridged >= 100:
                return
            assert time.monotonic() < end, f"of {arrived} frames {bridged} went by the bridge"

    def stop(self) -> None:
        """Ends it, and looks whether everything came."""
        assert self.sender.stdin
        self.sender.stdin.close()
        sent = int(self.line(self.sender))
        assert self.heard(sent) == sent


# What passes


def scenes(ours: Implementation, hosts: list[Host], seed: int) -> list[Scene]:
    """The same without the key, and with it; every second one begins without obstacles."""
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        made = [both.submit(Scene, host, ours, seed, key, seed % 2 == 0) for host, key in zip(hosts, ({}, KEY))]
        return [one.result() for one in made]


def differences(without: Scene, having: Scene) -> tuple[Counter[str], dict[Talk, tuple[str, str]]]:
    """What came of all talks without the key, and the talks of which something else comes with it."""
    talks = without.talks()
    assert talks == having.talks()
    outcomes: dict[Talk, str] = {}
    left = talks
    for patience in PATIENCE:
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            found = [both.submit(scene.attempt, left, patience) for scene in (without, having)]
            first, second = (one.result() for one in found)
        outcomes |= first
        left = [talk for talk in left if first[talk] != second[talk]]
        if not left:
            break
    return Counter(outcomes.values()), {talk: (first[talk], second[talk]) for talk in left}


def test_the_same_flows_pass(ours: Implementation, say: Callable[[str], None]) -> None:
    """On hosts made by chance, with all kinds of obstacles: the key changes nothing about who reaches whom."""
    outcomes: Counter[str] = Counter()
    past_bridge = 0
    for number in range(SCENES):
        seed = SEED + number
        with new_host() as first, new_host() as second:
            without, having = scenes(ours, [first, second], seed)
            assert seen(first) == NOTHING
            for is_obstructed in (False, True):
                if is_obstructed:
                    without.obstruct()
                    having.obstruct()
                counts, wrong = differences(without, having)
                outcomes += counts
                words = "\n".join(f"{talk}: {old} without, {new} with the key" for talk, (old, new) in wrong.items())
                assert not wrong, f"CULVERT_TEST_SEED={seed} CULVERT_FAST_PATH_SCENES=1\n{words}\n" + "\n".join(
                    having.story)
            past_bridge += having.past_bridge()
    # Otherwise it would prove nothing.
    assert past_bridge > 0 or SCENES == 1
    assert outcomes["8 of 8"] and outcomes["0 of 8"] and outcomes["whole"]
    say(f"shortcut: {SCENES} hosts, {sum(outcomes.values())} talks, {past_bridge} frames past bridges")


# What is counted


@pytest.mark.parametrize("family", [4, 6])
def test_it_is_used_and_counted(host: Host, ours: Implementation, family: int) -> None:
    """The bridge hardly sees the frames, and whoever asks is told as many as were sent."""
    pair = Pair(host, ours, flat(macspoofchk=False, isGateway=True))
    tool = Operator(host, ours, pair.runtime.network)
    mine, others = pair.ends()
    assert seen(host) == Seen(ports=sorted((mine, others)), stations=2, programs=sorted((mine, others)))
    many = 1000
    before, arrived, bridged = tool.attachments(), pair.arrived(), pair.by_bridge()
    stream = Stream(pair, many, 0.0005, family)
    assert stream.line(stream.sender) == str(many)
    assert stream.heard(many) == many
    bridged = pair.by_bridge() - bridged
    assert bridged <= FEW, f"{bridged} of {many} frames went by the bridge"
    after = tool.attachments()
    # 200 octets behind headers of UDP, IP and Ethernet.
    length = 200 + 8 + (20 if family == 4 else 40) + 14
    for name, way in (("c1:eth0", "rx"), ("c2:eth0", "tx")):
        told = [listed[name]["hostInterface"] for listed in (before, after)]
        packets, octets = (told[1][f"{way}{what}"] - told[0][f"{way}{what}"] for what in ("Packets", "Bytes"))
        # What neighbours and routers say to one another beside it is little.
        assert many <= packets <= many + FEW, f"{name} {way}: {packets} packets"
        assert many * length <= octets <= (many + FEW) * length, f"{name} {way}: {octets} octets"
    assert many <= pair.arrived() - arrived <= many + FEW
    past = after["c2:eth0"]["hostInterface"]["shortcut"]
    assert many - FEW <= past["txPackets"] <= many + FEW and past["rxPackets"] <= FEW
    for container in (pair.sender, pair.receiver):
        assert pair.runtime.check(container).ok
        assert pair.runtime.delete(container).ok
    assert seen(host) == NOTHING


# What somebody does meanwhile


def test_taken_away_and_put_back_under_traffic(host: Host, ours: Implementation) -> None:
    """Without its program everything goes by the bridge; reconcile puts it back; nothing is lost."""
    pair = Pair(host, ours, flat())
    tool = Operator(host, ours, pair.runtime.network)
    stream = Stream(pair)
    stream.by_shortcut(True)
    detach(host, *pair.ends())
    assert seen(host).programs == []
    stream.by_shortcut(False)
    assert not pair.runtime.check(pair.sender).ok
    assert pair.ends()[0] in tool.run("reconcile").stdout
    assert pair.runtime.check(pair.sender).ok
    stream.by_shortcut(True)
    # The names, too: programs run on, and know what they knew.
    host.must("rm -r /sys/fs/bpf/culvert")
    stream.goes_on()
    assert tool.run("reconcile").ok
    stream.by_shortcut(True)
    stream.stop()
    for container in (pair.sender, pair.receiver):
        assert pair.runtime.delete(container).ok
    assert seen(host) == NOTHING


def test_rules_flushed_and_reloaded_under_traffic(host: Host, ours: Implementation) -> None:
    """Whoever throws away all rules, and has them put back, loses no frame."""
    pair = Pair(host, ours, flat({"type": "firewall", "ingressPolicy": "same-bridge"}, isGateway=True, ipMasq=True))
    tool = Operator(host, ours, pair.runtime.network)
    stream = Stream(pair)
    stream.by_shortcut(True)
    for _ in range(3):
        host.must("nft flush ruleset")
        stream.goes_on()
        tool.must("reload")
        stream.goes_on()
    stream.by_shortcut(True)
    stream.stop()
    assert pair.runtime.check(pair.sender).ok


@pytest.mark.parametrize("table, shows", [
    ("table bridge mine {{ chain f {{ type filter hook forward priority 0; ip daddr {0} drop; }}\n}}", False),
    ("table netdev mine {{ chain f {{ type filter hook ingress device {1} priority 0; udp dport 7000 drop; }}\n}}", False),
    ("table inet mine {{ chain f {{ type filter hook forward priority 0; udp dport 7000 drop; }}\n}}", True),
])
def test_a_rule_that_comes_later(host: Host, ours: Implementation, table: str, shows: bool) -> None:
    """It drops what it is about from its first frame on, and after it is gone everything goes on as before."""
    if shows and not host.path("/proc/sys/net/bridge").is_dir():
        pytest.skip("this kernel shows no rules of IP what bridges forward")
    pair = Pair(host, ours, flat())
    if shows:
        # As it is when nobody has switched it off, which who attaches looks at.
        filters_frames(host, True)
        for container in (pair.sender, pair.receiver):
            assert pair.runtime.delete(container).ok and pair.runtime.add(container).ok
    stream = Stream(pair)
    stream.by_shortcut(True)
    host.must("nft -f -", stdin=table.format(address(pair.runtime, pair.receiver), pair.ends()[0]))
    # What is under way has arrived when the next look finds no more.
    stream.heard(0)
    heard = stream.heard(0)
    while (more := stream.heard(heard + 1, 0.5)) > heard:
        heard = more
    arrived = stream.heard(heard + 1, 1.0)
    assert arrived == heard, f"{arrived - heard} frames went past the rule"
    host.must("nft flush ruleset")
    stream.by_shortcut(True)
    assert stream.sender.stdin
    stream.sender.stdin.close()


# Faults


class ShortcutBench(Bench):
    """An attachment beside another that stays, so that there is somebody to lead to."""

    def __init__(self, host: Host, implementation: Implementation, listed: Network) -> None:
        super().__init__(host, implementation, listed)
        filters_frames(host, False)

    def remains(self) -> str:
        left = seen(self.host)
        return super().remains() or ("" if left == NOTHING else f"left: {left}")


FAULTY = flat(isDefaultGateway=True, ipMasq=True)


def points(ours: Implementation, verb: str) -> list[Point]:
    """The system calls of one undisturbed ADD or DEL, when others have opened the maps before."""
    with new_host() as host:
        bench = ShortcutBench(host, ours, FAULTY)
        bench.add().result()
        assert len(seen(host).ports) == 1
        if verb == "DEL":
            return bench.trace(bench.delete)
        assert bench.delete().ok
        return bench.trace(bench.add)


@pytest.mark.parametrize("verb, attempt", [("ADD", killed_add), ("DEL", killed_delete)], ids=["ADD", "DEL"])
def test_killed(verb: str, attempt: Callable[[Bench, Point], str], ours: Implementation,
                say: Callable[[str], None]) -> None:
    """Killed at any system call, it leaves nothing that a DEL does not take away."""
    every = points(ours, verb)
    # Those that concern it, and some of the others.
    own = [point for point in every if point.name == "bpf"]
    chosen = thinned(own, 2) + thinned([point for point in every if point.name != "bpf"], 40, SEED)
    trouble = try_all(chosen, ours, FAULTY, attempt, ShortcutBench)
    say(f"shortcut {verb} killed: {len(chosen)} of {len(every)} points, {len(trouble)} went wrong")
    assert own and not trouble, "\n".join(trouble[:20])


def refused_shortcut(bench: Bench, point: Point) -> str:
    """ADD works; if there is no shortcut it says so, and CHECK may say so too, but nothing else.

    Of a program that is attached later, and refused then, CHECK alone can tell.
    """
    outcome = bench.add(point.wrapper)
    if not outcome.ok or (complaint := bench.lacks(outcome)):
        return f"ADD failed: {outcome.stdout} {outcome.stderr}"
    checked = bench.check()
    expected = "shortcut" if "no shortcut for" in outcome.stderr else "shortcut's program is not at"
    if not checked.ok and expected not in checked.error_text:
        return f"success ({outcome.stderr}), but CHECK says: {checked.stdout}"
    if not (deleted := bench.delete()).ok:
        return f"DEL failed: {deleted.stdout}"
    return bench.settled() or bench.lives_on()


@pytest.mark.parametrize("verb, attempt", [("ADD", refused_shortcut), ("DEL", refused_delete)], ids=["ADD", "DEL"])
def test_refused(verb: str, attempt: Callable[[Bench, Point], str], ours: Implementation,
                 say: Callable[[str], None]) -> None:
    """What is refused of it keeps no container from its network."""
    own = [Point(point.name, point.ordinal, point.arguments, error)
           for point in points(ours, verb) if point.name == "bpf" for error in ("EPERM", "ENOSYS", "ENOMEM", "E2BIG")]
    chosen = thinned(own, 5, SEED)
    trouble = try_all(chosen, ours, FAULTY, attempt, ShortcutBench)
    say(f"shortcut {verb} refused: {len(chosen)} of {len(own)} points, {len(trouble)} went wrong")
    assert own and not trouble, "\n".join(trouble[:20])


@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_a_kernel_without(host: Host, ours: Implementation, error: str) -> None:
    """ADD says that there is no shortcut, and everything works all the same."""
    runtime = Runtime(host, ours, flat())
    first, second = host.add_containers(["c1", "c2"])
    wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=bpf", "-e", f"inject=bpf:error={error}"]
    for container in (first, second):
        outcome = runtime.add(container, wrapper=wrapper)
        assert outcome.ok and "shortcut" in outcome.stderr, outcome
        assert runtime.call("CHECK", runtime.network["plugins"][0], container, wrapper=wrapper,
                            previous=runtime.results[container.id, "eth0"]).ok
    host.must(f"ping -nqc1 -W20 {address(runtime, second)}", netns=first.netns)
    status = runtime.call("STATUS", runtime.network["plugins"][0], None, wrapper=wrapper)
    assert status.ok and "shortcut" in status.stderr, status
    for container in (first, second):
        assert runtime.call("DEL", runtime.network["plugins"][0], container, wrapper=wrapper).ok
    assert left_behind(host, [first, second]) == {}
    assert seen(host) == NOTHING


def test_attached_by_another_process(host: Host, ours: Implementation) -> None:
    """ADD does not attach by itself; who does keeps nobody waiting for the end of a pipe or for a lock."""
    runtime = Runtime(host, ours, flat())
    runtime.add(host.add_container("c1")).result()
    second = host.add_container("c2")
    outcome = runtime.add(second, wrapper=["strace", "-f", "-qq", "-o", TRACE])
    assert outcome.ok and not outcome.stderr, outcome
    calls: dict[str, list[str]] = {}
    for line in host.path(TRACE).read_text(errors="replace").splitlines():
        process, _, call = line.partition(" ")
        calls.setdefault(process, []).append(call.strip())
    if not any("BPF_PROG_ATTACH" in call for of_one in calls.values() for call in of_one):
        pytest.skip("this kernel attaches programs as filters")
    (other,) = [of_one for of_one in calls.values() if any("BPF_PROG_ATTACH" in call for call in of_one)]
    own = next(iter(calls.values()))
    assert own is not other
    # All but the program and the lock is closed first; standard input, output and error are below both.
    closing = [call for call in other[:other.index(next(call for call in other if call.startswith("setsid")))]
               if call.startswith("close_range(")]
    assert int(closing[0].split(", ")[1]) >= 2 and closing[0].startswith("close_range(0, ")
    assert "4294967295, 0" in closing[-1]
    assert len(seen(host).programs) == 2


def test_whoever_attaches_dies(host: Host, ours: Implementation) -> None:
    """CHECK says that the program is missing, without a wait for somebody who is not there; reconcile attaches it."""
    runtime = Runtime(host, ours, flat())
    first, second = host.add_containers(["c1", "c2"])
    runtime.add(first).result()
    outcome = runtime.add(second, wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setsid",
                                           "-e", "inject=setsid:signal=KILL"])
    assert outcome.ok and not outcome.stderr, outcome
    own = host_end(runtime, second)
    if own in seen(host).programs:
        pytest.skip("this kernel attaches programs as filters")
    checked = runtime.check(second)
    assert not checked.ok and f"the shortcut's program is not at {own}" in checked.error_text
    host.must(f"ping -nqc1 -W20 {address(runtime, second)}", netns=first.netns)
    assert own in Operator(host, ours, runtime.network).run("reconcile").stdout
    assert runtime.check(second).ok and own in seen(host).programs
    for container in (first, second):
        assert runtime.delete(container).ok
    assert seen(host) == NOTHING


def test_garbage_of_containers_that_died(host: Host, ours: Implementation) -> None:
    """GC forgets whom nobody names, and the shortcut of those who live stays."""
    runtime = Runtime(host, ours, flat())
    filters_frames(host, False)
    one, two, three = joined(runtime, "c1", "c2", "c3")
    host.remove_container(two)
    assert runtime.sweep(valid_attachments((three.id, "eth0"))).ok
    left = host_end(runtime, three)
    assert seen(host) == Seen(ports=[left], stations=1, programs=[left])
    assert runtime.delete(three).ok
    assert seen(host) == NOTHING and left_behind(host, [one, three]) == {}


# Rates


def test_limits_hold(host: Host, ours: Implementation) -> None:
    """What is chained behind it to slow a container down does so, in both directions."""
    rate = 16_000_000
    limits = {"ingressRate": rate, "ingressBurst": rate // 8, "egressRate": rate, "egressBurst": rate // 8}
    pair = Pair(host, ours, flat({"type": "bandwidth", **limits}))
    where = address(pair.runtime, pair.receiver)

    def reached() -> float:
        """Bits per second on the wire, as the receiver saw them after the burst."""
        words = ["iperf3", "-J", "-c", where, "-t", "3", "-i", "0.5", "-u", "-l", "1400", "-b", str(rate * 5 // 4),
                 "--get-server-output"]
        # It serves once and ends: nobody would end it with the host.
        host.must("iperf3 -s -J -1 -D -p 5201", netns=pair.receiver.netns)
        for _ in range(50):
            outcome = host.run(words, netns=pair.sender.netns)
            if "unable to connect" not in outcome.stdout:
                break
        seen_there = [entry["sum"] for entry in json.loads(outcome.stdout)["server_output_json"]["intervals"]]
        steady = [entry for entry in seen_there if entry["start"] > 1.2 and entry["seconds"] > 0.4]
        octets = sum(entry["bytes"] for entry in steady) * 1442 / 1400
        return octets * 8 / sum(entry["seconds"] for entry in steady)

    # A busy machine can miss a rate, though never exceed it.
    for _ in range(4):
        found = reached()
        assert found <= rate * 1.05, f"{found / 1e6:.2f} Mbit/s"
        if found >= rate * 0.95:
            return
    assert found >= rate * 0.95, f"{found / 1e6:.2f} Mbit/s"


# Many


def test_many_containers_on_one_bridge(host: Host, ours: Implementation) -> None:
    """Each reaches each, by the shortcut; nothing is left of them."""
    chance = random.Random(SEED)
    filters_frames(host, False)
    runtime = Runtime(host, ours, flat(isDefaultGateway=True))
    everybody = host.add_containers([f"c{number}" for number in range(PODS)])

    def added(container: Container) -> Outcome:
        return runtime.add(container)

    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        assert all(outcome.ok for outcome in crowd.map(added, everybody))
        there = seen(host)
        assert len(there.ports) == there.stations == PODS and there.programs == there.ports
        host.settle(everybody[0])
        pairs = [chance.sample(everybody, 2) for _ in range(PODS)]

        def reaches(pair: list[Container]) -> bool:
            where = [address(runtime, pair[1], family) for family in (4, 6)]
            line = " && ".join(f"ping -nqc3 -i0.02 -W20 {text} >/dev/null" for text in where)
            return host.run(["sh", "-c", line], netns=pair[0].netns).ok

        assert all(crowd.map(reaches, pairs))
        gone = everybody[:PODS // 2]
        assert all(outcome.ok for outcome in crowd.map(runtime.delete, gone))
        left = everybody[PODS // 2:]
        assert seen(host).ports == sorted(host_end(runtime, container) for container in left)
        assert all(crowd.map(reaches, [chance.sample(left, 2) for _ in range(8)]))
        assert all(outcome.ok for outcome in crowd.map(runtime.delete, left))
    assert seen(host) == NOTHING and left_behind(host) == {}
