# SPDX-License-Identifier: Apache-2.0
"""The sbr plugin in a container with two networks: beside the reference, with traffic, killed and refused."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import json
from typing import Any

import pytest

from chained_faults import ATTEMPTS, ChainedBench, points_of, trouble_at
from faults import thinned
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from normalise import differing
from runtime import Runtime, network, valid_attachments
from test_killed import Report, report  # noqa: F401 (a fixture)

beats_reference = pytest.mark.beats_reference
needs_culvert = pytest.mark.needs_culvert
#: eth0 leads to ra, which knows nobody; net1 to rb, behind which is a client with addresses of its own.
TOPOLOGY = """
link add name ra0 netns ra type veth peer name eth0 netns c1
link add name rb0 netns rb type veth peer name net1 netns c1
"""
CLIENT = ("192.0.2.5", "2001:db8::5")
INSIDE = """
addr add 10.77.0.2/24 dev eth0
addr add fd77::2/64 dev eth0 nodad
link set eth0 up
link set net1 up
route add default via 10.77.0.1 dev eth0
-6 route add default via fd77::1 dev eth0
"""
V4, V6 = "10.78.0.2/24", "fd78::2/64"
GATEWAYS = {"10.78.0.2/24": "10.78.0.1", "fd78::2/64": "fd78::1"}


def router(device: str, *addresses: str) -> str:
    """The lines that give a router its addresses."""
    lines = [f"addr add {address} dev {device} {'nodad' if ':' in address else ''}" for address in addresses]
    return "\n".join([*lines, f"link set {device} up", "link set lo up"])


def ip(host: Host, lines: str, name: str = "") -> None:
    """Runs ip with each line, in the namespace of a name."""
    commands = "\n".join(f"ip {line}" for line in lines.splitlines() if line)
    host.must(commands, netns=f"/run/netns/{name}" if name else None)


def build(host: Host, *addresses: str, routes: str = "") -> Container:
    """A container between two routers; net1 has addresses, and routes besides those that the kernel makes."""
    container, _, _ = host.add_containers(["c1", "ra", "rb"])
    ip(host, TOPOLOGY)
    for name in ("c1", "ra", "rb"):
        # Nobody else has these addresses, and nobody shall wait until that is certain.
        host.must("for link in /proc/sys/net/ipv6/conf/*; do echo 0 > $link/accept_dad; done",
                  netns=f"/run/netns/{name}")
    ip(host, router("ra0", "10.77.0.1/24", "fd77::1/64"), "ra")
    both = "".join(f"\naddr add {address} dev lo" for address in CLIENT)
    ip(host, router("rb0", "10.78.0.1/24", "fd78::1/64", "10.79.0.1/24") + both, "rb")
    own = "".join(f"addr add {address} dev net1 {'nodad' if ':' in address else ''}\n" for address in addresses)
    ip(host, INSIDE + own + routes, "c1")
    return container


def previous(container: Container, *addresses: str, version: str = "1.0.0", gateways: bool = True,
             index: int | None = 0) -> dict[str, Any]:
    """What the plugins before sbr made."""
    ips = []
    for address in addresses:
        ip: dict[str, Any] = {"address": address}
        if index is not None:
            ip["interface"] = index
        if gateways and address in GATEWAYS:
            ip["gateway"] = GATEWAYS[address]
        if version < "1.0.0":
            ip["version"] = "6" if ":" in address else "4"
        ips.append(ip)
    return {"cniVersion": version, "interfaces": [{"name": "net1", "sandbox": container.netns}], "ips": ips}


def run(runtime: Runtime, verb: str, container: Container, before: Any, **options: Any) -> Outcome:
    """One call for net1."""
    entry = runtime.network["plugins"][0]
    return runtime.call(verb, entry, container, "net1", previous=before, **options)


def listed(version: str = "1.0.0", **members: Any) -> Any:
    """A network of sbr alone: what it is chained to is made by hand."""
    return network({"type": "sbr", **members}, version=version)


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def read(host: Host, container: Container, *command: str) -> list[dict[str, Any]]:
    """What ip prints, of both families."""
    found = []
    for family in ("-4", "-6"):
        text = host.run(["ip", "-j", family, *command], netns=container.netns).stdout or "[]"
        found += [{**entry, "family": family} for entry in json.loads(text)]
    return found


def rules(host: Host, container: Container) -> list[dict[str, Any]]:
    """Every rule but the kernel's own."""
    own = {"local", "main", "default"}
    return [entry for entry in read(host, container, "rule") if "srclen" in entry or entry.get("table") not in own
            or entry["src"] != "all"]


def routes(host: Host, container: Container) -> list[dict[str, Any]]:
    """Every unicast route but those of the table local."""
    found = [entry for entry in read(host, container, "route", "show", "table", "all")
             if entry.get("table") != "local" and entry.get("type", "unicast") == "unicast"]
    for entry in found:
        entry["flags"] = sorted(set(entry.get("flags", ())) - {"linkdown"})
        entry.pop("pref", None)
    return sorted(found, key=lambda entry: json.dumps(entry, sort_keys=True))


def state(host: Host, container: Container) -> dict[str, Any]:
    """How the container routes, without what the reference does needlessly."""
    found_rules, found_routes = rules(host, container), routes(host, container)
    #: The family of the address for which there is a table; the reference copies routes of the other one as well.
    owners = {str(rule["table"]): rule["family"] for rule in found_rules}
    return {"rules": found_rules, "routes": [
        route for route in found_routes
        if owners.get(str(route.get("table")), route["family"]) == route["family"]
        # The reference takes link-local routes out of the main table; ours stay there.
        and not (route["dst"] == "fe80::/64" and "table" not in route)
    ]}


# Beside the reference


@dataclasses.dataclass(frozen=True)
class Case:
    """What net1 has, and what sbr is told."""

    name: str
    addresses: tuple[str, ...] = (V4,)
    #: Arguments of `ip` inside of the container.
    routes: str = ""
    gateways: bool = True
    index: int | None = 0
    version: str = "1.0.0"
    fails: bool = False


DEFAULT4 = "route add default via 10.78.0.1 dev net1 metric 5\n"
CASES = [
    Case("IPv4"), Case("IPv6", (V6,)), Case("both", (V4, V6)), Case("without gateway", gateways=False),
    Case("both without gateway", (V4, V6), gateways=False), Case("no index", (V4, V6), index=None),
    Case("index of nothing", index=7), Case("0.3.1", version="0.3.1"), Case("0.4.0", (V4, V6), version="0.4.0"),
    Case("default route in the main table", routes=DEFAULT4),
    Case("IPv6 default route in the main table", (V6,), "-6 route add default via fd78::1 dev net1 metric 5\n"),
    Case("routes behind the gateway", (V4, V6), "route add 203.0.113.0/24 via 10.78.0.1\n"
         "-6 route add 2001:db8:1::/48 via fd78::1\nroute add 198.51.100.0/24 dev net1\n"),
    Case("route with MTU, metric and source", routes="route add 203.0.113.0/24 via 10.78.0.1 mtu 1300 metric 7 "
         "src 10.78.0.2\n"),
    Case("two addresses of one network", (V4, "10.78.0.3/24")),
    Case("two networks", (V4, "10.79.0.2/24"), "route add 203.0.113.0/24 via 10.79.0.1\n"),
    Case("table 100 has a rule", routes="rule add from 10.9.9.9 lookup 100\n"),
    Case("tables 100 and 102 have rules", (V4, V6), "rule add from 10.9.9.9 lookup 100\n"
         "-6 rule add from fd09::9 lookup 102\n"),
    Case("gateway nobody can reach", ("10.78.0.2/32",), fails=True),
]


def play(of: Case, implementation: Implementation) -> dict[str, Any]:
    """What ADD and DEL answered, and how the container routed after ADD."""
    with new_host() as host:
        container = build(host, *of.addresses, routes=of.routes)
        before = previous(container, *of.addresses, version=of.version, gateways=of.gateways, index=of.index)
        if of.fails:
            before["ips"][0]["gateway"] = "10.99.0.1"
        runtime = Runtime(host, implementation, listed(of.version))
        outcome = run(runtime, "ADD", container, before)
        if of.fails:
            return {"ok": outcome.ok}
        result = outcome.result()
        result.pop("dns", None)
        seen = {"ok": outcome.ok, "result": result, "added": state(host, container)}
        good(run(runtime, "DEL", container, before))
        return {**seen, "rules": rules(host, container)}


@pytest.mark.parametrize("of", CASES, ids=lambda of: of.name)
def test_same_as_the_reference(of: Case, ours: Implementation, reference: Implementation) -> None:
    """Result, rules and routes agree."""
    with concurrent.futures.ThreadPoolExecutor(2) as side_by_side:
        mine, theirs = side_by_side.map(lambda implementation: play(of, implementation), (ours, reference))
    assert mine["ok"] is not of.fails
    assert (left := differing(mine, theirs)) == [], "\n".join(left)


# Traffic


def answers(host: Host, address: str, client: str) -> bool:
    """Whether the client behind rb gets an answer from the container."""
    ping = ["ping", "-n", "-q", "-c", "1", "-w", "2", "-I", client, address.split("/")[0]]
    return host.run(ping, netns="/run/netns/rb").ok


@needs_culvert
def test_replies_leave_by_the_interface_they_belong_to(host: Host, ours: Implementation) -> None:
    """A client that only the second network knows is answered from there, and no more after DEL."""
    container = build(host, V4, V6)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed())

    def heard() -> list[bool]:
        return [answers(host, V4, CLIENT[0]), answers(host, V6, CLIENT[1])]

    def first() -> list[bool]:
        pings = (["ping", "-n", "-q", "-c", "1", "-w", "5", gateway] for gateway in ("10.77.0.1", "fd77::1"))
        return [host.run(ping, netns=container.netns).ok for ping in pings]

    assert (heard(), first()) == ([False, False], [True, True]), "nobody would need sbr"
    good(run(runtime, "ADD", container, before))
    assert (heard(), first()) == ([True, True], [True, True])
    good(run(runtime, "CHECK", container, before))
    good(run(runtime, "DEL", container, before))
    assert (heard(), first()) == ([False, False], [True, True])


@needs_culvert
def test_behind_two_bridges(host: Host, ours: Implementation) -> None:
    """Two networks as a runtime makes them: the second one's chain has sbr, and both gateways answer."""
    container = host.add_container("c1")
    chains = []
    for number, rest in ((0, []), (1, [{"type": "sbr"}])):
        ipam = {"type": "host-local", "ranges": [[{"subnet": f"10.{80 + number}.0.0/24"}]]}
        entry = {"type": "bridge", "bridge": f"br{number}", "isDefaultGateway": number == 0, "isGateway": True,
                 "ipam": {**ipam, **({"routes": [{"dst": "203.0.113.0/24"}]} if number else {})}}
        chains.append(Runtime(host, ours, network(entry, *rest, name=f"net{number}")))
    for number, runtime in enumerate(chains):
        good(runtime.add(container, f"eth{number}"))
    for number, runtime in enumerate(chains):
        good(runtime.check(container, f"eth{number}"))
        source, gateway = f"10.{80 + number}.0.2", f"10.{80 + number}.0.1"
        assert host.run(["ping", "-c", "1", "-w", "5", "-I", source, gateway], netns=container.netns).ok
    for number, runtime in reversed(list(enumerate(chains))):
        good(runtime.delete(container, f"eth{number}"))
    assert rules(host, container) == []


# What the reference of the distribution has not: table, gateways, addSourceHints


@needs_culvert
def test_table_of_somebody_else(host: Host, ours: Implementation) -> None:
    """With `table` there are rules, and routes stay where they are."""
    container = build(host, V4, V6)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed(table=1234))
    found = routes(host, container)
    for _ in range(2):
        good(run(runtime, "ADD", container, before))
    assert [(rule["src"], rule["table"]) for rule in rules(host, container)] == [
        ("10.78.0.2", "1234"), ("fd78::2", "1234")]
    assert routes(host, container) == found
    good(run(runtime, "CHECK", container, before))
    host.must("ip rule add from 10.78.0.2 lookup 77; ip -6 rule del from fd78::2", netns=container.netns)
    assert "rule from fd78::2 lookup 1234 is missing" in run(runtime, "CHECK", container, before).error_text
    good(run(runtime, "DEL", container, before))
    assert [(rule["src"], rule["table"]) for rule in rules(host, container)] == [("10.78.0.2", "77")]


@needs_culvert
def test_gateways_of_the_configuration(host: Host, ours: Implementation) -> None:
    """They replace those of the addresses, and the default routes of the interface as well."""
    container = build(host, V4, V6, routes=DEFAULT4)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed(gateways=["fd78::99", "10.78.0.99"]))
    good(run(runtime, "ADD", container, before))
    found = {route["family"]: route["gateway"] for route in routes(host, container)
             if route["dst"] == "default" and route["dev"] == "net1"}
    assert found == {"-4": "10.78.0.99", "-6": "fd78::99"}
    good(run(runtime, "CHECK", container, before))
    host.must("ip route replace default via 10.78.0.1 dev net1 table 100", netns=container.netns)
    assert "table 100 of 10.78.0.2 has no default route via 10.78.0.99" in run(
        runtime, "CHECK", container, before).error_text


@needs_culvert
def test_source_hints(host: Host, ours: Implementation) -> None:
    """Who names no address still reaches the second network directly, from an address of it."""
    container = build(host, V4, V6, routes=DEFAULT4)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed(addSourceHints=True))
    good(run(runtime, "ADD", container, before))
    main = [route for route in routes(host, container) if route["dev"] == "net1" and "table" not in route
            and route["dst"] != "fe80::/64"]
    assert [(route["dst"], route["prefsrc"]) for route in main] == [
        ("10.78.0.0/24", "10.78.0.2"), ("fd78::/64", "fd78::2")]
    for gateway in ("10.78.0.1", "fd78::1"):
        chosen = json.loads(host.must(f"ip -j route get {gateway}", netns=container.netns))[0]
        assert (chosen["dev"], chosen["prefsrc"]) == ("net1", GATEWAYS_TO[gateway])
    assert [answers(host, V4, CLIENT[0]), answers(host, V6, CLIENT[1])] == [True, True]
    good(run(runtime, "CHECK", container, before))


GATEWAYS_TO = {gateway: address.split("/")[0] for address, gateway in GATEWAYS.items()}


# Defects of the reference


@beats_reference
@pytest.mark.parametrize("way", ["nowhere", "vanished", "file"])
def test_del_without_namespace(host: Host, ours: Implementation, way: str) -> None:
    """DEL succeeds and makes no file, whatever became of the namespace."""
    container = build(host, V4)
    before, runtime = previous(container, V4), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    host.must("touch /run/netns/plain")
    netns = {"nowhere": "", "vanished": "/run/netns/none", "file": "/run/netns/plain"}[way]
    good(run(runtime, "DEL", container, before, env={"CNI_NETNS": netns}))
    assert sorted(path.name for path in host.path("/run/netns").iterdir()) == ["c1", "plain", "ra", "rb"]


@beats_reference
def test_del_puts_the_routes_back(host: Host, ours: Implementation) -> None:
    """After DEL the container routes as before ADD, so that another ADD works."""
    container = build(host, V4, V6, routes=DEFAULT4 + "route add 203.0.113.0/24 via 10.78.0.1\n")
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed())
    found = routes(host, container)
    for _ in range(2):
        good(run(runtime, "ADD", container, before))
        good(run(runtime, "DEL", container, before))
        after = routes(host, container)
        assert [route for route in after if route not in found] == [
            # The gateways of the addresses had no default route before.
            route for route in after if route["dst"] == "default" and route.get("metric") != 5
            and route["dev"] == "net1"]
        assert [route for route in found if route not in after] == []
        assert rules(host, container) == []


@beats_reference
def test_check_sees_what_is_missing(host: Host, ours: Implementation) -> None:
    """CHECK fails when a rule or the table's way out is gone."""
    container = build(host, V4, V6)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    good(run(runtime, "CHECK", container, before))
    host.must("ip -6 route del default table 101", netns=container.netns)
    assert "table 101 of fd78::2 has no default route" in run(runtime, "CHECK", container, before).error_text
    host.must("ip rule del from 10.78.0.2", netns=container.netns)
    assert "rule from 10.78.0.2 is missing" in run(runtime, "CHECK", container, before).error_text


@beats_reference
def test_table_with_routes_but_no_rule_is_taken(host: Host, ours: Implementation) -> None:
    """A table that somebody prepared is not overwritten."""
    container = build(host, V4, routes="route add 203.0.113.0/24 via 10.77.0.1 table 100\n")
    before, runtime = previous(container, V4), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    assert [rule["table"] for rule in rules(host, container)] == ["101"]


@beats_reference
def test_route_on_link_is_copied(host: Host, ours: Implementation) -> None:
    """A gateway outside of every network that is on the link all the same keeps that property."""
    container = build(host, V4, routes="route add 203.0.113.0/24 via 10.78.0.1 onlink dev net1\n"
                      "route add 198.51.100.0/24 via 10.99.0.1 onlink dev net1\n")
    before, runtime = previous(container, V4), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    moved = {route["dst"] for route in routes(host, container) if route.get("table") == "100"}
    assert moved == {"default", "10.78.0.0/24", "203.0.113.0/24", "198.51.100.0/24"}


@beats_reference
def test_other_family_keeps_its_routes(host: Host, ours: Implementation) -> None:
    """Addresses that the network did not give out (router advertisements) keep their routes."""
    container = build(host, V4, V6)
    before, runtime = previous(container, V4), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    kept = {route["dst"] for route in routes(host, container) if route["dev"] == "net1" and "table" not in route}
    assert kept == {"fd78::/64", "fe80::/64"}


@beats_reference
def test_addresses_of_another_interface(host: Host, ours: Implementation) -> None:
    """Without an address of the interface its routes are left alone."""
    container = build(host, V4)
    before, runtime = previous(container, V4), Runtime(host, ours, listed())
    before["interfaces"][0]["name"] = "eth0"
    found = routes(host, container)
    assert run(runtime, "ADD", container, before).error()["code"] == 7
    assert routes(host, container) == found


@beats_reference
def test_taken_back(host: Host, ours: Implementation) -> None:
    """An ADD whose gateway nobody can reach leaves rules and routes as they were."""
    container = build(host, V4, V6)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed())
    before["ips"][1]["gateway"] = "fd99::1"
    found = state(host, container)
    error = run(runtime, "ADD", container, before).error()
    assert error["code"] == 100 and "left behind" not in error["details"]
    assert state(host, container) == found


@beats_reference
def test_del_of_rules_whose_interface_is_gone(host: Host, ours: Implementation) -> None:
    """prevResult says which rules there were."""
    container = build(host, V4, V6)
    before, runtime = previous(container, V4, V6), Runtime(host, ours, listed())
    good(run(runtime, "ADD", container, before))
    host.must("ip link del net1", netns=container.netns)
    good(run(runtime, "DEL", container, before))
    assert rules(host, container) == []


# Bad input and the other verbs


@needs_culvert
@pytest.mark.parametrize("members, code, says", [
    ({"table": "100"}, 6, "table: expected an integer"), ({"table": 0}, 6, "table: expected an integer from 1"),
    ({"table": -1}, 6, "table"), ({"table": 2**32}, 6, "table"), ({"table": 1.5}, 6, "table"),
    ({"gateways": "10.78.0.1"}, 6, "gateways: expected an array"), ({"gateways": [7]}, 6, "gateways[0]"),
    ({"gateways": ["green"]}, 6, "gateways[0]: expected an IP address"),
    ({"gateways": ["10.78.0.1", ""]}, 6, "gateways[1]"),
    ({"gateways": ["10.78.0.1", "10.78.0.9"]}, 7, "more than one IPv4 gateway"),
    ({"gateways": ["fd78::1", "10.78.0.9", "fd78::2"]}, 7, "more than one IPv6 gateway"),
    ({"addSourceHints": "yes"}, 6, "addSourceHints"), ({"prevResult": None}, 7, "missing prevResult"),
    ({"prevResult": {"ips": []}}, 7, "no IP addresses supplied on interface net1"),
])
def test_bad_configuration(host: Host, ours: Implementation, members: dict[str, Any], code: int, says: str) -> None:
    """One clear error that names the place, and nothing has changed."""
    container = build(host, V4)
    found = state(host, container)
    document = {"cniVersion": "1.0.0", "name": "net", "type": "sbr", "prevResult": previous(container, V4), **members}
    outcome = host.plugin(ours.executable("sbr"), "ADD", document, container=container, ifname="net1")
    assert outcome.error()["code"] == code and says in outcome.error_text, outcome.stdout
    assert state(host, container) == found
    good(host.plugin(ours.executable("sbr"), "DEL", document, container=container, ifname="net1"))


@needs_culvert
def test_lock_of_somebody_else(host: Host, ours: Implementation) -> None:
    """Who waits too long is told to try again, and nothing has changed."""
    container = build(host, V4)
    holder = host.start(["flock", container.netns, "sh", "-c", "echo ready; exec cat"])
    assert holder.stdout and holder.stdout.readline() == "ready\n"
    outcome = run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4),
                  env={"CULVERT_LOCK_TIMEOUT": "0.1"})
    assert outcome.error()["code"] == 11
    assert rules(host, container) == []


@needs_culvert
def test_status_and_garbage(host: Host, ours: Implementation) -> None:
    """STATUS looks at configuration and kernel; GC has nothing that outlives a namespace."""
    runtime = Runtime(host, ours, listed("1.1.0"))
    good(runtime.status())
    good(runtime.sweep(valid_attachments()))
    runtime.network["plugins"][0]["table"] = 0
    assert runtime.status().error()["code"] == 6


@needs_culvert
def test_two_interfaces_at_the_same_moment(host: Host, ours: Implementation) -> None:
    """containerd adds all networks of a container in parallel: each address has a table of its own."""
    names = [f"net{number}" for number in range(2, 10)]
    container = build(host)
    for number, name in enumerate(names):
        host.must(f"ip link add {name} type veth peer name {name}p; ip addr add 10.{90 + number}.0.2/24 dev {name}; "
                  f"ip link set {name} up; ip link set {name}p up", netns=container.netns)

    def add(number: int) -> Outcome:
        before = {"cniVersion": "1.0.0", "ips": [{"address": f"10.{90 + number}.0.2/24",
                                                  "gateway": f"10.{90 + number}.0.1"}]}
        runtime = Runtime(host, ours, listed())
        return runtime.call("ADD", runtime.network["plugins"][0], container, names[number], previous=before)

    with concurrent.futures.ThreadPoolExecutor(len(names)) as together:
        for outcome in together.map(add, range(len(names))):
            good(outcome)
    assert sorted(rule["table"] for rule in rules(host, container)) == [str(table) for table in range(100, 108)]


# Killed and refused


class Routed(ChainedBench):
    """The bench of test_killed with interfaces that stay, and sbr alone."""

    def __init__(self, host: Host, implementation: Implementation, chain: Any) -> None:
        self.host = host
        self.runtime = Runtime(host, implementation, chain)
        self.env = {"CULVERT_LOCK_TIMEOUT": "0.3"}
        self.container = build(host, V4, V6, routes=ALL)
        self.before = state(host, self.container)
        self.previous = previous(self.container, V4, V6)

    def reset(self) -> None:
        """Rules and routes as they were at first."""
        self.host.must("ip link set net1 down; ip addr flush dev net1; "
                       "for address in 10.78.0.2 fd78::2; do while ip rule del from $address; do :; done; done; "
                       f"ip addr add {V4} dev net1; ip addr add {V6} dev net1 nodad; ip link set net1 up",
                       netns="/run/netns/c1")
        ip(self.host, ALL, "c1")
        self.before = state(self.host, self.container)

    def add(self, wrapper: Any = ()) -> Outcome:
        return run(self.runtime, "ADD", self.container, self.previous, wrapper=wrapper, env=self.env)

    def delete(self, wrapper: Any = ()) -> Outcome:
        return run(self.runtime, "DEL", self.container, None, wrapper=wrapper, env=self.env)

    def check(self) -> Outcome:
        """CHECK after an ADD."""
        return run(self.runtime, "CHECK", self.container, self.previous, env=self.env)

    def remains(self) -> str:
        """What is not as it was."""
        left = differing(state(self.host, self.container), self.before)
        return "; ".join(left)

    def forgives(self, refused: Outcome) -> bool:
        return "sbr: add route" in refused.stderr


ALL = DEFAULT4 + "-6 route add default via fd78::1 dev net1 metric 5\nroute add 203.0.113.0/24 via 10.78.0.1\n"
CHAIN = listed()


@needs_culvert
@pytest.mark.parametrize("verb, fate", ATTEMPTS, ids=str)
def test_cut_off_anywhere(verb: str, fate: str, ours: Implementation, report: Report) -> None:  # noqa: F811
    """Killed between any two system calls or refused any one of them, it leaves nothing that one DEL does not undo."""
    points = thinned(points_of(Routed, ours, CHAIN, verb, fate))
    assert points
    report(f"sbr {verb} {fate}", points, trouble_at(points, Routed, ours, CHAIN, verb, fate))
