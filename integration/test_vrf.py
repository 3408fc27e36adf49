# SPDX-License-Identifier: Apache-2.0
"""The vrf plugin: beside the reference, with traffic, killed and refused; on a kernel without VRFs, in a guest."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
from typing import Any

import pytest

from chained_faults import ATTEMPTS, ChainedBench, points_of, trouble_at
from faults import Point
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from kernel_state import link_names
from normalise import differing
from runtime import Runtime, host_local, network, valid_attachments
from test_killed import Report, report  # noqa: F401 (a fixture)

pytestmark = pytest.mark.needs_links("vrf")
beats_reference = pytest.mark.beats_reference
needs_culvert = pytest.mark.needs_culvert
V4, V6 = "10.78.0.2/24", "fd78::2/64"
#: Both interfaces of the container have the same addresses, and so have both routers.
WIRES = """
link add name ra0 netns ra type veth peer name net1 netns c1
link add name rb0 netns rb type veth peer name net2 netns c1
"""
ROUTER = """
addr add 10.78.0.1/24 dev {name}0
addr add fd78::1/64 dev {name}0 nodad
link set {name}0 up
link set lo up
"""
#: Behind each router an address of either family that the other one does not have.
BEHIND = {"ra": ("192.0.2.1", "2001:db8::1"), "rb": ("192.0.2.2", "2001:db8::2")}
DEFAULTS = "route add default via 10.78.0.1 dev net1\nroute add ::/0 via fd78::1 dev net1\n"


def ip(host: Host, lines: str, name: str = "", tolerant: bool = False) -> None:
    """Runs ip with each line, in the namespace of a name."""
    words = "ip -force -batch - || :" if tolerant else "ip -batch -"
    host.must(words, stdin=lines, netns=f"/run/netns/{name}" if name else None)


def own(name: str, *addresses: str) -> str:
    """The lines that give an interface its addresses, and bring it up."""
    given = [f"addr add {address} dev {name} {'nodad' if ':' in address else ''}" for address in addresses]
    return "\n".join([*given, f"link set {name} up", ""])


def build(host: Host, *addresses: str, routes: str = "") -> Container:
    """A container on two wires; net1 has addresses, and routes besides those that the kernel makes."""
    container, _, _ = host.add_containers(["c1", "ra", "rb"])
    ip(host, WIRES)
    for name, behind in BEHIND.items():
        ip(host, ROUTER.format(name=name) + "".join(f"addr add {address} dev lo\n" for address in behind), name)
    ip(host, own("net1", *addresses) + routes, "c1")
    return container


def previous(container: Container, *addresses: str, name: str = "net1", version: str = "1.0.0") -> dict[str, Any]:
    """What the plugins before vrf made."""
    ips: list[dict[str, Any]] = [{"address": address, "interface": 0} for address in addresses]
    for entry in ips:
        if version < "1.0.0":
            entry["version"] = "6" if ":" in entry["address"] else "4"
    return {"cniVersion": version, "interfaces": [{"name": name, "sandbox": container.netns}], "ips": ips}


def listed(version: str = "1.0.0", **members: Any) -> Any:
    """A network of vrf alone: what it is chained to is made by hand."""
    return network({"type": "vrf", "vrfname": "red", **members}, version=version)


def run(runtime: Runtime, verb: str, container: Container, before: Any, name: str = "net1", **options: Any) -> Outcome:
    """One call for an interface."""
    return runtime.call(verb, runtime.network["plugins"][0], container, name, previous=before, **options)


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


LOOK = "ip -d -j address; echo; ip -j -4 route show table all; echo; ip -j route show table all"


def state(host: Host, container: Container) -> dict[str, Any]:
    """Links with their masters and tables, addresses, and every unicast route, of a container."""
    texts = [json.loads(text or "[]") for text in host.must(LOOK, netns=container.netns).split("\n") if text.strip()]
    links = links_in(texts[0])
    routes = []
    for route in (entry for family in texts[1:] for entry in family):
        if route.get("table") == "local" or route.get("type", "unicast") != "unicast":
            continue
        # Of every link, once the kernel has found out that it is up.
        if route["dst"] == "fe80::/64":
            continue
        # ip tells tables of VRFs by the name of the VRF.
        route["table"] = str(links.get(route.get("table"), {}).get("table", route.get("table", "main")))
        route["flags"] = sorted(set(route.get("flags", ())) - {"linkdown"})
        for key in ("pref", "cache"):
            route.pop(key, None)
        routes.append(route)
    return {"links": links, "routes": sorted(routes, key=lambda route: json.dumps(route, sort_keys=True))}


def links_in(shown: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Links with their masters, tables and addresses, as `ip -d -j address` shows them."""
    links = {}
    for link in (entry for entry in shown if entry):
        found = {"up": "UP" in link["flags"], "master": link.get("master"), "addresses": sorted(
            f"{entry['local']}/{entry['prefixlen']}" for entry in link["addr_info"] if entry["scope"] == "global")}
        if link.get("linkinfo", {}).get("info_kind") == "vrf":
            found["table"] = link["linkinfo"]["info_data"]["table"]
        links[link["ifname"]] = found
    return links


def through(seen: dict[str, Any], name: str, table: str) -> set[str]:
    """The destinations of the routes through an interface in a table."""
    return {route["dst"] for route in seen["routes"] if route["table"] == table
            and name in (route.get("dev"), *(hop.get("dev") for hop in route.get("nexthops", ())))}


# Beside the reference


@dataclasses.dataclass(frozen=True)
class Case:
    """What net1 has, and what vrf is told."""

    name: str
    addresses: tuple[str, ...] = (V4, V6)
    #: Arguments of `ip` inside of the container.
    routes: str = ""
    members: dict[str, Any] = dataclasses.field(default_factory=dict)
    version: str = "1.0.0"
    fails: bool = False


CASES = [
    Case("IPv6 of 0.3.1", (V6,), version="0.3.1"), Case("no address, 0.4.0", (), version="0.4.0"),
    Case("two addresses of each family, table", (V4, "10.79.0.2/24", V6, "fd79::2/64"), members={"table": 1001}),
    Case("a VRF that is there, its table named", routes="link add red type vrf table 5\nlink set red up\n",
         members={"table": 5}),
    Case("another VRF is there", (V4,), routes="link add blue type vrf table 1\nlink set blue up\n"),
    Case("a VRF with another table", routes="link add red type vrf table 5\n", members={"table": 6}, fails=True),
    Case("a master of another kind", routes="link add br0 type bridge\nlink set net1 master br0\n", fails=True),
    Case("a link that is no VRF", routes="link add red type bridge\n", fails=True),
]


def play(of: Case, implementation: Implementation) -> dict[str, Any]:
    """What ADD, CHECK and DEL answered, and what the container was like after each."""
    with new_host() as host:
        container = build(host, *of.addresses, routes=of.routes)
        before = previous(container, *of.addresses, version=of.version)
        runtime = Runtime(host, implementation, listed(of.version, **of.members))
        outcome = run(runtime, "ADD", container, before)
        if of.fails:
            return {"ok": outcome.ok}
        result = outcome.result()
        result.pop("dns", None)
        seen = {"ok": outcome.ok, "result": result, "added": state(host, container)}
        if of.version != "0.3.1":
            seen["checked"] = run(runtime, "CHECK", container, result).ok
        seen["deleted"] = [run(runtime, "DEL", container, before).ok for _ in range(2)]
        return {**seen, "left": state(host, container)["links"]}


@needs_culvert
@pytest.mark.parametrize("of", CASES, ids=lambda of: of.name)
def test_same_as_the_reference(of: Case, ours: Implementation, reference: Implementation) -> None:
    """Result, links, addresses and routes agree."""
    mine, theirs = play(of, ours), play(of, reference)
    assert mine["ok"] is not of.fails
    if not of.fails:
        # The reference loses addresses of IPv6 when it takes the interface out again.
        for seen in (mine, theirs):
            links = seen.pop("left")
            seen["left"] = {name: (link["master"], link.get("table")) for name, link in links.items()}
    assert (left := differing(mine, theirs)) == [], "\n".join(left)


# Traffic


def answering(host: Host, container: Container, domain: str) -> dict[str, list[str]]:
    """Which addresses behind each router answer who asks within a VRF."""
    asked = [f"( ping -n -q -c 1 -w 2 -I {domain} {address} >/dev/null 2>&1 && echo {address} ) &"
             for behind in BEHIND.values() for address in behind]
    came = host.must(" ".join([*asked, "wait"]), netns=container.netns).split()
    return {name: [address for address in behind if address in came] for name, behind in BEHIND.items()}


@needs_culvert
def test_the_same_addresses_in_two_domains(host: Host, ours: Implementation) -> None:
    """Two interfaces with the same addresses and gateways: each VRF has answers from its own router, before DEL."""
    container = build(host, V4, V6, routes=DEFAULTS)
    red, blue = Runtime(host, ours, listed()), Runtime(host, ours, listed(vrfname="blue"))
    before = previous(container, V4, V6)
    good(run(red, "ADD", container, before))
    ip(host, own("net2", V4, V6) + DEFAULTS.replace("net1", "net2"), "c1")
    beside = previous(container, V4, V6, name="net2")
    good(run(blue, "ADD", container, beside, "net2"))
    assert answering(host, container, "red") == {"ra": list(BEHIND["ra"]), "rb": []}
    assert answering(host, container, "blue") == {"ra": [], "rb": list(BEHIND["rb"])}
    good(run(red, "CHECK", container, before))
    good(run(blue, "CHECK", container, beside, "net2"))
    good(run(blue, "DEL", container, beside, "net2"))
    assert answering(host, container, "red") == {"ra": list(BEHIND["ra"]), "rb": []}
    good(run(red, "DEL", container, before))
    assert {"red", "blue"}.isdisjoint(link_names(host, container.netns))


@needs_culvert
def test_two_interfaces_in_one_domain(host: Host, ours: Implementation) -> None:
    """Both are in it, packets go from one to the other, and the VRF goes with the last of them."""
    container = build(host, V4, V6, routes=DEFAULTS)
    runtime = Runtime(host, ours, listed())
    before, beside = previous(container, V4, V6), previous(container, "10.79.0.2/24", name="net2")
    good(run(runtime, "ADD", container, before))
    ip(host, own("net2", "10.79.0.2/24"), "c1")
    good(run(runtime, "ADD", container, beside, "net2"))
    links = state(host, container)["links"]
    assert (links["net1"]["master"], links["net2"]["master"], links["red"]["table"]) == ("red", "red", 1)
    good(run(runtime, "CHECK", container, before))
    good(run(runtime, "DEL", container, before))
    links = state(host, container)["links"]
    assert (links["net1"]["master"], links["net2"]["master"]) == (None, "red")
    good(run(runtime, "CHECK", container, beside, "net2"))
    good(run(runtime, "DEL", container, beside, "net2"))
    assert "red" not in state(host, container)["links"]


PLUGINS = {
    "bridge": {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True},
    "ptp": {"type": "ptp"},
}


@needs_culvert
@pytest.mark.parametrize("kind", PLUGINS)
def test_containers_of_a_chain(kind: str, host: Host, ours: Implementation) -> None:
    """As runtimes make them, two containers have their networks in VRFs: CHECK passes, and their gateways answer."""
    ipam = host_local("10.77.0.0/24", "fd77::/64", routes=[
        {"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "203.0.113.0/24", "mtu": 1300, "advmss": 1200},
        {"dst": "198.51.100.0/24", "gw": "203.0.113.9", "onlink": True}])
    chain = network({**PLUGINS[kind], "ipam": ipam}, {"type": "vrf", "vrfname": "red"}, version="1.1.0")
    runtime = Runtime(host, ours, chain)
    assert good(runtime.status()).stdout == ""
    containers = host.add_containers(["c1", "c2"])
    for container in containers:
        result = runtime.add(container).result()
        inside = next(entry for entry in result["interfaces"] if entry.get("sandbox"))
        assert inside["mtu"] == 1500
        good(runtime.check(container))
        seen = state(host, container)
        expected = {"default", "203.0.113.0/24", "198.51.100.0/24"}
        assert expected <= through(seen, "eth0", "1") and through(seen, "eth0", "main") == set()
        route = next(entry for entry in seen["routes"] if entry["dst"] == "203.0.113.0/24")
        assert {"mtu": 1300, "advmss": 1200} in route["metrics"]
        gateways = ("10.77.0.1", "fd77::1") if kind == "bridge" else [entry["gateway"] for entry in result["ips"]]
        for gateway in gateways:
            assert host.run(["ping", "-n", "-c", "1", "-w", "2", "-I", "red", gateway], netns=container.netns).ok
    assert host.run(["ping", "-n", "-c", "1", "-w", "2", "-I", "red", "10.77.0.3"], netns=containers[0].netns).ok
    good(runtime.sweep(valid_attachments(("c1", "eth0"))))
    good(runtime.delete(containers[0]))
    good(runtime.delete(containers[1]))
    assert link_names(host, containers[0].netns) == {"lo"}


# Defects of the reference


@beats_reference
def test_routes_through_gateways_survive(host: Host, ours: Implementation) -> None:
    """Default routes, and routes with a metric and an MTU."""
    container = build(host, V4, V6, routes=DEFAULTS + "route add 203.0.113.0/24 via 10.78.0.9 dev net1 mtu 1300 "
                      "metric 7\nroute add 2001:db8:1::/48 via fd78::9 dev net1\n")
    found = [{**route, "table": "1"} for route in state(host, container)["routes"]]
    good(run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4, V6)))
    moved = state(host, container)["routes"]
    assert len(found) >= 6 and all(route in moved for route in found) and all(route in found for route in moved)


@beats_reference
def test_routes_on_the_link_survive(host: Host, ours: Implementation) -> None:
    """Destinations on the link itself, and a gateway that is reached by such a route only."""
    container = build(host, V4, V6, routes="route add 198.51.100.0/24 dev net1\nroute add 10.99.0.1/32 dev net1\n"
                      "route add 203.0.113.0/24 via 10.99.0.1 dev net1\n")
    good(run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4, V6)))
    assert {"198.51.100.0/24", "10.99.0.1", "203.0.113.0/24", "10.78.0.0/24", "fd78::/64"} == through(
        state(host, container), "net1", "1")


@beats_reference
def test_routes_of_other_tables_survive(host: Host, ours: Implementation) -> None:
    """A table that a rule leads to keeps its routes through the interface."""
    container = build(host, V4, V6, routes="route add 198.51.100.0/24 via 10.78.0.1 table 200\n"
                      "route add ::/0 via fd78::1 table 200\n")
    good(run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4, V6)))
    assert {"198.51.100.0/24", "default"} == through(state(host, container), "net1", "200")


@beats_reference
def test_routes_with_several_gateways_survive(host: Host, ours: Implementation) -> None:
    """Two default routes of one metric, and one over two gateways."""
    both = "nexthop via {0}1 dev net1 nexthop via {0}9 dev net1\n"
    container = build(host, V4, V6, routes="route add default via 10.78.0.1 dev net1\n"
                      "route append default via 10.78.0.9 dev net1\n"
                      f"route add 203.0.113.0/24 {both.format('10.78.0.')}"
                      f"route add ::/0 {both.format('fd78::')}")
    found = [{**route, "table": "1"} for route in state(host, container)["routes"]]
    good(run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4, V6)))
    moved = state(host, container)["routes"]
    assert len(found) >= 4 and all(route in moved for route in found) and all(route in found for route in moved)


@beats_reference
def test_tables_of_others_are_not_taken(host: Host, ours: Implementation) -> None:
    """A table with somebody's routes or rules is not free."""
    container = build(host, V4, routes="route add 198.51.100.0/24 dev net1 table 1\n"
                      "rule add from 10.9.9.9 lookup 2\nroute add unreachable ::/0 table 3\n")
    good(run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4)))
    assert state(host, container)["links"]["red"]["table"] == 4


@beats_reference
def test_domains_at_the_same_moment(host: Host, ours: Implementation) -> None:
    """Networks of one container, added in parallel, get a table each, and those of one VRF the same."""
    container = build(host, V4)
    names = [f"n{number}" for number in range(6)]
    ip(host, "".join(f"link add {name} type dummy\nlink set {name} up\n" for name in names), "c1")

    def add(number: int) -> Outcome:
        runtime = Runtime(host, ours, listed(vrfname=f"vrf{number // 2}"))
        return run(runtime, "ADD", container, previous(container, name=names[number]), names[number])

    with concurrent.futures.ThreadPoolExecutor(len(names)) as together:
        for outcome in together.map(add, range(len(names))):
            good(outcome)
    links = state(host, container)["links"]
    assert [links[name]["master"] for name in names] == ["vrf0", "vrf0", "vrf1", "vrf1", "vrf2", "vrf2"]
    assert sorted(links[f"vrf{number}"]["table"] for number in range(3)) == [1, 2, 3]


@beats_reference
def test_refused_add_leaves_nothing(host: Host, ours: Implementation) -> None:
    """Without an interface, or with one that is somebody's port, no VRF stays."""
    container = build(host, V4, routes="link add br0 type bridge\nlink set net1 master br0\n")
    runtime = Runtime(host, ours, listed())
    for name in ("net1", "net7"):
        outcome = run(runtime, "ADD", container, previous(container, name=name), name)
        assert not outcome.ok and "red" not in link_names(host, container.netns)
        error = outcome.error()
        assert error["code"] == 100 and name in error["details"], error


@beats_reference
@pytest.mark.parametrize("way", ["nowhere", "vanished", "file", "no interface"])
def test_del_of_what_is_gone(way: str, host: Host, ours: Implementation) -> None:
    """DEL succeeds whatever became of the namespace or of the interface; the VRF goes as well, if it can."""
    container = build(host, V4)
    before, runtime = previous(container, V4), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    host.must("touch /run/netns/plain")
    paths: dict[str, dict[str, str | None]] = {
        "nowhere": {"CNI_NETNS": ""}, "vanished": {"CNI_NETNS": "/run/netns/none"},
        "file": {"CNI_NETNS": "/run/netns/plain"}, "no interface": {}}
    if way == "no interface":
        ip(host, "link del net1", "c1")
    for entry in ({}, {"vrfname": 7}, {"table": "x"}):
        document = {**runtime.network["plugins"][0], **entry}
        good(runtime.call("DEL", document, container, "net1", env=paths[way]))
        if way == "no interface" and not entry:
            assert "red" not in link_names(host, container.netns)


@beats_reference
def test_del_leaves_others_alone(host: Host, ours: Implementation) -> None:
    """An interface that got another master stays there."""
    container = build(host, V4, routes="link add red type vrf table 5\nlink add br0 type bridge\n"
                      "link set net1 master br0\nlink set net2 master red\n")
    good(run(Runtime(host, ours, listed()), "DEL", container, None))
    links = state(host, container)["links"]
    assert (links["net1"]["master"], links["net2"]["master"]) == ("br0", "red")


@beats_reference
def test_del_puts_everything_back(host: Host, ours: Implementation) -> None:
    """After DEL the container is as before ADD, so that another ADD works."""
    container = build(host, V4, V6, routes=DEFAULTS + "route add 198.51.100.0/24 dev net1\n"
                      "route add 203.0.113.0/24 via 10.78.0.1 table 200\n")
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed())
    found = state(host, container)
    for _ in range(2):
        good(run(runtime, "ADD", container, before))
        good(run(runtime, "DEL", container, before))
        assert (left := differing(state(host, container), found)) == [], "\n".join(left)


@beats_reference
def test_routes_that_were_taken_away_stay_away(host: Host, ours: Implementation) -> None:
    """An address whose network is not on the link, as that of a pair, gets no route to it."""
    container = build(host, V4, V6, routes="route del 10.78.0.0/24 dev net1\nroute del fd78::/64 dev net1\n"
                      "route add 10.78.0.1 dev net1 scope link\n")
    good(run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4, V6)))
    assert through(state(host, container), "net1", "1") == {"10.78.0.1"}


@beats_reference
def test_check_sees_what_is_wrong(host: Host, ours: Implementation) -> None:
    """The VRF is down, a promised route leads past it, it has another table, the interface has left it."""
    container = build(host, V4, V6, routes=DEFAULTS)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed(table=5))
    before["routes"] = [{"dst": "0.0.0.0/0", "gw": "10.78.0.1"}]
    good(run(runtime, "ADD", container, before))
    good(run(runtime, "CHECK", container, before))
    for spoil, words in (
        ("route del default table 5\nroute add default via 10.78.0.1 dev net1\n", "is not in table 5"),
        ("link set red down\n", "VRF red is down"),
        ("link set net1 nomaster\n", "net1 is not in VRF red"),
        ("link del red\nlink add red type vrf table 6\n", "table 6 instead of 5"),
        ("link del red\n", "VRF red is missing"),
        ("link del net1\n", "interface net1 is missing"),
    ):
        ip(host, spoil, "c1")
        error = run(runtime, "CHECK", container, before).error()
        assert error["code"] == 105 and words in error["details"], error


# Killed and refused


class Member(ChainedBench):
    """The bench of test_killed with interfaces that stay, and vrf alone."""

    def __init__(self, host: Host, implementation: Implementation, chain: Any) -> None:
        self.host = host
        self.runtime = Runtime(host, implementation, chain)
        self.env = {"CULVERT_LOCK_TIMEOUT": "0.3"}
        self.container = build(host, V4, V6, routes=DEFAULTS)
        self.before = state(host, self.container)
        self.previous = previous(self.container, V4, V6)

    def reset(self) -> None:
        """Addresses and routes as they were at first."""
        if self.now() != self.before:
            again = f"addr flush dev net1\n{own('net1', V4, V6)}{DEFAULTS}"
            ip(self.host, f"link del red\nlink set net1 down\n{again}", "c1", tolerant=True)

    def now(self) -> dict[str, Any]:
        """The container, without the addresses that killed programs may have cost."""
        return state(self.host, self.container)

    def add(self, wrapper: Any = ()) -> Outcome:
        return run(self.runtime, "ADD", self.container, self.previous, wrapper=wrapper, env=self.env)

    def delete(self, wrapper: Any = ()) -> Outcome:
        return run(self.runtime, "DEL", self.container, None, wrapper=wrapper, env=self.env)

    def check(self) -> Outcome:
        """CHECK after an ADD."""
        return run(self.runtime, "CHECK", self.container, self.previous, env=self.env)

    def remains(self) -> str:
        """What is left of the VRF; whoever is killed may have cost the interface its routes, which goes anyway."""
        # Every program that is started takes a guest a tenth of a second.
        shown = self.host.run(["ip", "-d", "-j", "address"], netns=self.container.netns)
        links = links_in(json.loads(shown.stdout))
        return "" if "red" not in links and links["net1"]["master"] is None else f"left: {links}"

    def settled(self) -> str:
        return "; ".join(differing(self.now(), self.before))

    def changed(self, point: Point) -> str:
        """Nothing, unless it was the result that could not be said."""
        return "" if point.arguments[:2] == "1," else self.settled()


CHAIN = listed()


def few(points: list[Point]) -> list[Point]:
    """As many points as a guest, which is slow, gets through; all of them when CULVERT_FAULT_STRIDE says 1."""
    return points[::int(os.environ.get("CULVERT_FAULT_STRIDE") or max(1, len(points) // 5))]


@needs_culvert
@pytest.mark.parametrize("verb, fate", ATTEMPTS, ids=str)
def test_cut_off_anywhere(verb: str, fate: str, ours: Implementation, report: Report) -> None:  # noqa: F811
    """Killed between any two system calls or refused any one of them, no VRF is left that one DEL does not take away."""
    points = few(points_of(Member, ours, CHAIN, verb, fate))
    assert points
    report(f"vrf {verb} {fate}", points, trouble_at(points, Member, ours, CHAIN, verb, fate))
