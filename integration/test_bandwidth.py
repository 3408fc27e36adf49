# SPDX-License-Identifier: Apache-2.0
"""bandwidth: what passes, what it leaves in the kernel, and how it ends."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from faults import KILLED, TRACE, Point, points_in, refusals, thinned
from host import Container, Host, Outcome, new_host
from implementations import REFERENCE, Implementation
from runtime import Network, Runtime, bridge, host_local, network, valid_attachments

MEGABIT = 1_000_000
INGRESS, EGRESS = 24 * MEGABIT, 16 * MEGABIT
#: So small that nothing of it is left when the measurement begins, so large that a busy machine may be late.
BURST = MEGABIT
LIMITS = {"ingressRate": INGRESS, "ingressBurst": BURST, "egressRate": EGRESS, "egressBurst": BURST}
#: What streams without limit try to reach: much more than the limits, not all that the machine can do.
OPEN = 60 * MEGABIT
NEAR = {"4": "10.77.0.1", "6": "fd77::1"}
#: Further addresses of the host, for subnets.
FAR = {"4": "10.78.0.1", "6": "fd78::1"}
FAR_SUBNETS = ["10.78.0.0/24", "fd78::/64"]
#: Octets of Ethernet, IP and UDP headers, and what is behind them.
UDP_HEADERS, UDP_PAYLOAD = {"4": 42, "6": 62}, {"4": 1400, "6": 1400}
#: The same of TCP with time stamps, in full frames of 1514 octets.
TCP_HEADERS, TCP_PAYLOAD = {"4": 66, "6": 86}, {"4": 1448, "6": 1428}


def bandwidth(**members: Any) -> dict[str, Any]:
    """A bandwidth plugin's entry that takes limits from the runtime, too."""
    return {"type": "bandwidth", "capabilities": {"bandwidth": True}, **members}


def shaped(version: str = "1.0.0", **members: Any) -> Network:
    """A dual-stack bridge with bandwidth behind it."""
    ipam = host_local("10.77.0.0/24", "fd77::/64", routes=[{"dst": "0.0.0.0/0"}, {"dst": "::/0"}])
    return network(bridge(ipam, isGateway=True), bandwidth(**members), version=version)


# What passes


@dataclasses.dataclass(frozen=True)
class Stream:
    """One measurement: in which direction, by which protocols, to which of the host's addresses."""

    container: str
    ingress: bool
    protocol: str
    family: str
    far: bool = False
    limited: bool = True

    def __str__(self) -> str:
        way = "ingress" if self.ingress else "egress"
        return f"{self.container} {way} {self.protocol}{self.family}{' far' if self.far else ''}"

    @property
    def server(self) -> str:
        """The host's address that the container talks to."""
        return (FAR if self.far else NEAR)[self.family]

    @property
    def limit(self) -> int:
        """In bits per second, headers included; of those without, what they have to reach at least."""
        return (INGRESS if self.ingress else EGRESS) if self.limited else 2 * INGRESS

    @property
    def wanted(self) -> float:
        """Below this, a busy machine may be to blame."""
        return 0.96 * self.limit if self.limited else 1.05 * self.limit

    def command(self, port: int) -> list[str]:
        """The iperf3 that measures it, from inside the container."""
        words = ["iperf3", "-J", "-c", self.server, "-p", str(port), "-t", "3", "-i", "0.5",
                 "-R" if self.ingress else "--get-server-output"]
        if self.protocol == "udp":
            # Not much too fast: what iperf3 has to say passes the same queue, and is lost as often.
            offered = self.limit * 5 // 4 if self.limited else OPEN
            return [*words, "-u", "-l", str(UDP_PAYLOAD[self.family]), "-b", str(offered)]
        # A window that the queue can hold: nothing is lost, and hence nothing comes late and out of turn.
        return [*words, "-w", "100K"] if self.limited else [*words, "-b", str(OPEN)]

    def wire_rate(self, report: dict[str, Any]) -> float:
        """Bits per second as the kernel counts them, headers included, by what the receiver saw after the burst."""
        seen = [entry["sum"] for entry in (report if self.ingress else report["server_output_json"])["intervals"]]
        steady = [entry for entry in seen if entry["start"] > 0.9 and entry["seconds"] > 0.4]
        payload, headers = (UDP_PAYLOAD, UDP_HEADERS) if self.protocol == "udp" else (TCP_PAYLOAD, TCP_HEADERS)
        octets = sum(entry["bytes"] for entry in steady) * (1 + headers[self.family] / payload[self.family])
        return octets * 8 / sum(entry["seconds"] for entry in steady)


def streams(container: str, protocols: tuple[str, ...], *, subnets: str = "") -> list[Stream]:
    """All directions and families."""
    found = []
    for far in (False, True) if subnets else (False,):
        limited = not subnets or far == (subnets == "shaped")
        found += [Stream(container, ingress, protocol, family, far, limited)
                  for ingress in (True, False) for protocol in protocols for family in "46"]
    return found


PLAIN = streams("tcp", ("tcp",)) + streams("udp", ("udp",))
SHAPED = streams("shaped", ("tcp",), subnets="shaped") + streams("shapedudp", ("udp",), subnets="shaped")
UNSHAPED = streams("unshaped", ("tcp",), subnets="unshaped") + streams("unshapedudp", ("udp",), subnets="unshaped")
MEMBERS = {
    "shaped": {"shapedSubnets": FAR_SUBNETS}, "unshaped": {"unshapedSubnets": FAR_SUBNETS},
}


def measure(host: Host, runtimes: dict[str, Runtime], batch: list[Stream]) -> dict[Stream, float]:
    """Runs streams at once, each with a container and a server of its own."""
    if not batch:
        return {}
    containers = {stream: host.add_container(f"c{number}") for number, stream in enumerate(batch)}
    for number, stream in enumerate(batch):
        runtimes[stream.container.removesuffix("udp")].add(containers[stream]).result()
        # Bound, or else answers to UDP come from the nearest address.
        host.must(f"iperf3 -s -J -1 -D -B {stream.server} -p {5300 + number}")

    def run(numbered: tuple[int, Stream]) -> float:
        number, stream = numbered
        for _ in range(50):
            outcome = host.run(stream.command(5300 + number), netns=containers[stream].netns)
            if "unable to connect" not in outcome.stdout:
                break
        report = json.loads(outcome.stdout)
        assert outcome.ok and "error" not in report, f"{stream}: {report.get('error')}"
        return stream.wire_rate(report)

    with concurrent.futures.ThreadPoolExecutor(len(batch)) as pool:
        rates = list(pool.map(run, enumerate(batch)))
    for stream, container in containers.items():
        assert runtimes[stream.container.removesuffix("udp")].delete(container).ok
        host.must(f"ip netns del {container.id}")
    return dict(zip(batch, rates))


@pytest.fixture(scope="module")
def rates(ours: Implementation) -> dict[Stream, float]:
    """All streams, measured in three batches."""
    found: dict[Stream, float] = {}
    with new_host() as host:
        host.must("ip address add 10.78.0.1/24 dev lo; ip address add fd78::1/64 dev lo nodad")
        plain = Runtime(host, ours, shaped(**LIMITS))
        runtimes = {"tcp": plain, "": plain}
        for name, members in MEMBERS.items():
            runtimes[name] = Runtime(host, ours, shaped(**LIMITS, **members))
        for batch in (PLAIN, SHAPED, UNSHAPED):
            found |= measure(host, runtimes, batch)
        # A busy machine can miss a rate, though never exceed it: those have more chances, with fewer neighbours.
        for _ in range(3):
            found |= measure(host, runtimes, [stream for stream in found if found[stream] < stream.wanted])
        assert not [link["ifname"] for link in host.links() if link["ifname"].startswith(("bwp", "veth"))]
    return found


@pytest.mark.needs_culvert
@pytest.mark.xdist_group("rates")
@pytest.mark.parametrize("stream", PLAIN + SHAPED + UNSHAPED, ids=str)
def test_rate(rates: dict[Stream, float], stream: Stream) -> None:
    """What is limited reaches its limit and no more, by 5 %; what is not passes at a multiple of it."""
    reached = f"{rates[stream] / MEGABIT:.2f} Mbit/s"
    if stream.limited:
        assert abs(rates[stream] / stream.limit - 1) <= 0.05, reached
    else:
        assert rates[stream] > stream.limit, reached


# What is left in the kernel


@dataclasses.dataclass
class Scene:
    """A container behind a veth pair that no plugin made, so that bandwidth is all there is."""

    host: Host
    container: Container
    implementation: Implementation
    version: str = "1.0.0"

    def document(self, members: dict[str, Any], *, network_name: str = "podman", previous: bool = True) -> dict[str, Any]:
        """What the plugin reads."""
        result = {"cniVersion": self.version, "ips": [{"address": "10.77.0.2/24", "interface": 1}], "interfaces": [
            {"name": "vethhost"}, {"name": "eth0", "sandbox": self.container.netns}]}
        return {"cniVersion": self.version, "name": network_name, "type": "bandwidth", **members,
                **({"prevResult": result} if previous else {})}

    def call(self, verb: str, members: dict[str, Any], *, by: Implementation | None = None, previous: bool = True,
             container: Container | None = None, **options: Any) -> Outcome:
        """One call of the plugin."""
        implementation = by or self.implementation
        return self.host.plugin(implementation.executable("bandwidth"), verb, self.document(members, previous=previous),
                                container=container or self.container, cni_path=implementation.cni_path, **options)

    def queues(self) -> str:
        """What tc(8) shows, and what ip(8) shows of blocks, without what chance and traffic decide."""
        text = self.host.must(
            "tc -d qdisc show; tc -d filter show dev vethhost ingress; tc -d filter show dev vethhost egress; "
            "ip -d link show type ifb")
        text = re.sub(r"link/ether \S+", "link/ether MAC", text)
        return re.sub(r"(?m)^\d+: |index \d+ ref", lambda found: "index N ref" if "ref" in found[0] else "N: ", text)


@pytest.fixture
def scene(host: Host, ours: Implementation) -> Scene:
    """A fresh container, connected by hand."""
    return new_scene(host, ours)


def new_scene(host: Host, implementation: Implementation) -> Scene:
    """As the fixture, for a host of one's own."""
    container = Container("0123456789abcdef", "/run/netns/c1")
    host.must("ip netns add c1; ip link add vethhost mtu 1450 type veth peer name eth0 netns c1; "
              "ip link set vethhost up; ip -n c1 link set eth0 up")
    return Scene(host, container, implementation)


#: Limits whose numbers fit into the kernel's fields, and with them what containerd sends.
COMMON = {
    "both": LIMITS,
    "ingress": {"ingressRate": INGRESS, "ingressBurst": BURST},
    "egress": {"egressRate": EGRESS, "egressBurst": BURST},
    "odd": {"ingressRate": 1_234_567, "ingressBurst": 765_432, "egressRate": 7_654_321, "egressBurst": 123_456},
    "gigabits": {"ingressRate": 25_000 * MEGABIT, "ingressBurst": 80 * MEGABIT, "egressRate": 80_000 * MEGABIT,
                 "egressBurst": 800 * MEGABIT},
    "containerd": {"runtimeConfig": {"bandwidth": {
        "IngressRate": 100 * MEGABIT, "IngressBurst": 2**32 - 1, "EgressRate": 500 * MEGABIT, "EgressBurst": 2**32 - 1}}},
    "none": {},
    "zero": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0},
}
#: What the reference leaves that means nothing: a second redirection behind one that is final.
SECOND_ACTION = re.compile(r"\taction order 2: mirred \(Egress Redirect to device \S+\) pass\n\tindex N ref 1 bind 1\n\n")
ALIAS = re.compile(r"    alias .*\n")


@pytest.mark.needs_culvert
@pytest.mark.parametrize("limits", COMMON)
def test_same_as_the_reference(ours: Implementation, limits: str) -> None:
    """Queues, filters, blocks and results agree; either can check and delete what the other made."""
    left, results = [], []
    for maker, other in ((ours, REFERENCE), (REFERENCE, ours)):
        with new_host() as host:
            scene = new_scene(host, maker)
            result = scene.call("ADD", COMMON[limits]).result()
            result.pop("dns", None)
            for interface in result["interfaces"]:
                interface.pop("mac", None)
                interface.pop("mtu", None)  # Only ours tell (D41).
            results.append(result)
            left.append(SECOND_ACTION.sub("", ALIAS.sub("", scene.queues())))
            for checker in (maker, other):
                # The reference crashes over a container without limits.
                if checker is ours or any(COMMON[limits].values()):
                    checked = scene.call("CHECK", COMMON[limits], by=checker)
                    assert checked.ok, f"{checker.name} of {maker.name}: {checked}"
            for _ in range(2):
                assert scene.call("DEL", COMMON[limits], by=other).ok
            assert not [link for link in host.links() if link["ifname"].startswith("bwp")]
    assert results[0] == results[1]
    assert left[0] == left[1]
    assert ("tbf" in left[0]) == (limits not in ("none", "zero")), "nothing was compared"


@pytest.mark.needs_culvert
@pytest.mark.parametrize("rate", [MEGABIT, 10 * MEGABIT, 100 * MEGABIT])
@pytest.mark.parametrize("burst", [2**32 - 1, 2**35 - 9], ids=["containerd", "CRI-O"])
def test_numbers_beyond_the_kernel(scene: Scene, rate: int, burst: int) -> None:
    """What does not fit is as large as it can be, and CHECK agrees; what the reference made of it is accepted."""
    members = {"ingressRate": rate, "ingressBurst": burst, "egressRate": rate, "egressBurst": burst}
    for maker in (scene.implementation, REFERENCE):
        scene.call("ADD", members, by=maker).result()
        assert scene.call("CHECK", members).ok
        if maker is not REFERENCE:
            shown = json.loads(scene.host.must("tc -j qdisc show dev vethhost root"))[0]["options"]
            # The longest time that fits into 32 bits of ticks of 64 ns.
            longest = (2**32 - 1) * 64e-9 * rate / 8
            assert shown["burst"] == pytest.approx(min(burst / 8, longest), rel=0.001)
        assert scene.call("DEL", members).ok
        scene.host.must("tc qdisc del dev vethhost root; tc qdisc del dev vethhost ingress")


@pytest.mark.beats_reference
def test_second_add(scene: Scene) -> None:
    """A second ADD, also with another configuration, replaces the first; so does one behind the reference's."""
    alone = {"egressRate": EGRESS, "egressBurst": BURST}
    fresh = {}
    for name, members in (("both", LIMITS), ("alone", alone), ("subnets", {**LIMITS, **MEMBERS["shaped"]})):
        scene.call("ADD", members).result()
        assert scene.call("CHECK", members).ok
        fresh[name] = scene.queues()
        scene.call("ADD", members).result()
        assert scene.queues() == fresh[name]
    scene.call("ADD", LIMITS).result()
    assert scene.queues() == fresh["both"]
    assert scene.call("DEL", {}).ok
    scene.host.must("tc qdisc del dev vethhost root; tc qdisc del dev vethhost ingress")
    scene.call("ADD", LIMITS, by=REFERENCE).result()
    scene.call("ADD", LIMITS).result()
    assert scene.queues() == fresh["both"]


@pytest.mark.beats_reference
def test_leftovers_of_the_dead(scene: Scene) -> None:
    """A block of an ADD whose container died is no obstacle, and a filter that leads nowhere neither."""
    scene.call("ADD", LIMITS).result()
    before = scene.queues()
    scene.host.must("ip link del vethhost; ip link add vethhost mtu 1450 type veth peer name eth0 netns c1; "
                    "ip link set vethhost up; ip -n c1 link set eth0 up")
    scene.call("ADD", LIMITS).result()
    assert scene.queues() == before
    scene.host.must("ip link del bwp10b6f28dc236")
    assert scene.call("CHECK", LIMITS).error()["code"] == 105
    scene.call("ADD", LIMITS).result()
    assert scene.queues() == before


@pytest.mark.needs_culvert
@pytest.mark.parametrize("damage", [
    "ip link del bwp10b6f28dc236", "ip link set bwp10b6f28dc236 down", "tc qdisc del dev vethhost root",
    "tc qdisc del dev vethhost ingress", "tc filter del dev vethhost ingress", "tc qdisc del dev bwp10b6f28dc236 root",
    "tc qdisc change dev vethhost root handle 1: tbf rate 25mbit burst 25000 latency 25ms",
    "tc qdisc change dev bwp10b6f28dc236 root handle 1: tbf rate 16mbit burst 25001 latency 25ms",
])
def test_check_finds(scene: Scene, damage: str) -> None:
    """CHECK fails for anything that is not as ADD left it, and says what."""
    scene.call("ADD", LIMITS).result()
    assert scene.call("CHECK", LIMITS).ok
    scene.host.must(damage)
    error = scene.call("CHECK", LIMITS).error()
    assert error["code"] == 105 and ("bwp10b6f28dc236" in error["details"] or "vethhost" in error["details"])


@pytest.mark.needs_culvert
@pytest.mark.parametrize("env", [{}, {"CNI_NETNS": ""}, {"CNI_NETNS": "/run/netns/gone"}, {"CNI_NETNS": "/run/plain"}],
                         ids=["netns", "empty", "gone", "file"])
def test_delete_needs_a_name_and_nothing_else(scene: Scene, env: dict[str, str | None]) -> None:
    """Neither namespace nor result nor limits, nor sense in the configuration."""
    scene.host.must("touch /run/plain")
    for members in ({}, {"ingressRate": "much", "shapedSubnets": 7}, LIMITS):
        scene.call("ADD", {**LIMITS, **MEMBERS["shaped"]}).result()
        for _ in range(2):
            assert scene.call("DEL", members, previous=False, env=env).ok
        assert not [link for link in scene.host.links() if link["ifname"].startswith("bwp")]


@pytest.mark.beats_reference
def test_garbage(scene: Scene) -> None:
    """GC takes the blocks that nobody claims, of this network alone."""
    scene.version = "1.1.0"
    names = []
    for number in range(3):
        scene.host.must(f"ip netns add n{number}; ip link add veth{number} type veth peer name eth0 netns n{number}")
        document = scene.document(LIMITS, network_name="blue" if number < 2 else "red")
        document["prevResult"]["interfaces"][0]["name"] = f"veth{number}"
        outcome = scene.host.plugin(scene.implementation.executable("bandwidth"), "ADD", document,
                                    container=Container(f"n{number}", f"/run/netns/n{number}"))
        names.append(outcome.result()["interfaces"][2]["name"])

    def sweep(listed: dict[str, Any]) -> set[str]:
        document = {**scene.document({}, network_name="blue", previous=False), **listed}
        outcome = scene.host.plugin(scene.implementation.executable("bandwidth"), "GC", document)
        assert outcome == Outcome(0, "", ""), outcome
        return {link["ifname"] for link in scene.host.links() if link["ifname"].startswith("bwp")}

    assert sweep(valid_attachments(("n0", "eth0"), ("n1", "eth0"))) == set(names)
    assert sweep(valid_attachments(("n1", "eth0"), ("n0", "eth1"))) == set(names[1:])
    assert sweep({"cni.dev/valid-attachments": None}) == {names[2]}


@pytest.mark.needs_culvert
def test_status(scene: Scene) -> None:
    """STATUS succeeds and changes nothing."""
    scene.version = "1.1.0"
    before = scene.queues()
    for members in (LIMITS, {}):
        assert scene.call("STATUS", members, previous=False) == Outcome(0, "", "")
    assert scene.queues() == before


@pytest.mark.needs_culvert
@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_chain(host: Host, ours: Implementation, version: str) -> None:
    """Behind our bridge in every version, with limits from the runtime, and CHECK at once."""
    runtime = Runtime(host, ours, shaped(version))
    container = host.add_container("c1")
    limits = {"bandwidth": {"IngressRate": INGRESS, "IngressBurst": 2**35 - 9, "EgressRate": EGRESS,
                            "EgressBurst": 2**35 - 9}}
    result = runtime.add(container, capabilities=limits).result()
    assert [entry["name"] for entry in result["interfaces"]][2:][-1].startswith("bwp")
    assert len(result["ips"]) == 2
    if version >= "0.4.0":
        assert runtime.check(container, capabilities=limits).ok
    assert runtime.delete(container, remembering=False).ok
    assert {link["ifname"] for link in host.links()} == {"lo", "cni0"}


# What cannot be


BAD: dict[str, tuple[int, dict[str, Any], str]] = {
    "rate without burst": (7, {"ingressRate": 1000}, "ingressBurst"),
    "burst without rate": (7, {"egressBurst": 1000}, "egressRate"),
    "rate of the runtime without burst": (7, {"runtimeConfig": {"bandwidth": {"EgressRate": 1000}}}, "egressBurst"),
    "negative": (6, {"ingressRate": -1, "ingressBurst": 1000}, "ingressRate"),
    "burst too large": (6, {"ingressRate": 1000, "ingressBurst": 2**35 + 1}, "ingressBurst"),
    "rate too large": (6, {"ingressRate": 2**63, "ingressBurst": 1000}, ""),
    "less than an octet": (7, {"ingressRate": 7, "ingressBurst": 1000}, "ingressRate"),
    "string": (6, {"ingressRate": "1000", "ingressBurst": 1000}, "ingressRate"),
    "fraction": (6, {"ingressRate": 1000.5, "ingressBurst": 1000}, "ingressRate"),
    "runtime's boolean": (6, {"runtimeConfig": {"bandwidth": {"EgressRate": True}}}, "runtimeConfig.bandwidth.EgressRate"),
    "runtime's list": (6, {"runtimeConfig": {"bandwidth": []}}, "runtimeConfig.bandwidth"),
    "no subnet": (6, {**LIMITS, "shapedSubnets": ["10.0.0.0/8", "ten"]}, "shapedSubnets[1]"),
    "subnets of both kinds": (7, {**LIMITS, "shapedSubnets": ["::/0"], "unshapedSubnets": ["::/0"]}, "unshapedSubnets"),
}


@pytest.mark.needs_culvert
@pytest.mark.parametrize("verb", ["ADD", "CHECK"])
@pytest.mark.parametrize("case", BAD)
def test_bad_configuration(scene: Scene, case: str, verb: str) -> None:
    """One clear error that names the place, and nothing has changed."""
    code, members, says = BAD[case]
    before = scene.queues()
    outcome = scene.call(verb, members)
    assert outcome.error()["code"] == code and says in outcome.error_text
    assert scene.queues() == before


#: What is done to the host, or how the call differs; the error's code; what it says.
BAD_PLACES: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "no prevResult": ("true", {"previous": False}, 7, "prevResult"),
    "no interface": ("ip -n c1 link del eth0", {}, 7, "no interface eth0"),
    "no veth": ("ip link del vethhost; ip link add eth0 netns c1 type bridge", {}, 7, "bridge"),
    "peer not listed": ("ip link set vethhost down; ip link set vethhost name other", {}, 7, "other"),
    "peer elsewhere": ("ip netns add c2; ip link set vethhost netns c2", {}, 7, "eth0"),
    "no namespace": ("true", {"env": {"CNI_NETNS": "/run/netns/gone"}}, 4, "/run/netns/gone"),
    "another queue": ("tc qdisc add dev vethhost root handle 7: pfifo", {}, 100, "pfifo"),
    "another bucket": ("tc qdisc add dev vethhost root handle 7: tbf rate 1mbit burst 3000 limit 3000", {}, 100, "tbf"),
    "another filter": ("tc qdisc add dev vethhost clsact; tc filter add dev vethhost ingress protocol all u32 "
                       "match u32 0 0 action mirred egress redirect dev lo", {}, 100, "clsact"),
}


@pytest.mark.needs_culvert
@pytest.mark.parametrize("case", BAD_PLACES)
def test_bad_place(scene: Scene, case: str) -> None:
    """Where nothing can be limited ADD says why, and changes nothing."""
    prepare, options, code, says = BAD_PLACES[case]
    scene.host.must(prepare)
    before = scene.host.must("tc qdisc show; ip -o link | cut -d' ' -f2,3,5-")
    outcome = scene.call("ADD", LIMITS, **options)
    assert outcome.error()["code"] == code and says in outcome.error_text, outcome.stdout
    assert scene.host.must("tc qdisc show; ip -o link | cut -d' ' -f2,3,5-") == before


@pytest.mark.beats_reference
def test_same_container_twice(host: Host, ours: Implementation) -> None:
    """Two interfaces of one container on one network have blocks of their own, whichever goes first."""
    runtime = Runtime(host, ours, shaped(**LIMITS))
    container = host.add_container("c1")
    blocks = [runtime.add(container, name).result()["interfaces"][-1]["name"] for name in ("eth0", "eth1")]
    assert len(set(blocks)) == 2
    assert runtime.check(container, "eth0").ok and runtime.check(container, "eth1").ok
    assert runtime.delete(container, "eth0", remembering=False).ok
    assert runtime.check(container, "eth1").ok
    assert runtime.delete(container, "eth1", remembering=False).ok
    assert {link["ifname"] for link in host.links()} == {"lo", "cni0"}


# How it ends


class Attempt:
    """One container on which bandwidth is set and broken again and again."""

    #: Blocks for both ways, and everything else there is.
    LIMITS = {**LIMITS, "shapedSubnets": ["10.0.0.0/8", "fd00::/8"]}

    def __init__(self, host: Host, implementation: Implementation, subnets: bool) -> None:
        self.scene = new_scene(host, implementation)
        self.members = self.LIMITS if subnets else LIMITS
        #: Blocks and queues, when there are none of ours.
        self.clean = self.left()

    def left(self) -> str:
        """What there is of links and queues, in brief."""
        return self.scene.host.must("ip -o link | cut -d: -f2; tc qdisc show | grep -v noqueue || :")

    def trace(self, verb: str) -> list[Point]:
        """The system calls of an undisturbed run."""
        wrapper = ["strace", "-f", "-qq", "-o", TRACE]
        assert self.scene.call(verb, self.members, wrapper=wrapper).ok
        return points_in(self.scene.host.path(TRACE).read_text(errors="replace"))

    def ends_well(self) -> str:
        """What goes wrong when DEL, a fresh ADD, CHECK and DEL follow; empty when nothing does."""
        for verb in ("DEL", "ADD", "CHECK", "DEL"):
            if not (outcome := self.scene.call(verb, self.members, previous=verb != "DEL")).ok:
                return f"{verb} afterwards: {outcome.stdout}"
            if verb == "DEL" and "bwp" in (left := self.left()):
                return f"left behind DEL: {left}"
        return ""

    def renew(self) -> None:
        """Takes away what DEL leaves at the host's end, and all else that a failed point may have left."""
        self.scene.host.must(
            "for queue in root ingress clsact; do tc qdisc del dev vethhost $queue 2>/dev/null || :; done; "
            "for block in $(ip -o link show type ifb | cut -d: -f2); do ip link del $block; done; :")


def killed(attempt: Attempt, verb: str, point: Point) -> str:
    """Dies at a point; what follows works."""
    if verb == "DEL":
        attempt.scene.call("ADD", attempt.members).result()
    outcome = attempt.scene.call(verb, attempt.members, wrapper=point.wrapper)
    if not outcome.ok and outcome.status not in KILLED:
        return f"exit {outcome.status}: {outcome.stdout}"
    return attempt.ends_well()


def refused(attempt: Attempt, verb: str, point: Point) -> str:
    """Is refused a call; then it succeeds all the same, or reports one error and, of an ADD, leaves nothing."""
    if verb == "DEL":
        attempt.scene.call("ADD", attempt.members).result()
    outcome = attempt.scene.call(verb, attempt.members, wrapper=point.wrapper)
    silenced = point.name in ("write", "writev") and point.arguments.startswith(("1,", "2,"))
    if outcome.ok:
        if verb == "ADD" and not (checked := attempt.scene.call("CHECK", attempt.members)).ok:
            return f"success, but CHECK says {checked.stdout}"
    elif not silenced:
        try:
            outcome.error()
        except (AssertionError, ValueError) as wrong:
            return f"not one error object: {wrong}"
        if verb == "ADD" and (left := attempt.left()) != attempt.clean and "left behind" not in outcome.stdout:
            return f"left without a word: {left} ({outcome.stdout})"
    return attempt.ends_well()


@pytest.mark.needs_culvert
@pytest.mark.parametrize("subnets", [False, True], ids=["plain", "subnets"])
@pytest.mark.parametrize("verb", ["ADD", "DEL"])
@pytest.mark.parametrize("fate", [killed, refused], ids=["killed", "refused"])
def test_interrupted_anywhere(ours: Implementation, say: Callable[[str], None], fate: Any, verb: str,
                              subnets: bool) -> None:
    """Killed or refused at any system call, bandwidth leaves nothing that a DEL does not remove."""
    with new_host() as host:
        attempt = Attempt(host, ours, subnets)
        if verb == "DEL":
            attempt.scene.call("ADD", attempt.members).result()
        points = attempt.trace(verb)
    points = thinned(points if fate is killed else [
        point for point in refusals(points) if point.error == "EPERM"])
    assert points
    trouble: list[str] = []

    def work(mine: list[Point]) -> None:
        with new_host() as host:
            attempt = Attempt(host, ours, subnets)
            for point in mine:
                if complaint := fate(attempt, verb, point):
                    trouble.append(f"{point}: {complaint}")
                attempt.renew()

    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        for done in [workers.submit(work, points[number::2]) for number in range(2)]:
            done.result()
    say(f"bandwidth {verb} {fate.__name__}: {len(points)} points, {len(trouble)} went wrong")
    assert not trouble, "\n".join(trouble[:20])
