# SPDX-License-Identifier: Apache-2.0
"""VLANs kept by programs at the ports, on a kernel whose bridges cannot tell them apart."""
from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Callable
from typing import Any

import pytest

import guest
import shortcut
from faults import KILLED, Bench, Point, thinned, try_all
from host import Container, Host, new_host
from implementations import Implementation
from kernel_state import left_behind
from operator_tool import Operator
from runtime import Network, Runtime, bridge, host_local, network, valid_attachments
from shortcut import KEY, filters_frames, host_end
from test_explain import explain
from test_fast_path import Pair, Stream, address, joined
from vlan_frames import Port, access, exchange

pytestmark = [
    pytest.mark.needs_culvert,
    pytest.mark.skipif(guest.filters_vlans(), reason="this kernel's bridges tell VLANs apart: see test_vlan.py"),
]

DUAL = host_local("10.77.0.0/24", "fd77::/64")
ALL = frozenset(range(1, 4095))
#: Says which links have which programs of ours as filters, how many ports are known, and who is on which bridge.
EYE = """
import json, subprocess
def run(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout
ports = {}
for link in json.loads(run("ip", "-d", "-j", "link", "show", "type", "veth") or "[]"):
    if link.get("master"):
        show = ("tc", "filter", "show", "dev", link["ifname"])
        ways = [way for way in ("ingress", "egress") if "culvert" in run(*show, way)]
        ports[link["ifname"]] = {"is_up": "UP" in link["flags"], "ways": ways}
print(json.dumps(ports))
"""
#: Counts the entries of maps by bpf(2).
COUNT = shortcut.EYE.split("links = {")[0] + 'print(sum(len(keys(pin)) for pin in pins("guards")))'


def in_vlan(name: str, ipam: Any = DUAL, **members: Any) -> Network:
    """A network of a VLAN on the one bridge."""
    return network(bridge(ipam, **KEY, **members), name=name, version="1.1.0")


def plain(name: str = "plain", **members: Any) -> Network:
    """One without a VLAN, and without the key."""
    return network(bridge(DUAL, **members), name=name, version="1.1.0")


def guards(host: Host) -> dict[str, dict[str, Any]]:
    """The bridge's ports of pairs: whether they are up, and where programs of ours are."""
    return json.loads(host.must(f"/usr/bin/python3 -c '{EYE}'"))


def known(host: Host) -> int:
    """How many ports are known to programs that keep VLANs."""
    return int(host.must(f"/usr/bin/python3 -c '{COUNT}'"))


def unguarded(host: Host) -> list[str]:
    """Ports of containers that may send and that nothing keeps to a VLAN."""
    return [name for name, port in guards(host).items() if port["is_up"] and port["ways"] != ["ingress", "egress"]]


def answers(host: Host, container: Container, *addresses: str, seconds: int = 2) -> list[str]:
    """Which addresses answer a ping."""
    asked = [f"( ping -nqc1 -w{seconds} {one} >/dev/null && echo {one} ) &" for one in addresses]
    came = host.must(" ".join([*asked, "wait"]), netns=container.netns).split()
    return [one for one in addresses if one in came]


def outcome(host: Host, name: str, where: str) -> str:
    """What `culvert explain` says would become of a container's echo request, in a word."""
    return explain(host, name, where, "--protocol", "icmp")["verdict"]["outcome"]


def test_frames_of_every_kind(host: Host, ours: Implementation) -> None:
    """A frame of any tags, from any port, arrives where IEEE 802.1Q says and as it says, and nowhere else."""
    host.must("ip link add cni0 type bridge && ip link set cni0 up && ip link add up0 type veth peer name up1 && "
              "ip link set up0 master cni0 && ip link set up0 up && ip link set up1 up")
    # One that was there before anybody knew of VLANs.
    early = Runtime(host, ours, plain("early"))
    joined(early, "early")
    networks = {
        "a": {"vlan": 100}, "b": {"vlan": 100}, "c": {"vlan": 200}, "n": {"vlan": 7},
        "t": {"vlan": 7, "vlanTrunk": [{"minID": 100, "maxID": 101}]},
        "u": {"vlanTrunk": [{"id": 200}]},
        "k": {"vlan": 100, "preserveDefaultVlan": True},
        "w": {"vlan": 4094, "vlanTrunk": [{"minID": 1, "maxID": 4094}]},
    }
    for container in host.add_containers(list(networks)):
        added = Runtime(host, ours, in_vlan(f"net-{container.id}", **networks[container.id])).add(container)
        assert added.ok, added
    joined(Runtime(host, ours, plain("late")), "late")
    ports = {
        "a": access("a", 100), "b": access("b", 100), "c": access("c", 200), "n": access("n", 7),
        "t": Port("/run/netns/t", "eth0", 7, frozenset((7, 100, 101)), frozenset((7,))),
        "u": Port("/run/netns/u", "eth0", 1, frozenset((1, 200)), frozenset((1,))),
        "k": access("k", 100, 1),
        "w": Port("/run/netns/w", "eth0", 4094, ALL, frozenset((4094,))),
        "early": access("early", 1), "late": access("late", 1),
        "uplink": Port(None, "up1", 0, ALL, frozenset(), is_uplink=True),
    }
    assert unguarded(host) == ["up0"]
    assert exchange(host, ports) == {}


@pytest.mark.parametrize("family", [4, 6])
def test_shortcut_within_a_vlan(host: Host, ours: Implementation, family: int) -> None:
    """Frames of a VLAN go past the bridge, and through it when another VLAN's filters come; the gateway answers."""
    pair = Pair(host, ours, in_vlan("net", vlan=100, isDefaultGateway=True))
    stream = Stream(pair, family=family)
    stream.by_shortcut(True)
    stream.stop()
    document = explain(host, pair.sender.id, address(pair.runtime, pair.receiver, family), "--protocol", "icmp")
    assert any("; the shortcut is taken" in step["text"] for step in document["steps"]), document
    rows = [line for line in Operator(host, ours).must("switch", "show", "cni0").splitlines() if "veth" in line]
    assert sum("shortcut" in line and "shortcut-" not in line for line in rows) == 2, rows
    gateways = ("10.77.0.1", "fd77::1")
    for container in (pair.sender, pair.receiver):
        assert answers(host, container, *gateways, seconds=20) == list(gateways)
        assert pair.runtime.check(container).ok
    assert unguarded(host) == []
    for container in (pair.sender, pair.receiver):
        assert pair.runtime.delete(container).ok
    # The gateway's port stays, as its bridge does.
    assert known(host) == 1 and len(guards(host)) == 1


def test_who_reaches_whom(host: Host, ours: Implementation) -> None:
    """Only those of one VLAN, isolated ones only their gateway; a container that never heard of VLANs only its like."""
    filters_frames(host, False)
    isolated = {"vlan": 300, "portIsolation": True, "isGateway": True}
    networks = {
        "a": {"vlan": 100, "macspoofchk": True, "ipspoofchk": True}, "b": {"vlan": 100, "hairpinMode": True}, "c": {"vlan": 200},
        "i": isolated, "j": isolated, "t": {"vlan": 200, "vlanTrunk": [{"id": 100}]},
    }
    # One store of leases, so that all have different addresses of one network.
    containers = {one.id: one for one in host.add_containers([*networks, "p", "q"])}
    runtimes = {name: Runtime(host, ours, in_vlan("net", **members)) for name, members in networks.items()}
    runtimes |= dict.fromkeys(("p", "q"), Runtime(host, ours, plain("net")))
    found = {}
    for name, runtime in runtimes.items():
        added = runtime.add(containers[name])
        assert added.ok, added
        found[name] = address(runtime, containers[name])
        found[f"{name}6"] = address(runtime, containers[name], 6)
    friends = {"a": "b", "b": "a", "c": "t", "t": "c", "p": "q", "q": "p", "i": "", "j": ""}
    def reached(name: str) -> list[str]:
        friend = friends[name]
        own = [found[friend], found[f"{friend}6"]] if friend else []
        others = [one for key, one in found.items() if key[0] != name and one not in own]
        assert answers(host, containers[name], *own, seconds=20) == own, name
        return answers(host, containers[name], *others)

    with concurrent.futures.ThreadPoolExecutor(len(friends)) as together:
        assert list(together.map(reached, friends)) == [[]] * len(friends)
    for name in "ij":
        assert answers(host, containers[name], "10.77.0.1", seconds=20), name
    # Who asks what would become of it is told the same.
    told = {"ab": "connected", "ac": "dropped", "ct": "connected", "pq": "connected", "pa": "dropped", "ij": "dropped",
            "bp": "dropped"}
    for family in ("", "6"):
        assert {pair: outcome(host, pair[0], found[pair[1] + family]) for pair in told} == told
    # Rules that watch over addresses see through the tag that was put on.
    host.must("ip address add 10.77.0.250/32 dev eth0", netns=containers["a"].netns)
    asked = host.run(["ping", "-nqc1", "-w2", "-I", "10.77.0.250", found["b"]], netns=containers["a"].netns)
    assert asked.status == 1 and answers(host, containers["a"], found["b"], seconds=20) == [found["b"]]
    for name, runtime in runtimes.items():
        assert runtime.check(containers[name]).ok, name
        assert runtime.delete(containers[name]).ok
    bridges = ("cni0", "cni0.300", *guards(host))
    assert left_behind(host, list(containers.values()), bridges) == {} and known(host) == 1


def test_pictures_and_tables(host: Host, ours: Implementation) -> None:
    """Where VLANs are shown, those that programs keep are: at ports, and at stations behind ports without tags."""
    host.must("ip link add cni0 type bridge && ip link set cni0 up && ip link add up0 type veth peer name up1 && "
              "ip link set up1 up && ip link set up0 master cni0 up")
    found = {"a": {"vlan": 100, "isGateway": True}, "t": {"vlan": 7, "vlanTrunk": [{"minID": 100, "maxID": 101}]}}
    containers = {one.id: one for one in host.add_containers(list(found))}
    for name, container in containers.items():
        assert Runtime(host, ours, in_vlan(f"net-{name}", **found[name])).add(container).ok
    joined(Runtime(host, ours, plain("net-p")), "p")
    assert answers(host, containers["a"], "10.77.0.1", seconds=20) == ["10.77.0.1"]
    tool = Operator(host, ours)
    nodes = {node["id"]: node for node in json.loads(tool.must("graph", "--format", "json"))["nodes"]}
    assert {name: nodes[f"attachment/net-{name}/{name}/eth0"]["vlans"] for name in "atp"} == {
        "a": {"native": 100}, "t": {"native": 7, "tagged": [[100, 101]]}, "p": {"native": 1}}
    assert nodes["link/up0"]["vlans"] == {"native": 1, "tagged": [[2, 4094]]}
    assert nodes["link/cni0"]["traits"] == ["VLANs kept by programs"]
    [switch] = tool.document("switch", "show", "cni0")["switches"]
    ports = {port["containerID"]: port for port in switch["ports"] if port["containerID"]}
    assert {name: (port["native"], port["tagged"]) for name, port in ports.items()} == {
        "a": (100, []), "t": (7, [[100, 101]]), "p": (1, [])}
    stations = [one for one in tool.document("switch", "fdb", "cni0")["stations"] if not one["static"]]
    assert 100 in {one["vlan"] for one in stations if one.get("containerID") == "a"}, stations
    table = tool.must("switch", "fdb", "--vlan", "100").splitlines()
    assert any(" a " in line and "shortcut" in line for line in table), table


def test_without_the_key(host: Host, ours: Implementation) -> None:
    """VLANs are refused as ever, and the error says what would keep them; so does STATUS."""
    container = host.add_container("c1")
    without, having = (
        Runtime(host, ours, network(bridge(DUAL, vlan=100, **key), version="1.1.0")) for key in ({}, KEY))
    refused = without.add(container)
    assert refused.error()["code"] == 2 and '"fastPath": "ebpf"' in refused.error_text
    assert left_behind(host, [container], ()) == {}
    wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=bpf", "-e", "inject=bpf:error=ENOSYS"]
    refused = having.add(container, wrapper=wrapper)
    assert refused.error()["code"] == 2 and "CONFIG_BPF_SYSCALL" in refused.error_text
    assert left_behind(host, [container], ()) == {}
    assert having.add(container).ok
    refused = without.status()
    assert refused.error()["code"] == 50 and '"fastPath": "ebpf"' in refused.error_text
    assert having.status().ok
    # One without VLANs cannot join either where nothing can keep it out of them.
    other = host.add_container("c2")
    refused = Runtime(host, ours, plain()).add(other, wrapper=wrapper)
    assert not refused.ok and "VLAN" in refused.error_text
    assert having.delete(container).ok
    assert left_behind(host, [container, other], name="plain") == {} and unguarded(host) == []


def test_what_somebody_takes_away(host: Host, ours: Implementation) -> None:
    """CHECK finds it, reconcile puts it back, and nothing crosses from one VLAN to another afterwards."""
    runtime = Runtime(host, ours, in_vlan("net", vlan=100, isGateway=True))
    first, second = joined(runtime, "c1", "c2")
    tool = Operator(host, ours, runtime.network)
    ends = [host_end(runtime, container) for container in (first, second)]
    gate = next(name for name in guards(host) if name not in ends)
    deeds = {
        f"tc qdisc delete dev {ends[0]} clsact": f"no programs keep {ends[0]} to its VLANs",
        f"tc filter delete dev {ends[0]} egress": f"no programs keep {ends[0]} to its VLANs",
        f"tc qdisc delete dev {gate} clsact": "",
        "rm -r /sys/fs/bpf/culvert": f"no programs keep {ends[0]} to its VLANs",
        "ip link set cni0 alias ''": "bridge cni0 does not tell VLANs apart",
        f"ip link set {ends[0]} nomaster": f"{ends[0]} is not a port of bridge cni0",
        "ip netns add x && ip link add foreign type veth peer name eth0 netns x && ip link set foreign master cni0 up":
            "foreign is on bridge cni0, and no programs keep it to a VLAN",
    }
    for deed, finding in deeds.items():
        host.must(deed)
        checked = runtime.check(first)
        assert not finding or (checked.error()["code"] == 105 and finding in str(checked.error())), f"{deed}: {checked}"
        tool.must("reconcile")
        assert runtime.check(first).ok and runtime.check(second).ok, deed
        assert unguarded(host) == [], deed
        assert answers(host, first, "10.77.0.1", address(runtime, second), seconds=20) == [
            "10.77.0.1", address(runtime, second)], deed
        assert tool.run("reconcile").stdout.count("VLAN") == 0, deed


#: What takes the programs' memory from who comes now, while they run on where they are.
LOST = {
    "another version": "for one in /sys/fs/bpf/culvert/*; do mv $one ${one%-*}-0; done",
    "names removed": "rm -r /sys/fs/bpf/culvert",
}


@pytest.mark.parametrize("deed", LOST.values(), ids=list(LOST))
def test_update(host: Host, ours: Implementation, deed: str) -> None:
    """Programs of a former version keep their ports to their VLANs until each port's own record brings the new ones."""
    host.must("ip link add cni0 type bridge && ip link set cni0 up")
    foreign = host.add_container("x")
    host.must("ip link add foreign type veth peer name eth0 netns x && ip link set foreign master cni0 up")
    host.must("ip link set eth0 up && ip address add 10.77.0.250/24 dev eth0", netns=foreign.netns)
    def addresses(start: int) -> Any:
        return {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/24", "rangeStart": f"10.77.0.{start}"}]]}

    first = Runtime(host, ours, in_vlan("net-a", addresses(100), vlan=100))
    second = Runtime(host, ours, in_vlan("net-b", addresses(200), vlan=200, isGateway=True))
    third = Runtime(host, ours, network(bridge(addresses(50)), name="net-p", version="1.1.0"))
    owners = {"a1": first, "a2": first, "b1": second, "b2": second, "p1": third}
    containers: dict[str, Container] = {"x1": foreign}
    found = {"x1": "10.77.0.250", "gateway": "10.77.0.1"}
    def join(name: str) -> None:
        (containers[name],) = joined(owners[name], name)
        found[name] = address(owners[name], containers[name])

    def who_reaches_whom() -> None:
        friends = {"a1": ["a2"], "b1": ["gateway", "b2"], "p1": ["x1"]}
        friends["a1"] += [name for name in ("a3", "a4") if name in found]
        for name, own in friends.items():
            mine = [found[one] for one in own]
            assert answers(host, containers[name], *mine, seconds=20) == mine, name
            others = [one for key, one in found.items() if key != name and key not in own]
            assert answers(host, containers[name], *others) == [], name

    for name in owners:
        join(name)
    who_reaches_whom()
    tool = Operator(host, ours)
    host.must(deed)
    assert {outcome(host, "b1", found[name]) for name in ("a1", "b2")} == {"unknown"}
    tool.must("reconcile", "--network", "net-a")
    who_reaches_whom()
    assert outcome(host, "a1", found["a2"]) == "connected" and outcome(host, "b1", found["a1"]) == "unknown"
    owners["a3"] = owners["a4"] = first
    join("a3")
    who_reaches_whom()
    # As an ADD leaves it that was killed.
    host.must("ip link set cni0 alias 'VLANs kept by programs, some ports to do'")
    join("a4")
    who_reaches_whom()
    assert all(first.check(containers[name]).ok for name in ("a1", "a2", "a3", "a4"))
    tool.must("reconcile")
    who_reaches_whom()
    assert [name for name in owners if not owners[name].check(containers[name]).ok] == []
    assert tool.run("reconcile").stdout.count("VLAN") == 0
    [switch] = tool.document("switch", "show", "cni0")["switches"]
    natives = {port["containerID"] or port["name"]: port.get("native") for port in switch["ports"]}
    assert {name: natives[name] for name in owners} == {
        "a1": 100, "a2": 100, "a3": 100, "a4": 100, "b1": 200, "b2": 200, "p1": 1}
    # Of the foreign one no record tells the VLANs: it keeps the programs that it has, which nobody can ask.
    assert [port["name"] for port in switch["ports"] if "vlans-unknown" in port["flags"]] == ["foreign"]
    assert known(host) == len(owners) + 1 and unguarded(host) == []
    host.must("tc qdisc delete dev foreign clsact")
    assert "foreign is on bridge cni0, and no programs keep it to a VLAN" in first.check(containers["a1"]).error_text
    tool.must("reconcile")
    who_reaches_whom()
    assert known(host) == len(owners) + 2 and unguarded(host) == []
    told = {"a2": "connected", "b1": "dropped", "p1": "dropped"}
    assert {name: outcome(host, "a1", found[name]) for name in told} == told


def test_gone_before_delete(host: Host, ours: Implementation) -> None:
    """Whatever network a port was of, with the key or without, what was known of it is forgotten when its link is gone."""
    stays = Runtime(host, ours, in_vlan("net", vlan=100))
    joined(stays, "c1")
    without = Runtime(host, ours, plain())
    gone, another = joined(without, "c2", "c3")
    host.must("ip netns add x && ip link add foreign type veth peer name eth0 netns x && "
              "ip link set foreign master cni0 up")
    Operator(host, ours).must("reconcile")
    assert known(host) == 4
    for container in (gone, another):
        host.remove_container(container)
    assert without.delete(gone).ok
    assert known(host) == 2
    # Nobody's DEL ever comes for this one.
    host.must("ip link delete foreign")
    assert stays.sweep(valid_attachments(("c1", "eth0"))).ok
    assert known(host) == 1


def test_garbage(host: Host, ours: Implementation) -> None:
    """Of containers that died, GC forgets what was known of their ports."""
    runtime = Runtime(host, ours, in_vlan("net", vlan=100))
    stays, goes = joined(runtime, "c1", "c2")
    other = Runtime(host, ours, plain())
    (neighbour,) = joined(other, "c3")
    assert known(host) == 3
    for container in (goes, neighbour):
        host.remove_container(container)
    assert runtime.sweep(valid_attachments(("c1", "eth0"))).ok
    assert other.sweep(valid_attachments()).ok and runtime.sweep(valid_attachments(("c1", "eth0"))).ok
    assert runtime.check(stays).ok and runtime.delete(stays).ok
    assert known(host) == 0


# Faults


class VlanBench(Bench):
    """An attachment in a VLAN, with its gateway, on a bridge that nobody has yet brought VLANs to."""

    def reset(self) -> None:
        super().reset()
        self.host.must("ip link del cni0.100 2>/dev/null || :")

    def remains(self) -> str:
        stays = guards(self.host)
        left = left_behind(self.host, [self.container], ("cni0", "cni0.100", *stays))
        # The gateway's own.
        if left or len(stays) > 1 or any(port["is_up"] and len(port["ways"]) < 2 for port in stays.values()):
            return f"left: {left} {stays}"
        return ""


class PlainBench(Bench):
    """One without a VLAN on a bridge where there are others."""

    def reset(self) -> None:
        super().reset()
        self.host.must("ip link add cni0 type bridge && ip link set cni0 up alias 'VLANs kept by programs'")


FAULTY: dict[str, tuple[Network, type[Bench]]] = {
    "VLAN": (in_vlan("net", vlan=100, isDefaultGateway=True), VlanBench),
    "plain": (plain("net", isDefaultGateway=True), PlainBench),
}


def points(ours: Implementation, listed: Network, kind: type[Bench]) -> list[Point]:
    """The calls of one undisturbed ADD that concern links, programs and maps, when others have opened them before."""
    with new_host() as host:
        bench = kind(host, ours, listed)
        for _ in range(2):
            bench.reset()
            assert bench.add().ok and bench.delete().ok
        bench.reset()
        every = bench.trace(bench.add)
    return [point for point in every if point.name in ("bpf", "sendto", "sendmsg", "recvfrom", "recvmsg")]


def killed_or_refused(bench: Bench, point: Point) -> str:
    """Whatever becomes of ADD, nobody may send without being kept to a VLAN, and one DEL leaves nothing."""
    outcome = bench.add(point.wrapper)
    if not point.error and outcome.status not in KILLED:
        return f"exit {outcome.status}: {outcome.stdout}"
    if left := unguarded(bench.host):
        return f"{left} may send, and nothing keeps it to a VLAN: {outcome}"
    if outcome.ok and not (checked := bench.check()).ok and "shortcut" not in checked.error_text:
        return f"success, but CHECK says: {checked.stdout}"
    if not (deleted := bench.delete()).ok:
        return f"DEL failed: {deleted.stdout}"
    return bench.remains() or bench.lives_on()


@pytest.mark.parametrize("which", list(FAULTY))
@pytest.mark.parametrize("error", ["", "ENOMEM", "EPERM"], ids=["killed", "ENOMEM", "EPERM"])
def test_cut_off(which: str, error: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed at any call to the kernel, or refused it, ADD leaves no port between VLANs."""
    listed, kind = FAULTY[which]
    every = [Point(point.name, point.ordinal, point.arguments, error) for point in points(ours, listed, kind)
             if not error or point.name in ("bpf", "sendto", "sendmsg")]
    chosen = thinned(every, 29 if error else 17)
    trouble = try_all(chosen, ours, listed, killed_or_refused, kind)
    tried = f"{len(chosen)} of {len(every)} points"
    say(f"VLANs by programs, {which} {error or 'killed'}: {tried}, {len(trouble)} went wrong")
    assert chosen and not trouble, "\n".join(trouble[:20])
