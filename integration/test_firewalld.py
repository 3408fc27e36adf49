# SPDX-License-Identifier: Apache-2.0
"""firewall with firewalld itself: containers' addresses in its zones, and what becomes of them."""
from __future__ import annotations

import concurrent.futures
import functools
import os
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest

from firewalld import ZONE, FirewalldHost
from host import Container, Host, Outcome
from implementations import REFERENCE, REPOSITORY, Implementation, build_directory
from kernel_state import left_behind, read_tree
from runtime import Runtime, bridge, host_local, network, valid_attachments
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, fetch, ruleset, serve

pytestmark = pytest.mark.needs_culvert

#: Where servers listen: published, in containers, outside, and on the host itself.
PUBLISHED, INSIDE, ELSEWHERE, ON_HOST = 8080, 80, 81, 82
FIRST = {"10.77.0.2", "fd77::2"}
SECOND = {"10.77.0.3", "fd77::3"}
#: How long a client waits who may be rejected, and how long the plugin waits for an answer.
PATIENCE_SECONDS, BOUND_SECONDS = 1.0, 10.0


@pytest.fixture
def world() -> Iterator[FirewalldHost]:
    """A host with firewalld and an outside."""
    with FirewalldHost() as host:
        add_outside(host)
        # The addresses of links would be tentative for a second or two.
        host.must("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
        yield host


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
    return host.run([os.path.join(build_directory(), "culvert"), "reload", *words])


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
    records = read_tree(world.path("/run/culvert/attachments"))
    assert runtime.status().error()["code"] == 50
    refused = attach(runtime, two, PUBLISHED + 1)
    assert refused.error()["code"] == 100 and "firewalld" in refused.error_text and "not run" in refused.error_text
    good(runtime.delete(two))
    assert read_tree(world.path("/run/culvert/attachments")) == records
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
    world.must("firewall-cmd --reload")
    assert "put back 4 things" in good(reload(world)).stdout
    assert passing(reached(world, one)) == ALWAYS | TRUSTED


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
    world.must("firewall-cmd --reload")
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
    assert "10.77.0.3" in world.must("nft list table inet culvert_firewall")
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
    assert "10.77.0.2" in world.must("nft list table inet culvert_firewall")
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
    assert fetch(world, "c1", "10.78.0.2", INSIDE, 1) == fetch(world, "c2", "fd77::2", INSIDE, 1) == ""
    world.stop_firewalld()
    world.must("nft flush ruleset")
    assert fetch(world, "c1", "10.78.0.2", INSIDE, 1) == "c2 10.77.0.2"
    outcome = reload(world)
    assert outcome.status == 1 and "firewalld" in outcome.stderr
    assert fetch(world, "c1", "10.78.0.2", INSIDE, 1) == fetch(world, "c2", "fd77::2", INSIDE, 1) == ""
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
    assert not [path for path in read_tree(world.path("/run/culvert/attachments")) if path.endswith("firewall.json")]
    good(runtime.delete(container))
    assert nothing_left(world, container) and world.sources("drop") == before


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


@pytest.mark.parametrize("who", ["bus", "firewalld"])
def test_nobody_answers(world: FirewalldHost, pair: tuple[Runtime, Container, Container], who: str) -> None:
    """Every call ends with a clear error, in bounded time; once answers come again, everything can be done."""
    runtime, one, two = pair
    third, fourth = world.add_containers(["c3", "c4"])
    unset = chain_on(world, runtime.implementation, 1, backend="")
    world.signal(who, "STOP")
    calls = {
        "ADD": functools.partial(attach, runtime, third, PUBLISHED + 2),
        "CHECK": functools.partial(runtime.check, one),
        "DEL": functools.partial(runtime.delete, two),
        "reload": functools.partial(reload, world),
    }
    if who == "bus":
        calls["ADD, unset"] = functools.partial(attach, unset, fourth, PUBLISHED + 3)
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as at_once:
        found = dict(zip(calls, at_once.map(timed, calls.values())))
    world.signal(who, "CONT")
    assert max(seconds for _, seconds in found.values()) < 2 * BOUND_SECONDS + 4, found
    for verb in ("ADD", "CHECK", "DEL"):
        outcome = found[verb][0]
        assert outcome.error()["code"] == 100 and "system bus" in outcome.error_text, outcome.stdout
    assert found["reload"][0].status == 1 and "system bus" in found["reload"][0].stderr
    for each in (third, two):
        good(runtime.delete(each))
    assert world.sources() == hosts(FIRST)
    good(attach(runtime, third, PUBLISHED + 2))
    for each in (one, third):
        good(runtime.check(each))
        good(runtime.delete(each))
    if "ADD, unset" in found:
        good(unset.delete(fourth))
    assert nothing_left(world, one, two, third, fourth)
