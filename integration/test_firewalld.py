# SPDX-License-Identifier: Apache-2.0
"""firewall with firewalld itself: containers' addresses in its zones, and what becomes of them."""
from __future__ import annotations

import concurrent.futures
import functools
import os
import pathlib
import re
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faults import KILLED, TRACE, Point, points_in
from firewalld import ZONE, FirewalldHost
from host import Container, Host, Outcome
from implementations import REFERENCE, REPOSITORY, Implementation, build_directory
from kernel_state import RECORDS, left_behind, read_tree
from runtime import Runtime, bridge, host_local, network, valid_attachments
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, fetch, ruleset, serve

pytestmark = pytest.mark.needs_culvert

#: Where servers listen: published, in containers, outside, and on the host itself.
PUBLISHED, INSIDE, ELSEWHERE, ON_HOST = 8080, 80, 81, 82
FIRST = {"10.77.0.2", "fd77::2"}
SECOND = {"10.77.0.3", "fd77::3"}
TOOL = (os.path.join(build_directory(), "culvert"), "reload")
#: How long a client waits who may be rejected, and how long the plugin waits for an answer.
PATIENCE_SECONDS, BOUND_SECONDS = 0.7, 10.0


@pytest.fixture
def world() -> Iterator[FirewalldHost]:
    """A host with firewalld and an outside."""
    with FirewalldHost() as host:
        prepare(host)
        yield host


def prepare(host: Host) -> None:
    """An outside, and links whose addresses are not tentative for a second or two."""
    add_outside(host)
    host.must("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")


def chain_on(host: Host, implementation: Implementation, number: int = 0, version: str = "1.1.0", wall: bool = True,
             **members: Any) -> Runtime:
    """A dual-stack network that masquerades, publishes ports, and has a firewall unless told otherwise."""
    subnets = (f"10.{77 + number}.0.0/24", f"fd{77 + number}::/64")
    entry = bridge(host_local(*subnets), bridge=f"cni{number}", isDefaultGateway=True, hairpinMode=True, ipMasq=True)
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    walls = [{"type": "firewall", "backend": "firewalld", **members}] if wall else []
    return Runtime(host, implementation, network(entry, ports, *walls, name=f"net{number}", version=version))


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def attach(runtime: Runtime, container: Container, port: int = PUBLISHED, **options: Any) -> Outcome:
    """ADD with a published port."""
    mapping = {"hostPort": port, "containerPort": INSIDE, "protocol": "tcp"}
    return runtime.add(container, capabilities={"portMappings": [mapping]}, **options)


def hosts(addresses: set[str]) -> set[str]:
    """Addresses as firewalld knows them."""
    return {f"{address}/{128 if ':' in address else 32}" for address in addresses}


def reload(host: Host, *words: str) -> Outcome:
    """Runs the tool."""
    return host.run([*TOOL, *words])


def start_servers(host: Host, *containers: Container) -> None:
    """Servers in containers, outside and on the host."""
    for container in containers:
        serve(host, container.id, INSIDE)
    serve(host, OUTSIDE, ELSEWHERE)
    serve(host, None, ON_HOST)


def reached(host: Host, container: Container) -> dict[str, str]:
    """Who gets an answer from whom, and who was seen to ask."""
    host.settle()
    asked = {
        "outwards": (container.id, OUTSIDER4, OUTSIDER6, ELSEWHERE),
        "to the host": (container.id, HOST4, HOST6, ON_HOST),
        "published": (OUTSIDE, HOST4, HOST6, PUBLISHED),
        "itself by its published port": (container.id, HOST4, HOST6, PUBLISHED),
        "unpublished": (OUTSIDE, "10.77.0.2", "fd77::2", INSIDE),
        "by the host": (None, "10.77.0.2", "fd77::2", INSIDE),
    }
    ways = {f"{words}, IPv{6 if ':' in address else 4}": (where, address, port)
            for words, (where, four, six, port) in asked.items() for address in (four, six)}
    with concurrent.futures.ThreadPoolExecutor(len(ways)) as at_once:
        return dict(zip(ways, at_once.map(lambda way: fetch(host, *way, PATIENCE_SECONDS), ways.values())))


def passing(answers: dict[str, str]) -> set[str]:
    """The ways on which an answer came for both families; it is one for both, or for none."""
    ways = {words.removesuffix(", IPv4") for words in answers if words.endswith(", IPv4")}
    assert all(bool(answers[f"{way}, IPv4"]) == bool(answers[f"{way}, IPv6"]) for way in ways), answers
    return {way for way in ways if answers[f"{way}, IPv4"]}


def nothing_left(host: FirewalldHost, *containers: Container) -> bool:
    """True when no trace of containers is left: neither sources, nor links, leases, records, nor rules of ours."""
    assert host.sources() | host.sources(ZONE) == set()
    assert left_behind(host, containers, ("cni0", "cni1", "wire")) == {}
    return "culvert" not in ruleset(host) and "10.77.0" not in ruleset(host)


@pytest.fixture
def container(world: FirewalldHost) -> Container:
    """One container."""
    return world.add_container("c1")


#: What firewalld lets pass for a container that is in no zone, and what besides for one in a zone that accepts.
ALWAYS = {"published", "by the host", "itself by its published port"}
TRUSTED = {"outwards", "to the host"}


def test_without_the_plugin(world: FirewalldHost, ours: Implementation, container: Container) -> None:
    """firewalld rejects what containers of a network without a firewall send: the tests below could fail."""
    runtime = chain_on(world, ours, wall=False)
    good(attach(runtime, container))
    start_servers(world, container)
    assert passing(reached(world, container)) == ALWAYS


@pytest.mark.parametrize("zone", ["trusted", ZONE])
def test_a_container_comes_and_goes(world: FirewalldHost, ours: Implementation, container: Container,
                                    zone: str) -> None:
    """Its addresses are sources of the zone, its packets pass, and DEL leaves nothing, however often it comes."""
    runtime = chain_on(world, ours, **({} if zone == "trusted" else {"firewalldZone": zone}))
    result = good(attach(runtime, container)).result()
    assert {ip["address"].split("/")[0] for ip in result["ips"]} == FIRST
    assert world.sources(zone) == hosts(FIRST)
    assert world.sources(ZONE if zone == "trusted" else "trusted") == set()
    start_servers(world, container)
    assert passing(reached(world, container)) == ALWAYS | TRUSTED
    good(runtime.check(container))
    for _ in range(2):
        good(runtime.delete(container))
        assert nothing_left(world, container)


@pytest.fixture
def pair(world: FirewalldHost, ours: Implementation) -> tuple[Runtime, Container, Container]:
    """Two containers of one network, the first with the published port."""
    return two_on(world, ours)


def two_on(world: FirewalldHost, ours: Implementation) -> tuple[Runtime, Container, Container]:
    """The same on any host."""
    runtime = chain_on(world, ours)
    one, two = world.add_containers(["c1", "c2"])
    good(attach(runtime, one))
    good(attach(runtime, two, PUBLISHED + 1))
    assert world.sources() == hosts(FIRST | SECOND)
    return runtime, one, two


def test_gc_takes_the_sources_of_the_dead(world: FirewalldHost, pair: tuple[Runtime, Container, Container]) -> None:
    """Survivors keep theirs."""
    runtime, one, two = pair
    world.remove_container(one)
    good(runtime.sweep(valid_attachments(("c2", "eth0"))))
    assert world.sources() == hosts(SECOND)
    good(runtime.check(two))
    good(runtime.sweep(valid_attachments()))
    assert nothing_left(world)


def test_a_late_del_harms_nobody(world: FirewalldHost, pair: tuple[Runtime, Container, Container]) -> None:
    """The addresses of a dead container have a new owner, which keeps the sources."""
    runtime, one, two = pair
    world.must("rm /var/lib/cni/networks/net0/10.77.0.2 /var/lib/cni/networks/net0/fd77::2; ip netns del c1")
    third = world.add_container("c3")
    good(attach(runtime, third, PUBLISHED + 2, args="IP=10.77.0.2,fd77::2"))
    good(runtime.delete(one))
    assert world.sources() == hosts(FIRST | SECOND)
    good(runtime.check(third))
    for each in (two, third):
        good(runtime.delete(each))
    assert nothing_left(world, two, third)


@pytest.mark.parametrize("forgotten", ["prevResult", "namespace", "zone"])
def test_del_needs_nothing(world: FirewalldHost, ours: Implementation, container: Container, forgotten: str) -> None:
    """Neither the result nor the namespace, nor a zone in the configuration: the record knows."""
    runtime = chain_on(world, ours, firewalldZone=ZONE)
    good(attach(runtime, container))
    if forgotten == "zone":
        runtime.network["plugins"][-1]["firewalldZone"] = "trusted"
    good(runtime.delete(container, remembering=forgotten != "prevResult",
                        env={"CNI_NETNS": ""} if forgotten == "namespace" else {}))
    assert world.sources(ZONE) == set()


GONE = {
    "firewalld stopped": lambda host: host.stop_firewalld(),
    "firewalld killed": lambda host: host.signal("firewalld", "KILL"),
    "bus killed": lambda host: host.signal("bus", "KILL"),
    "no socket": lambda host: host.must("rm /run/dbus/system_bus_socket"),
}


@pytest.mark.parametrize("gone", GONE)
def test_without_firewalld(world: FirewalldHost, ours: Implementation, gone: str) -> None:
    """DEL succeeds, as the sources went with it; ADD says what does not run, and changes nothing."""
    runtime = chain_on(world, ours)
    one, two = world.add_containers(["c1", "c2"])
    good(attach(runtime, one))
    GONE[gone](world)
    records = read_tree(world.path(RECORDS))
    assert runtime.status().error()["code"] == 50
    refused = attach(runtime, two, PUBLISHED + 1)
    assert refused.error()["code"] == 100 and "firewalld" in refused.error_text and "not run" in refused.error_text
    good(runtime.delete(two))
    assert read_tree(world.path(RECORDS)) == records
    assert "firewalld" in runtime.check(one).error_text
    good(runtime.delete(one))
    assert left_behind(world, (one, two), ("cni0", "wire")) == {}


def test_firewalld_comes_back_between_add_and_del(world: FirewalldHost, ours: Implementation,
                                                  container: Container) -> None:
    """A restart forgets the sources, and DEL does not miss them."""
    runtime = chain_on(world, ours)
    good(attach(runtime, container))
    world.stop_firewalld()
    world.start_firewalld()
    assert world.sources() == set()
    good(runtime.delete(container))
    assert nothing_left(world, container)


def restart(host: FirewalldHost) -> None:
    """Stops and starts firewalld."""
    host.stop_firewalld()
    host.start_firewalld()


def crash(host: FirewalldHost) -> None:
    """firewalld dies, and systemd starts it again."""
    host.signal("firewalld", "KILL")
    host.start_firewalld()


FORGETTING = {
    "reload": lambda host: host.must("firewall-cmd --reload"),
    "complete reload": lambda host: host.must("firewall-cmd --complete-reload"),
    "restart": restart,
    "crash": crash,
}


@pytest.mark.parametrize("event", FORGETTING)
def test_what_firewalld_forgets_comes_back(world: FirewalldHost, pair: tuple[Runtime, Container, Container],
                                           event: str) -> None:
    """`culvert reload` says which sources were missing, and puts them back."""
    runtime, one, two = pair
    start_servers(world, one, two)
    assert passing(reached(world, one)) == ALWAYS | TRUSTED
    mine = ruleset_of_ours(world)
    FORGETTING[event](world)
    assert world.sources() == set() and ruleset_of_ours(world) == mine
    # The rules of a firewalld that was killed are still there, beside those of the new one.
    assert event == "crash" or passing(reached(world, one)) == ALWAYS
    complaint = runtime.check(one)
    assert complaint.error()["code"] == 105 and "10.77.0.2" in complaint.error_text
    assert reload(world, "--dry-run").status == 1 and world.sources() == set()
    told = good(reload(world)).stdout.splitlines()
    assert told == [
        "net0/c1:eth0 firewall: source 10.77.0.2 of zone trusted; source fd77::2 of zone trusted",
        "net0/c2:eth0 firewall: source 10.77.0.3 of zone trusted; source fd77::3 of zone trusted",
        "put back 4 things",
    ]
    assert world.sources() == hosts(FIRST | SECOND) and ruleset_of_ours(world) == mine
    assert passing(reached(world, one)) == ALWAYS | TRUSTED
    good(runtime.check(one))
    assert "nothing is missing" in good(reload(world)).stdout
    for each in (one, two):
        good(runtime.delete(each))
    if event == "crash":
        world.must("firewall-cmd --reload")
    assert nothing_left(world, one, two)


def ruleset_of_ours(host: Host) -> list[str]:
    """All of nf_tables but firewalld's table, without order: rules and elements of containers come as they come."""
    tables = re.findall(r"^table .*?^}$", ruleset(host), re.DOTALL | re.MULTILINE)
    ours = [table for table in tables if not table.startswith("table inet firewalld ")]
    return sorted(line.strip(" \t,") for table in ours for line in table.replace("elements = {", "").splitlines())


def test_everything_is_flushed(world: FirewalldHost, pair: tuple[Runtime, Container, Container]) -> None:
    """`nft flush ruleset` takes firewalld's rules too: ours come back by themselves, and again behind firewalld's."""
    _, one, _ = pair
    start_servers(world, one)
    mine = ruleset_of_ours(world)
    world.must("nft flush ruleset")
    told = good(reload(world)).stdout
    assert "firewall" not in told and "net0/c1:eth0 portmap" in told
    assert ruleset_of_ours(world) == mine and "firewalld" not in ruleset(world)
    # Nobody rejects anything until firewalld is told.
    assert "unpublished" in passing(reached(world, one))
    # firewalld 1.3 cannot be reloaded without its table.
    restart(world)
    assert "put back 4 things" in good(reload(world)).stdout
    assert passing(reached(world, one)) == ALWAYS | TRUSTED


def test_a_firewalld_that_writes_iptables(ours: Implementation) -> None:
    """Its reload flushes all of iptables: rules of ours that are there come back with the sources."""
    with FirewalldHost("FirewallBackend=iptables") as world:
        prepare(world)
        container = world.add_container("c1")
        runtime = chain_on(world, ours)
        masquerading, ports, _ = runtime.network["plugins"]
        masquerading["ipMasqBackend"] = ports["backend"] = "iptables"
        good(attach(runtime, container))
        start_servers(world, container)
        before = reached(world, container)
        assert passing(before) == ALWAYS | TRUSTED
        world.must("firewall-cmd --reload")
        assert passing(reached(world, container)) < ALWAYS | TRUSTED
        told = good(reload(world)).stdout
        assert all(f"net0/c1:eth0 {plugin}" in told for plugin in ("bridge", "portmap", "firewall")), told
        good(runtime.check(container))
        assert reached(world, container) == before
        good(runtime.delete(container))
        assert nothing_left(world, container)
        assert "10.77.0" not in world.must("iptables-save; ip6tables-save")


def test_nftables_beside_firewalld(world: FirewalldHost, ours: Implementation, container: Container) -> None:
    """Our tables are none of firewalld's business; the operator lets the bridge through, for firewalld rejects."""
    runtime = chain_on(world, ours, backend="nftables")
    good(attach(runtime, container))
    start_servers(world, container)
    assert world.sources() == set() and passing(reached(world, container)) == ALWAYS
    world.must("firewall-cmd --permanent --zone=trusted --add-interface=cni0")
    mine = ruleset_of_ours(world)
    assert "table inet culvert_firewall {" in mine
    for words in ("--reload", "--complete-reload"):
        world.must(f"firewall-cmd {words}")
        assert ruleset_of_ours(world) == mine
        assert passing(reached(world, container)) == ALWAYS | TRUSTED
        assert "nothing is missing" in good(reload(world)).stdout
    world.must("nft flush ruleset")
    good(reload(world))
    assert ruleset_of_ours(world) == mine and "firewalld" not in ruleset(world)
    restart(world)
    assert passing(reached(world, container)) == ALWAYS | TRUSTED
    good(runtime.delete(container))
    assert nothing_left(world, container)


@pytest.mark.parametrize("unset", [{"backend": ""}, {"backend": None}], ids=["empty", "null"])
def test_an_unset_backend(world: FirewalldHost, ours: Implementation, unset: dict[str, Any]) -> None:
    """It is firewalld while firewalld runs, and nftables when it does not; DEL finds what was chosen at the time."""
    runtime = chain_on(world, ours, **unset)
    one, two = world.add_containers(["c1", "c2"])
    good(attach(runtime, one))
    assert world.sources() == hosts(FIRST) and "culvert_firewall" not in ruleset(world)
    world.stop_firewalld()
    good(attach(runtime, two, PUBLISHED + 1))
    assert "chain admin" in world.must("nft list table inet culvert_firewall")
    good(runtime.check(two))
    world.start_firewalld()
    assert "2 things" in good(reload(world)).stdout
    assert world.sources() == hosts(FIRST)
    for each in (one, two):
        good(runtime.check(each))
        good(runtime.delete(each))
    assert nothing_left(world, one, two)


@pytest.mark.parametrize("gone", GONE)
def test_an_unset_backend_without_firewalld(world: FirewalldHost, ours: Implementation, container: Container,
                                            gone: str) -> None:
    """Neither a missing bus nor a dead one keeps a container from its network."""
    GONE[gone](world)
    runtime = chain_on(world, ours, backend="")
    good(attach(runtime, container))
    assert "chain admin" in world.must("nft list table inet culvert_firewall")
    good(runtime.delete(container))
    assert left_behind(world, (container,), ("cni0", "wire")) == {}


def test_firewalld_comes_before_iptables(world: FirewalldHost, ours: Implementation, container: Container) -> None:
    """With both in use, an unset backend is firewalld, as in the reference."""
    world.must("iptables -P FORWARD DROP")
    runtime = chain_on(world, ours, backend="")
    good(attach(runtime, container))
    assert world.sources() == hosts(FIRST) and "CNI-FORWARD" not in world.must("iptables-save")
    good(runtime.delete(container))
    assert nothing_left(world, container)


def test_policies_beside_firewalld(world: FirewalldHost, ours: Implementation) -> None:
    """Zones know no bridges: a policy keeps two networks of one zone apart, and comes back without firewalld too."""
    networks = [chain_on(world, ours, number, ingressPolicy="same-bridge") for number in (0, 1)]
    containers = world.add_containers(["c1", "c2"])
    for runtime, each in zip(networks, containers):
        good(attach(runtime, each, PUBLISHED + int(runtime is networks[1])))
        serve(world, each.id, INSIDE)
    assert world.sources() == hosts(FIRST | {"10.78.0.2", "fd78::2"})
    across = (("c1", "10.78.0.2"), ("c2", "fd77::2"))
    assert not any(fetch(world, *way, INSIDE, PATIENCE_SECONDS) for way in across)
    world.stop_firewalld()
    world.must("nft flush ruleset")
    assert fetch(world, "c1", "10.78.0.2", INSIDE, PATIENCE_SECONDS) == "c2 10.77.0.2"
    outcome = reload(world)
    assert outcome.status == 1 and "firewalld" in outcome.stderr
    assert not any(fetch(world, *way, INSIDE, PATIENCE_SECONDS) for way in across)
    world.start_firewalld()
    good(reload(world))
    for runtime, each in zip(networks, containers):
        good(runtime.check(each))
        good(runtime.delete(each))
    assert nothing_left(world, *containers)


def test_a_zone_that_is_none(world: FirewalldHost, ours: Implementation, container: Container) -> None:
    """The error names it, and nothing is changed."""
    runtime = chain_on(world, ours, firewalldZone="nowhere")
    refused = attach(runtime, container)
    assert refused.error()["code"] == 100 and "nowhere" in refused.error_text, refused.stdout
    assert "left behind" not in refused.error_text
    good(runtime.delete(container))
    assert nothing_left(world, container)


@pytest.mark.parametrize("taken", sorted(FIRST))
def test_an_address_in_another_zone(world: FirewalldHost, ours: Implementation, container: Container,
                                    taken: str) -> None:
    """ADD is refused and takes the other family's source back; the other zone keeps what it has."""
    world.must(f"firewall-cmd --zone=drop --add-source={taken}/{128 if ':' in taken else 32}")
    before = world.sources("drop")
    runtime = chain_on(world, ours)
    refused = attach(runtime, container)
    assert refused.error()["code"] == 100 and "ZONE_CONFLICT" in refused.error_text
    assert "left behind" not in refused.error_text
    assert world.sources() == set() and world.sources("drop") == before
    assert not [path for path in read_tree(world.path(RECORDS)) if path.endswith("firewall.json")]
    good(runtime.delete(container))
    assert world.sources("drop") == before
    world.must(f"firewall-cmd --zone=drop --remove-source={before.pop()}")
    assert nothing_left(world, container)


@pytest.mark.parametrize("event", ["moved", "zone removed"])
def test_what_the_operator_did_to_a_source(world: FirewalldHost, ours: Implementation, container: Container,
                                           event: str) -> None:
    """DEL takes no offence at an address in another zone, nor at a zone that is no more."""
    runtime = chain_on(world, ours, firewalldZone=ZONE)
    good(attach(runtime, container))
    if event == "moved":
        world.must("firewall-cmd --zone=drop --change-source=10.77.0.2/32")
    else:
        world.must(f"firewall-cmd --permanent --delete-zone={ZONE}; firewall-cmd --reload")
    good(runtime.delete(container))
    assert left_behind(world, (container,), ("cni0", "wire")) == {}
    assert world.sources("drop") == (hosts({"10.77.0.2"}) if event == "moved" else set())
    assert event != "moved" or world.sources(ZONE) == set()


def timed(call: Any) -> tuple[Outcome, float]:
    """An outcome, and how long it took in seconds."""
    start = time.monotonic()
    outcome = call()
    return outcome, time.monotonic() - start


def test_nobody_answers(ours: Implementation) -> None:
    """With the bus or firewalld stopped, every call ends in bounded time; afterwards everything can be done again."""
    with concurrent.futures.ThreadPoolExecutor(2) as at_once:
        for told in [at_once.submit(silence, ours, who) for who in ("bus", "firewalld")]:
            told.result()


def silence(ours: Implementation, who: str) -> None:
    """Calls while somebody does not answer, and after."""
    with FirewalldHost() as world:
        prepare(world)
        tell_of_silence(world, ours, who)


def tell_of_silence(world: FirewalldHost, ours: Implementation, who: str) -> None:
    """The same on a host."""
    runtime, one, two = two_on(world, ours)
    third, fourth = world.add_containers(["c3", "c4"])
    unset = chain_on(world, ours, 1, backend="")
    world.signal(who, "STOP")
    calls = {
        "ADD": functools.partial(attach, runtime, third, PUBLISHED + 2),
        "CHECK": functools.partial(runtime.check, one),
        "DEL": functools.partial(runtime.delete, two),
        "reload": functools.partial(reload, world),
    }
    if who == "bus":
        calls["ADD, unset"] = functools.partial(attach, unset, fourth, PUBLISHED + 3)
        calls["DEL, unset"] = functools.partial(unset.call, "DEL", unset.network["plugins"][-1], one,
                                                previous=runtime.results["c1", "eth0"])
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as at_once:
        found = dict(zip(calls, at_once.map(timed, calls.values())))
    world.signal(who, "CONT")
    assert max(seconds for _, seconds in found.values()) < 2 * BOUND_SECONDS + 4, found
    for verb in ("ADD", "CHECK", "DEL"):
        outcome = found[verb][0]
        assert outcome.error()["code"] == 100 and "system bus" in outcome.error_text, outcome.stdout
    assert found["reload"][1] < 1.5 * BOUND_SECONDS, "every container was waited for anew"
    assert found["reload"][0].status == 1 and "system bus" in found["reload"][0].stderr
    # A bus that was not reached was told nothing.
    assert ("left behind" in found["ADD"][0].error_text) == (who == "firewalld")
    for each in (third, two):
        good(runtime.delete(each))
    assert world.sources() == hosts(FIRST)
    good(attach(runtime, third, PUBLISHED + 2))
    for each in (one, third):
        good(runtime.check(each))
        good(runtime.delete(each))
    if who == "bus":
        good(found["DEL, unset"][0])
        good(found["ADD, unset"][0])
        good(unset.delete(fourth))
    assert nothing_left(world, one, two, third, fourth)


def calls_of(host: Host, call: Any) -> list[Point]:
    """Where a plugin says something to somebody, in an undisturbed run."""
    good(call(wrapper={"firewall": ["strace", "-f", "-s", "400", "-o", TRACE]}))
    return [point for point in points_in(host.path(TRACE).read_text()) if point.name == "sendto"]


def test_a_plugin_that_dies(world: FirewalldHost, ours: Implementation, container: Container) -> None:
    """Killed before any word to firewalld or to the kernel, it leaves nothing that one DEL does not remove."""
    runtime = chain_on(world, ours, ingressPolicy="same-bridge")
    adding = calls_of(world, functools.partial(attach, runtime, container))
    deleting = calls_of(world, functools.partial(runtime.delete, container))
    assert len(adding) > 8 and len(deleting) > 6
    for point in adding:
        assert attach(runtime, container, wrapper={"firewall": point.wrapper}).status in KILLED, str(point)
        good(runtime.delete(container))
        assert nothing_left(world, container), str(point)
    for point in deleting:
        good(attach(runtime, container))
        assert runtime.delete(container, wrapper={"firewall": point.wrapper}).status in KILLED, str(point)
        good(runtime.delete(container))
        assert nothing_left(world, container), str(point)


def test_a_container_that_goes_during_reload(world: FirewalldHost,
                                             pair: tuple[Runtime, Container, Container]) -> None:
    """Nothing is put back for a container whose DEL comes after the tool has seen what is missing."""
    runtime, one, two = pair
    FORGETTING["reload"](world)
    good(world.run(["strace", "-f", "-s", "400", "-o", TRACE, *TOOL]))
    words = [point for point in points_in(world.path(TRACE).read_text()) if point.name == "sendto"]
    first = next(point for point in words if "addSource" in point.arguments)
    for ordinal in (first.ordinal, first.ordinal - 1):
        FORGETTING["reload"](world)
        slowly = ["strace", "-f", "-qq", "-o", TRACE, "-e", "trace=sendto",
                  "-e", f"inject=sendto:delay_enter=2s:when={ordinal}"]
        with concurrent.futures.ThreadPoolExecutor(1) as meanwhile:
            world.path(TRACE).write_text("")
            call = meanwhile.submit(world.run, [*slowly, *TOOL])
            wait_for(lambda: len(world.path(TRACE).read_text().splitlines()) >= ordinal, world.path(TRACE))
            good(runtime.delete(one))
            good(call.result())
        assert world.sources() == hosts(SECOND)
        world.must("rm -r /var/lib/cni/networks; mkdir /var/lib/cni/networks")
        good(attach(runtime, one, args="IP=10.77.0.2,fd77::2"))
    for each in (one, two):
        good(runtime.delete(each))
    assert nothing_left(world, one, two)


@pytest.mark.parametrize("who", ["firewalld", "bus"])
def test_who_is_asked_dies(world: FirewalldHost, ours: Implementation, container: Container, who: str) -> None:
    """Killed between the two addresses: ADD says so, and leaves nothing, not even a record."""
    runtime = chain_on(world, ours)
    words = calls_of(world, functools.partial(attach, runtime, container))
    good(runtime.delete(container))
    last = [point for point in words if "addSource" in point.arguments][-1]
    slowly = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto",
              "-e", f"inject=sendto:delay_enter=2s:when={last.ordinal}"]
    with concurrent.futures.ThreadPoolExecutor(1) as meanwhile:
        call = meanwhile.submit(attach, runtime, container, wrapper={"firewall": slowly})
        while world.sources() != hosts({"10.77.0.3"}):
            assert not call.done(), call.result().stdout
        world.signal(who, "KILL")
        refused = call.result()
    assert refused.error()["code"] == 100, refused.stdout
    assert "left behind" not in refused.error_text, refused.stdout
    assert not [path for path in read_tree(world.path(RECORDS)) if path.endswith("firewall.json")]
    if who == "bus":
        # firewalld ends without a bus.
        world.start_bus()
    world.start_firewalld()
    good(runtime.delete(container))
    assert left_behind(world, (container,), ("cni0", "wire")) == {} and world.sources() == set()


def test_the_reference_leaves_the_same(ours: Implementation) -> None:
    """The same sources, the same answers, and nothing when the container is gone."""
    def story(implementation: Implementation) -> tuple[set[str], dict[str, str], set[str]]:
        with FirewalldHost() as host:
            prepare(host)
            runtime = chain_on(host, implementation, version="1.0.0")
            container = host.add_container("c1")
            good(attach(runtime, container))
            start_servers(host, container)
            found = host.sources(), reached(host, container)
            good(runtime.delete(container))
            return *found, host.sources()
    mine, theirs = story(ours), story(REFERENCE)
    assert mine == theirs
    assert mine[0] == hosts(FIRST) and mine[2] == set()


@pytest.mark.parametrize("way", ["theirs, then ours", "ours, then theirs"])
@pytest.mark.parametrize("backend", ["firewalld", ""])
def test_taking_turns_with_the_reference(world: FirewalldHost, ours: Implementation, container: Container, way: str,
                                         backend: str) -> None:
    """What the firewall of one implementation told firewalld, that of the other takes back."""
    theirs, mine = (chain_on(world, each, version="1.0.0", backend=backend) for each in (REFERENCE, ours))
    first, second = (theirs, mine) if way.startswith("theirs") else (mine, theirs)
    good(attach(first, container))
    assert world.sources() == hosts(FIRST)
    wall, previous = first.network["plugins"][-1], first.results["c1", "eth0"]
    for verb in ("CHECK", "DEL", "DEL"):
        good(second.call(verb, wall, container, previous=previous))
    assert world.sources() == set()
    good(first.delete(container))
    if first is mine:
        assert nothing_left(world, container)


def test_unrecorded_sources_of_others(world: FirewalldHost, ours: Implementation) -> None:
    """A DEL without a record takes nothing from a container that has one, nor with another backend configured."""
    runtime = chain_on(world, ours, version="1.0.0")
    one, two = world.add_containers(["c1", "c2"])
    good(attach(runtime, one))
    wall, previous = runtime.network["plugins"][-1], runtime.results["c1", "eth0"]
    good(runtime.call("DEL", wall, two, previous=previous))
    assert world.sources() == hosts(FIRST)
    world.must("rm /run/culvert/attachments/net0/c1:eth0:firewall.json")
    good(runtime.call("DEL", {**wall, "backend": "nftables"}, one, previous=previous))
    assert world.sources() == hosts(FIRST)
    good(runtime.call("DEL", wall, one, previous=previous))
    assert world.sources() == set()
    good(runtime.delete(one))


def words_of(unit: str, key: str) -> list[list[str]]:
    """The commands of a unit as systemd reads them, without the sign that forgives them."""
    lines = (REPOSITORY / "conf/systemd" / unit).read_text().splitlines()
    values = [line.removeprefix(f"{key}=").removeprefix("-") for line in lines if line.startswith(f"{key}=")]
    return [[word.replace("$$", "$") for word in shlex.split(value)] for value in values]


def install_tool(host: Host) -> None:
    """Puts the tool where the units expect it."""
    host.must(f"ln -s {build_directory()}/culvert /usr/local/bin/culvert")


def test_the_unit_that_listens(world: FirewalldHost, pair: tuple[Runtime, Container, Container]) -> None:
    """As shipped: whenever firewalld has reloaded, the sources are there again, without anybody's doing."""
    install_tool(world)
    (command,) = words_of("culvert-firewalld.service", "ExecStart")
    log = "/run/unit.log"
    FORGETTING["reload"](world)
    world.must(f"{shlex.join(command)} </dev/null >{log} 2>&1 & echo $! >/run/unit.pid")
    for event in ("reload", "complete reload", "reload"):
        wait_for(lambda: world.sources() == hosts(FIRST | SECOND), world.path(log))
        FORGETTING[event](world)
    wait_for(lambda: world.path(log).read_text().count("put back 4 things") == 4, world.path(log))
    for each in pair[1:]:
        good(pair[0].check(each))
    # Without a bus it ends, and systemd starts it anew.
    world.signal("bus", "TERM")
    wait_for(lambda: not world.run(["sh", "-c", "kill -0 $(cat /run/unit.pid)"]).ok, world.path(log))
    assert "Restart=always" in (REPOSITORY / "conf/systemd/culvert-firewalld.service").read_text()


def wait_for(happened: Callable[[], bool], log: pathlib.Path) -> None:
    """Waits for what another process does; with its log if that does not happen."""
    end = time.monotonic() + BOUND_SECONDS
    while not happened():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("unit, key", [
    ("firewalld.service.d-culvert.conf", "ExecStartPost"), ("firewalld.service.d-culvert.conf", "ExecReload"),
    ("culvert-reload.service", "ExecStart"), ("nftables.service.d-culvert.conf", "ExecStartPost"),
    ("nftables.service.d-culvert.conf", "ExecReload"),
])
def test_the_units_that_follow(world: FirewalldHost, pair: tuple[Runtime, Container, Container], unit: str,
                               key: str) -> None:
    """As shipped: after a start or reload of whoever flushes, everything is there again."""
    install_tool(world)
    if unit.startswith("nftables"):
        world.must("nft flush ruleset")
    restart(world)
    (command,) = words_of(unit, key)
    good(world.run(command, env={"PATH": "/usr/bin:/bin"}))
    assert world.sources() == hosts(FIRST | SECOND)
    for each in pair[1:]:
        good(pair[0].check(each))
