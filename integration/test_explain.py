# SPDX-License-Identifier: Apache-2.0
"""culvert explain: what it says of a flow is what a client sees."""
from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import itertools
import json
import os
import random
from collections.abc import Sequence
from typing import Any

import pytest

from flows import IMPATIENCE_SECONDS, PATIENCE_SECONDS, Agent, Flow, Scene
from host import Host, new_host
from implementations import Implementation, build_directory
from interfaces import DUAL, NEIGHBOUR, NEIGHBOURS, WIRE
from interfaces import lan as add_neighbour
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network
from traffic import OUTSIDER4, OUTSIDER6, add_outside, fetch, serve

pytestmark = pytest.mark.needs_culvert
#: How many flows are tried, so many on each host.
FLOWS, FLOWS_PER_HOST = int(os.environ.get("CULVERT_EXPLAIN_FLOWS", "120")), 40
SEED = int(os.environ.get("CULVERT_EXPLAIN_SEED", "11000"))


def explain(host: Host, *words: str, status: int | None = None) -> dict[str, Any]:
    """What it says in JSON, with the exit status that belongs to it."""
    outcome = host.run([str(build_directory() / "culvert"), "explain", "--json", *words])
    assert outcome.status in (0, 1, 2), outcome
    assert outcome.stdout, outcome
    document = json.loads(outcome.stdout)
    meant = {"connected": 0, "refused": 1, "unreachable": 1, "dropped": 1, "unknown": 2}
    assert outcome.status == meant[document["verdict"]["outcome"]]
    assert status is None or outcome.status == status, document["verdict"]
    return document


def disagreement(scene: Scene | Company, flow: Flow) -> tuple[str, str]:
    """What was predicted, and in what way it was wrong; empty when it was right."""
    document = explain(scene.host, *flow.words())
    verdict = document["verdict"]
    predicted = verdict["outcome"]
    patience = IMPATIENCE_SECONDS if predicted in ("dropped", "unknown") else PATIENCE_SECONDS
    seen = scene.agents[flow.origin].attempt(flow, patience)
    kind = seen.split()[0]
    # Who gets no answer to ARP is told so after seconds, which a busy machine may wait.
    is_late = predicted == "dropped" and "nobody answers" in verdict["reason"] and kind == "unreachable"
    if kind == predicted or predicted == "unknown" or is_late:
        return predicted, ""
    steps = "\n".join(f"    {'<' if step['answer'] else '>'} {step['place']} {step['stage']}: {step['text']}"
                      for step in document["steps"])
    return predicted, f"{flow}: said {predicted} ({verdict['reason']}), seen {seen}\n{steps}"


@pytest.mark.parametrize("number", range(-(-FLOWS // FLOWS_PER_HOST)))
def test_flows_fare_as_predicted(ours: Implementation, number: int) -> None:
    """Random flows over random hosts: the verdict is what a socket sees."""
    seed = SEED + number
    print(f"CULVERT_EXPLAIN_SEED={seed}")
    chance = random.Random(seed)
    with new_host() as host:
        scene = Scene(host, ours, chance)
        flows = [scene.flow() for _ in range(FLOWS_PER_HOST)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda flow: disagreement(scene, flow), flows))
        # A prediction is about this moment, and the other flows went on: neighbours became known, or were given up.
        wrong = [disagreement(scene, scene.again(flow))[1] for flow, (_, text) in zip(flows, found) if text]
    wrong = [text for text in wrong if text]
    counts = collections.Counter(predicted for predicted, _ in found)
    print(dict(counts))
    assert not wrong, "\n".join([f"CULVERT_EXPLAIN_SEED={seed}", *scene.story, *wrong])
    assert not counts["unknown"], "\n".join(scene.story)


@pytest.fixture(name="small")
def small_host(host: Host, ours: Implementation) -> Operator:
    """Two containers of one network."""
    lan = network(bridge(isGateway=True, isDefaultGateway=True), name="lan")
    runtime = Runtime(host, ours, lan)
    for name in ("web-0", "web-1"):
        connected(runtime, name)
    return Operator(host, ours, lan)


def test_words_for_people(small: Operator) -> None:
    """Steps have numbers, containers their names, and the last line is the verdict; without a terminal no colours."""
    outcome = small.run("explain", "web-0", "to", "web-1:80")
    lines = outcome.stdout.splitlines()
    assert outcome.status == 1 and "\x1b" not in outcome.stdout, outcome
    assert lines[0] == "10.77.0.2:40000 > 10.77.0.3:80 tcp" and "  container web-0" in lines
    assert any(line.startswith("   1  route") for line in lines)
    assert lines[-1].startswith("REFUSED: ") and "nobody listens at 10.77.0.3:80" in lines[-1]


def test_ends_have_many_names(small: Operator) -> None:
    """An id or what it begins with, an interface, an address, the host; and a frame."""
    for words in (("web-0", "web-1:81"), ("web-0:eth0", "to", "web-1:eth0:81"), ("10.77.0.2", "10.77.0.3:81")):
        assert explain(small.host, *words)["packet"] == "10.77.0.2:40000 > 10.77.0.3:81 tcp"
    assert explain(small.host, "web-0", "host", "--protocol", "icmp")["verdict"]["outcome"] == "connected"
    assert explain(small.host, "host", "web-1", "--source-port", "9")["packet"].startswith("10.77.0.1:9 >")
    port = next(link["ifname"] for link in small.host.links() if link["ifname"].startswith("veth"))
    frame = "ffffffffffff" + "0200000000aa" + "0806" + "0001080006040001" + "0200000000aa" + "0a4d0002"
    document = explain(small.host, "--frame", frame + "000000000000" + "0a4d0001", "--port", port)
    assert document["steps"][0]["text"] == f"comes in by {port}"


def syn(small: Operator, station: str, addresses: str, port: int, tag: str = "") -> str:
    """A frame as web-0 sends it first."""
    ends = (station + small.attachments()["web-0:eth0"]["mac"]).replace(":", "")
    return (f"{ends}{tag}0800" + "450000280001400040060000" + addresses
            + f"9c40{port:04x}" + "00000001000000005002ffff00000000")


def test_a_frame_at_a_port_of_a_container_is_answered(small: Operator) -> None:
    """The container behind the port gets the answer of the other one, and of the host."""
    host, attachments = small.host, small.attachments()
    serve(host, "web-1", 80)
    port, other = attachments["web-0:eth0"]["hostInterface"]["name"], attachments["web-1:eth0"]["mac"]
    [own] = [link["address"] for link in host.links() if link["ifname"] == "cni0"]
    for octets, outcome in ((syn(small, other, "0a4d00020a4d0003", 80), "connected"),
                            (syn(small, other, "0a4d00020a4d0003", 81), "refused"),
                            (syn(small, own, "0a4d00020a4d0001", 81), "refused")):
        verdict = explain(host, "--frame", octets, "--port", port)["verdict"]
        assert verdict["outcome"] == outcome, verdict


@pytest.mark.needs_vlans
def test_ports_of_all_vlans(small: Operator) -> None:
    """What the kernel says of a trunk of 4094 VLANs is read, and each of them tells who is where."""
    host = small.host
    ports = [entry["hostInterface"]["name"] for entry in small.attachments().values()]
    host.must("ip link set cni0 type bridge vlan_filtering 1; bridge vlan add vid 2-4094 dev cni0 self;"
              + "".join(f"bridge vlan add vid 2-4094 dev {port};" for port in ports))
    for words in (["web-0", "web-1:81"], ["web-0", "host:81"]):
        assert explain(host, *words, status=1)["verdict"]["outcome"] == "refused"


@pytest.mark.needs_links("vlan")
def test_a_frame_with_a_tag_is_answered_with_it(small: Operator) -> None:
    """By a VLAN of the host upon the container's port, to one of the container upon its interface."""
    host, port = small.host, small.attachments()["web-0:eth0"]["hostInterface"]["name"]
    host.must(f"ip link add link {port} name tagged address 02:00:00:00:00:07 type vlan id 7;"
              "ip addr add 10.78.0.1/24 dev tagged; ip link set tagged up")
    host.must("ip link add link eth0 name eth0.7 type vlan id 7; ip addr add 10.78.0.2/24 dev eth0.7;"
              "ip link set eth0.7 up", netns="/run/netns/web-0")
    octets = syn(small, "02:00:00:00:00:07", "0a4e00020a4e0001", 81, tag="81000007")
    verdict = explain(host, "--frame", octets, "--port", port)["verdict"]
    assert verdict["outcome"] == "refused", verdict


def test_what_is_in_the_way_is_named(small: Operator) -> None:
    """The rule, its chain, and what the doctor calls it."""
    small.host.must("nft add table inet mine; nft 'add chain inet mine f { type filter hook forward priority 0; "
                    "policy drop; }'; ip route add default dev cni0; echo 1 >/proc/sys/net/ipv4/ip_forward")
    verdict = explain(small.host, "web-0", "198.51.100.1:80")["verdict"]
    assert verdict["finding"] == "forward-dropped" and "chain inet mine f" in verdict["reason"], verdict
    small.host.must("nft flush ruleset; nft add table inet mine; nft 'add chain inet mine f { type filter hook input "
                    "priority 0; }'; nft add rule inet mine f meta skuid 0 drop")
    document = explain(small.host, "web-0", "host", "--protocol", "icmp", status=2)
    assert "meta key 10" in document["verdict"]["reason"]


@pytest.mark.parametrize("words, status, says", [
    (["nobody", "web-1"], 2, "no attachment of this host"), (["web-", "web-1"], 2, "several containers"),
    (["web-0:eth7", "web-1"], 2, "it has: eth0"), (["10.9.9.9", "web-1"], 2, "--in LINK"),
    (["--in", "eth7", "10.9.9.9", "web-1"], 2, "no link eth7"), (["10.77.0.2", "fd00::1"], 2, "IPv4 and the other IPv6"),
    (["web-0"], 64, "FROM [to] TO"), (["web-0", "and", "web-1"], 64, "FROM [to] TO"),
    (["--frame", "xyz", "--port", "cni0"], 2, "hexadecimal"), (["--frame", "ffff", "--port", "cni0"], 2, "cut off"),
    (["--frame", "ffff"], 64, "--port"), (["web-0", "web-1", "--protocol", "gre"], 64, "protocol"),
    (["web-0", "web-1", "--source", "here"], 64, "no address"), (["web-0", "web-1:eth0:http"], 64, '"http"'),
    (["web-0", "web-1:70000"], 64, '"70000" of "web-1:70000" is no port'), (["web-0", "host:abc"], 64, '"abc"'),
    (["web-0", "10.77.0.3:http"], 64, '"http" of "10.77.0.3:http" is no port'), (["web-0", "host:0"], 64, '"0"'),
    (["web-0", "[fd00::1]:99999"], 64, '"99999"'), (["web-0", "web-1:"], 2, "it has: eth0"),
    (["web-0", "web-1:http"], 2, 'no attachment "http"; it has: eth0; a port is a number'),
    (["web-0", "10.77.0.3:"], 64, '"" of'), (["web-0", "web-1", "--source-port", "0"], 64, "--source-port is from 1"),
])
def test_bad_input_is_named(small: Operator, words: list[str], status: int, says: str) -> None:
    """Nothing is explained, and the reason stands on standard error."""
    outcome = small.run("explain", *words)
    assert outcome.status == status and outcome.stdout == "" and says in outcome.stderr, outcome


def test_who_asks_for_himself(host: Host, ours: Implementation) -> None:
    """A loopback address stays inside; without the loopback link it is sent, and nobody takes it."""
    lan = network(bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True, isDefaultGateway=True), name="lan")
    runtime = Runtime(host, ours, lan)
    for name in ("with", "without"):
        host.settle(connected(runtime, name))
    host.must("ip link set lo up", netns="/run/netns/with")
    company = company_of(host, "host", "with", "without")
    flows = flows_among(["host", "with", "without"], ["127.0.0.1", "::1"])
    assert_as_predicted(company, flows)
    for address in ("127.0.0.1", "::1"):
        verdict = explain(host, "with", f"[{address}]:80", status=0)["verdict"]
        assert verdict["reason"] == f"container with answers at {'[::1]' if ':' in address else address}:80"
        document = explain(host, "without", f"[{address}]:80", status=1)
        verdict = document["verdict"]
        assert verdict["outcome"] == "dropped" and verdict["reason"].endswith("from cni0"), verdict
        assert "the host takes no packets of" in verdict["reason"] and "lo of container without" in verdict["advice"]
        assert any("its loopback link is down" in step["text"] for step in document["steps"]), document
    host.must("ip route del default; ip -6 route del default", netns="/run/netns/without")
    assert_as_predicted(company, [dataclasses.replace(flow, source_port=flow.source_port + 1000) for flow in flows])
    verdict = explain(host, "without", "::1", status=1)["verdict"]
    assert verdict["outcome"] == "unreachable" and "lo of container without" in verdict["advice"], verdict


def test_rules_are_told_as_nft_tells_them(host: Host, ours: Implementation) -> None:
    """Prefixes as prefixes, whatever the version of IP and however many of their bits are compared."""
    add_outside(host)
    pools = (("10.77.0.0/24", "fd77::/64"), ("10.78.16.0/20", "fd78::/61"))
    runtimes = [
        Runtime(host, ours, network(bridge(host_local(*subnets), bridge=f"br{number}", isGateway=True, ipMasq=True,
                                           isDefaultGateway=True, ipMasqBackend="nftables"), name=f"lan{number}"))
        for number, subnets in enumerate(pools)]
    for number, runtime in enumerate(runtimes):
        host.settle(connected(runtime, f"c{number}"))
    shown = [line.strip() for line in host.must("nft list ruleset").splitlines()]
    for number in range(len(pools)):
        for address in (OUTSIDER4, OUTSIDER6):
            steps = explain(host, f"c{number}", f"[{address}]:80")["steps"]
            [rule] = [step["text"].split("): ", 1)[1] for step in steps if "source translated by" in step["text"]]
            assert rule in shown, (rule, shown)


def test_a_namespace_that_is_gone(small: Operator) -> None:
    """Said of the sender; of the receiver it is what the bridge and ARP say."""
    small.host.must("ip netns del web-0")
    outcome = small.run("explain", "web-0", "web-1")
    assert outcome.status == 2 and "web-0 is gone" in outcome.stderr and "culvert gc" in outcome.stderr, outcome


def test_the_address_of_a_dead_container_is_its_successors(host: Host, ours: Implementation) -> None:
    """Who died without DEL has a record until gc, and no address any more."""
    pool = host_local(ranges=[[{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.2", "rangeEnd": "10.77.0.3"}]])
    lan = network(bridge(pool, isGateway=True, isDefaultGateway=True), name="lan")
    runtime = Runtime(host, ours, lan)
    dead = connected(runtime, "a")
    connected(runtime, "neighbour")
    host.remove_container(dead)
    connected(runtime, "b")
    records = Operator(host, ours, lan).attachments()
    assert records["a:eth0"]["container"] == "dead"
    assert records["a:eth0"]["addresses"] == records["b:eth0"]["addresses"] == ["10.77.0.2/24"]
    document = explain(host, "10.77.0.2", "10.77.0.3:81", status=1)
    assert document["verdict"]["outcome"] == "refused" and document["steps"][0]["place"] == "b", document
    assert explain(host, "neighbour", "10.77.0.2:81", status=1)["verdict"]["place"] == "b"


def test_without_permission(small: Operator) -> None:
    """Who may not look is told so, and nothing is guessed."""
    outcome = small.run("explain", "host", "10.77.0.3", wrapper=("setpriv", "--reuid", "65534", "--clear-groups"))
    assert outcome.status == 2, outcome
    assert "ermi" in outcome.stderr + outcome.stdout, outcome


def test_the_other_family(host: Host, ours: Implementation) -> None:
    """IPv6: neighbours, routes between networks, and a rule in the way."""
    for number in (1, 2):
        lan = network(bridge(host_local(f"10.{number}.0.0/24", f"fd0{number}::/64"), bridge=f"br{number}",
                             isGateway=True, isDefaultGateway=True), name=f"lan{number}")
        runtime = Runtime(host, ours, lan)
        for name in ("a", "b"):
            container = connected(runtime, f"{name}{number}")
            host.must("ip link set lo up", netns=container.netns)
            host.settle(container)
            serve(host, container.id, 80)
    host.must("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
    for origin, address in (("a1", "fd01::3"), ("b2", "fd01::3"), ("a1", "fd02::1")):
        port = 80 if address.endswith("3") else 81
        outcome = explain(host, origin, f"[{address}]:{port}")["verdict"]["outcome"]
        assert outcome == ("connected" if port == 80 else "refused"), (origin, address)
        assert bool(fetch(host, origin, address, port, 10)) == (port == 80)
    host.must("nft add table ip6 mine; nft 'add chain ip6 mine f { type filter hook forward priority 0; }'; "
              "nft add rule ip6 mine f ip6 saddr fd02::/64 tcp dport 80 reject with tcp reset")
    verdict = explain(host, "b2", "[fd01::3]:80", status=1)["verdict"]
    assert verdict["outcome"] == "refused" and "chain ip6 mine f" in verdict["reason"]
    assert explain(host, "b1", "[fd02::2]:80", status=0) and fetch(host, "b1", "fd02::2", 80, 10)


@dataclasses.dataclass
class Company:
    """Who tries to get through, on a host that was not made by chance."""

    host: Host
    agents: dict[str, Agent]


def company_of(host: Host, *names: str) -> Company:
    """All of them listen at the usual ports."""
    return Company(host, {name: Agent(host, name, [80], [53]) for name in names})


def assert_as_predicted(company: Company, flows: list[Flow]) -> None:
    """What is said of each flow is what its sender sees; nothing is left open."""
    found = [disagreement(company, flow) for flow in flows]
    assert not [text for _, text in found if text], "\n".join(text for _, text in found)
    assert all(predicted != "unknown" for predicted, _ in found), found


def flows_among(origins: Sequence[str], addresses: Sequence[str]) -> list[Flow]:
    """Everybody to every address, by TCP and by UDP."""
    ports = itertools.count(30000)
    return [Flow(origin, address, port, protocol, next(ports)) for origin in origins for address in addresses
            for port, protocol in ((80, "tcp"), (53, "udp"))]


@pytest.mark.needs_links("macvlan")
@pytest.mark.parametrize("mode", ["bridge", "private"])
def test_stations_of_their_own(mode: str, host: Host, ours: Implementation) -> None:
    """macvlan: each other, the neighbour, and the host, which they do not reach."""
    add_neighbour(host)
    host.must(f"ip address add 10.77.0.1/24 dev {WIRE}; ip address add fd77::ff/64 dev {WIRE} nodad")
    runtime = Runtime(host, ours, network({"type": "macvlan", "master": WIRE, "mode": mode, "ipam": DUAL},
                                          version="1.1.0"))
    for name in ("c1", "c2"):
        host.settle(connected(runtime, name))
    neighbour = Agent(host, NEIGHBOUR, [80], [53])
    addresses = ["10.77.0.2", "10.77.0.3", "fd77::3", *NEIGHBOURS]
    assert_as_predicted(company_of(host, "c1", "c2"), flows_among(["c1"], addresses))
    assert neighbour.process.poll() is None
    for address in ("10.77.0.1", "fd77::ff"):
        assert explain(host, "c1", f"[{address}]:80")["verdict"]["outcome"] != "unknown"
    words = ["--in", WIRE, NEIGHBOURS[0], "10.77.0.2:80"]
    assert explain(host, *words, status=0)["verdict"]["place"] == "c1"


@pytest.mark.needs_links("vlan")
def test_a_vlan_of_a_link(host: Host, ours: Implementation) -> None:
    """A container in a VLAN of the wire: with tags, to the neighbour in the same one, and from him."""
    add_neighbour(host, "eth0.5 type vlan id 5")
    runtime = Runtime(host, ours, network({"type": "vlan", "master": WIRE, "vlanId": 5, "ipam": DUAL},
                                          version="1.1.0"))
    host.settle(connected(runtime, "c1"))
    neighbour = Agent(host, NEIGHBOUR, [80], [53])
    assert_as_predicted(company_of(host, "c1"), flows_among(["c1"], NEIGHBOURS))
    assert neighbour.process.poll() is None
    document = explain(host, "c1", f"{NEIGHBOURS[0]}:80", status=0)
    assert any(f"adds tag 5 and sends it by {WIRE}" in step["text"] for step in document["steps"])


@pytest.mark.needs_links("vrf")
def test_a_container_in_a_vrf(host: Host, ours: Implementation) -> None:
    """Who is bound to the VRF gets through, who is not has no route; and servers hear of it when they may."""
    red = network(bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True, isDefaultGateway=True),
                  {"type": "vrf", "vrfname": "red"}, name="red", version="1.1.0")
    runtime = Runtime(host, ours, red)
    for name in ("c1", "c2"):
        host.settle(connected(runtime, name))
    plain = flows_among(["c1"], ["10.77.0.3", "fd77::3"])
    bound = [dataclasses.replace(flow, through="red", source_port=flow.source_port + 1000) for flow in plain]
    inward = flows_among(["host"], ["10.77.0.2", "fd77::2"])
    company = company_of(host, "host", "c1", "c2")
    assert_as_predicted(company, [*plain, *bound, *inward])
    for name in ("c1", "c2"):
        host.must("echo 1 >/proc/sys/net/ipv4/tcp_l3mdev_accept; echo 1 >/proc/sys/net/ipv4/udp_l3mdev_accept",
                  netns=f"/run/netns/{name}")
    assert_as_predicted(company, [dataclasses.replace(flow, source_port=flow.source_port + 5000)
                                  for flow in (*bound, *inward)])
    assert explain(host, "c1", "10.77.0.1:81", status=1)["verdict"]["outcome"] == "unreachable"


@pytest.mark.needs_links("ipvlan")
@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
def test_behind_one_hardware_address(mode: str, host: Host, ours: Implementation) -> None:
    """ipvlan: each other, the neighbour, the host, and whoever comes from him."""
    add_neighbour(host)
    host.must(f"ip address add 10.77.0.1/24 dev {WIRE}; ip address add fd77::ff/64 dev {WIRE} nodad")
    runtime = Runtime(host, ours, network({"type": "ipvlan", "master": WIRE, "mode": mode, "ipam": DUAL},
                                          version="1.1.0"))
    for name in ("c1", "c2"):
        host.settle(connected(runtime, name))
    own = ("10.77.0.2", "fd77::2")
    if mode != "l2":
        # Where packets are routed nobody answers for containers on the wire.
        station = next(link["address"] for link in host.links() if link["ifname"] == WIRE)
        for address in own:
            host.must(f"ip -n {NEIGHBOUR} neigh replace {address} lladdr {station} dev eth0")
    neighbour = Agent(host, NEIGHBOUR, [80], [53])
    addresses = ["10.77.0.3", "fd77::3", *NEIGHBOURS, "10.77.0.1", "fd77::ff"]
    assert_as_predicted(company_of(host, "c1", "c2"), flows_among(["c1"], addresses))
    document = explain(host, "--in", WIRE, NEIGHBOURS[0], f"{own[0]}:80", status=0)
    assert document["verdict"]["place"] == "c1"
    assert neighbour.process.poll() is None


def test_chains_where_links_send(host: Host, ours: Implementation) -> None:
    """At the egress of ports, of a bridge, of a container's own interface and of several links at once."""
    lan = network(bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True, isDefaultGateway=True), name="lan")
    runtime = Runtime(host, ours, lan)
    for name in ("c1", "c2"):
        host.settle(connected(runtime, name))
    ends = [next(entry["name"] for entry in runtime.results[name, "eth0"]["interfaces"]
                 if entry["name"].startswith("veth")) for name in ("c1", "c2")]
    company = company_of(host, "host", "c1", "c2")
    chains = [
        ("host", f"hook egress device {ends[1]} priority 0; udp dport 53 drop;"),
        ("host", f"hook ingress devices = {{ cni0, {ends[0]}, {ends[1]} }} priority 0; ip6 nexthdr udp drop;"),
        ("host", "hook egress device cni0 priority 0; tcp dport 80 drop;"),
        ("c1", "hook egress device eth0 priority 0; ip protocol tcp drop;"),
        ("host", f"hook egress device {ends[1]} priority 0; ether type arp drop;"),
    ]
    for number, (place, chain) in enumerate(chains):
        where = None if place == "host" else f"/run/netns/{place}"
        host.must("nft -f -", stdin=f"table netdev mine {{ chain c {{ type filter {chain} }}\n}}", netns=where)
        flows = flows_among(["c1", "host"], ["10.77.0.3", "fd77::3"])
        assert_as_predicted(company, [dataclasses.replace(flow, source_port=flow.source_port + 100 * number)
                                      for flow in flows])
        host.must("nft delete table netdev mine", netns=where)
    assert explain(host, "c1", "10.77.0.3:80", status=0)


def test_the_older_iptables(small: Operator) -> None:
    """Its rules are not followed, and nothing is guessed; its tables alone are no rules."""
    assert explain(small.host, "web-0", "host", "--protocol", "icmp", status=0)
    if not small.host.run(["iptables-legacy", "-A", "INPUT", "-p", "udp", "-j", "ACCEPT"]).ok:
        pytest.skip("this kernel has no older iptables")
    document = explain(small.host, "web-0", "host", "--protocol", "icmp", status=2)
    assert "the older iptables has rules" in document["verdict"]["reason"]
    small.host.must("iptables-legacy -F INPUT")
    assert "filter" in small.host.must("cat /proc/thread-self/net/ip_tables_names")
    assert explain(small.host, "web-0", "host", "--protocol", "icmp", status=0)
