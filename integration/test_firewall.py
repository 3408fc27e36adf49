# SPDX-License-Identifier: Apache-2.0
"""firewall: who may talk to whom, by each backend, and whose rules are whose."""
from __future__ import annotations

import concurrent.futures
import json
import os
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import REFERENCE, Implementation, build_directory
from kernel_state import left_behind
from runtime import Runtime, bridge, host_local, network, valid_attachments
from traffic import OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, fetch, ruleset, serve

needs_culvert = pytest.mark.needs_culvert


@pytest.fixture
def world(host: Host) -> Host:
    """A host with an outside."""
    add_outside(host)
    return host


def network_on(host: Host, implementation: Implementation, number: int = 0, version: str = "1.1.0", hairpin: bool = True,
               **members: Any) -> Runtime:
    """A dual-stack network of its own bridge, with a firewall."""
    subnets = (f"10.{77 + number}.0.0/24", f"fd{77 + number}::/64")
    entry = bridge(host_local(*subnets), bridge=f"cni{number}", isDefaultGateway=True, hairpinMode=hairpin)
    chain = network(entry, {"type": "firewall", **members}, name=f"net{number}", version=version)
    return Runtime(host, implementation, chain)


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def address(number: int, last: int = 2, family: int = 4) -> str:
    """The address of a container: the first one of its network unless said otherwise."""
    return f"10.{77 + number}.0.{last}" if family == 4 else f"fd{77 + number}::{last:x}"


def talk(host: Host, source: str | None, number: int, last: int = 2) -> tuple[bool, bool]:
    """Whether a container's server on port 80 is reached, by IPv4 and by IPv6."""
    return tuple(fetch(host, source, address(number, last, family), 80, 1) != "" for family in (4, 6))  # type: ignore


@pytest.fixture
def container(host: Host) -> Container:
    """One container."""
    return host.add_container("c1")


YES, NO = (True, True), (False, False)


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@pytest.mark.parametrize("policy, neighbour, stranger, unpoliced", [
    ("open", YES, YES, YES), ("same-bridge", YES, NO, YES), ("isolated", NO, NO, YES),
])
@needs_culvert
def test_who_may_talk(world: Host, ours: Implementation, backend: str, policy: str, neighbour: tuple[bool, bool],
                      stranger: tuple[bool, bool], unpoliced: tuple[bool, bool]) -> None:
    """A policy keeps containers of other bridges with a policy away, or all containers; nobody else."""
    if backend == "iptables" and policy == "isolated":
        world.must("echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; "
                   "echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables")
    networks = [network_on(world, ours, number, backend=backend, ingressPolicy=policy) for number in (0, 1)]
    free = network_on(world, ours, 2, backend=backend)
    containers = world.add_containers(["c1", "c2", "c3", "c4"])
    for each, where in zip(containers, (networks[0], networks[0], networks[1], free)):
        good(where.add(each))
        serve(world, each.id, 80)
    assert talk(world, "c2", 0) == neighbour
    assert talk(world, "c3", 0) == stranger
    assert talk(world, "c4", 0) == unpoliced
    assert talk(world, "c1", 2) == YES
    assert talk(world, OUTSIDE, 0) == YES
    assert talk(world, None, 0) == YES
    serve(world, OUTSIDE, 80)
    assert fetch(world, "c1", OUTSIDER4, 80) and fetch(world, "c1", OUTSIDER6, 80)
    for each, where in zip(containers, (networks[0], networks[0], networks[1], free)):
        good(where.check(each))
        good(where.delete(each))
    assert left_behind(world, containers, ("cni0", "cni1", "cni2", "wire")) == {}
    if backend == "nftables":
        assert ruleset(world) == ""


@pytest.mark.parametrize("order", [("nftables", "iptables"), ("iptables", "nftables")], ids=" then ".join)
@pytest.mark.parametrize("policy", ["same-bridge", "isolated"])
@needs_culvert
def test_networks_of_two_backends(world: Host, ours: Implementation, order: tuple[str, str], policy: str) -> None:
    """They are kept apart like those of one backend, whichever is first, and nobody else is."""
    before = ruleset(world)
    backends = {0: order[0], 1: order[1], 2: "nftables"}
    networks = [network_on(world, ours, number, backend=backend, ingressPolicy=policy if number < 2 else "open")
                for number, backend in backends.items()]
    containers = world.add_containers(["c1", "c2", "c3"])
    for each, where in zip(containers, networks):
        good(where.add(each))
        serve(world, each.id, 80)
    assert talk(world, "c1", 1) == NO and talk(world, "c2", 0) == NO
    for each, number in (("c1", 2), ("c2", 2), ("c3", 0), ("c3", 1), (OUTSIDE, 0), (OUTSIDE, 1)):
        assert talk(world, each, number) == YES, (each, number)
    for each, where in zip(containers, networks):
        good(where.check(each))
        good(where.delete(each))
    assert "culvert" not in ruleset(world) and before == ""


@needs_culvert
def test_a_network_of_iptables_that_is_no_more(world: Host, ours: Implementation) -> None:
    """What iptables forgot keeps nobody apart any longer than until `culvert reload`."""
    networks = [network_on(world, ours, number, backend=backend, ingressPolicy="same-bridge")
                for number, backend in enumerate(("nftables", "iptables"))]
    for each, where in zip(world.add_containers(["c1", "c2"]), networks):
        good(where.add(each))
        serve(world, each.id, 80)
    assert talk(world, "c1", 1) == NO
    good(networks[1].delete(Container("c2", "/run/netns/c2")))
    world.must("for tool in iptables ip6tables; do $tool -F; $tool -X; done")
    open_now = network_on(world, ours, 1, backend="nftables")
    good(open_now.add(Container("c2", "/run/netns/c2")))
    good(world.run([os.path.join(build_directory(), "culvert"), "reload"]))
    assert talk(world, "c1", 1, 3) == YES and talk(world, "c2", 0) == YES
    good(networks[0].check(Container("c1", "/run/netns/c1")))


@needs_culvert
def test_a_host_that_forwards_nothing(world: Host, ours: Implementation, container: Container) -> None:
    """Where iptables drops what is forwarded, an unset backend lets containers through there, as the reference does."""
    world.must("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP")
    runtime = network_on(world, ours)
    good(runtime.add(container))
    serve(world, OUTSIDE, 80)
    assert fetch(world, "c1", OUTSIDER4, 80) and fetch(world, "c1", OUTSIDER6, 80)
    assert talk(world, OUTSIDE, 0) == NO
    good(runtime.check(container))
    good(runtime.delete(container))
    assert "10.77.0.2" not in world.must("iptables-save; ip6tables-save")


@needs_culvert
def test_without_iptables(world: Host, ours: Implementation, container: Container) -> None:
    """A host without iptables does not miss it."""
    runtime = network_on(world, ours, ingressPolicy="same-bridge")
    world.must("for tool in /usr/sbin/ip*tables*; do mount --bind /dev/null $tool; done")
    good(runtime.add(container))
    assert "culvert_firewall" in ruleset(world)
    good(runtime.check(container))
    good(runtime.delete(container))


@needs_culvert
def test_the_operators_chain_comes_first(world: Host, ours: Implementation, container: Container) -> None:
    """Rules in chain `admin` decide before ours, and stay when the last container goes."""
    runtime = network_on(world, ours)
    good(runtime.add(container))
    serve(world, "c1", 80)
    assert talk(world, OUTSIDE, 0) == YES
    world.must("nft add rule inet culvert_firewall admin iifname wire drop")
    assert talk(world, OUTSIDE, 0) == NO
    good(runtime.delete(container))
    assert 'iifname "wire" drop' in ruleset(world)
    second = world.add_container("c2")
    good(runtime.add(second))
    serve(world, "c2", 80)
    assert fetch(world, OUTSIDE, address(0, 3), 80, 1) == ""
    world.must("nft flush chain inet culvert_firewall admin")
    good(runtime.delete(second))
    assert ruleset(world) == ""


@needs_culvert
def test_open_networks_share_a_table(world: Host, ours: Implementation) -> None:
    """However their containers come and go: it is there as long as one of them lives, and not longer."""
    networks = [network_on(world, ours, number) for number in (0, 1)]
    steady, *others = world.add_containers([f"c{number}" for number in range(9)])
    good(networks[0].add(steady))
    shared = world.must("nft list ruleset")
    assert "chain admin" in shared and "10.77.0.2" not in shared
    pairs = [(networks[number % 2], container) for number, container in enumerate(others)]
    with concurrent.futures.ThreadPoolExecutor(4) as crowd:
        for round_number in range(3):
            for outcome in crowd.map(lambda pair: pair[0].add(pair[1]), pairs):
                good(outcome)
            if round_number == 2:
                pairs.append((networks[0], steady))
            for network_of, container in pairs:
                good(network_of.check(container))
            assert world.must("nft list ruleset") == shared
            for outcome in crowd.map(lambda pair: pair[0].delete(pair[1]), pairs):
                good(outcome)
    assert ruleset(world) == "" and left_behind(world, [steady, *others], ("cni0", "cni1", "wire")) == {}


@needs_culvert
def test_the_operators_iptables_chain(world: Host, ours: Implementation, container: Container) -> None:
    """`iptablesAdminChainName` names the operator's chain of the iptables backend."""
    runtime = network_on(world, ours, backend="iptables", iptablesAdminChainName="MINE")
    good(runtime.add(container))
    serve(world, "c1", 80)
    world.must("iptables -A MINE -i wire -j DROP")
    assert talk(world, OUTSIDE, 0) == (False, True)
    good(runtime.delete(container))
    assert "-A MINE -i wire -j DROP" in world.must("iptables-save")


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@needs_culvert
def test_a_late_del_harms_nobody(world: Host, ours: Implementation, container: Container, backend: str) -> None:
    """The address of a dead container has a new owner, whose rules stay."""
    runtime = network_on(world, ours, backend=backend, ingressPolicy="same-bridge")
    good(runtime.add(container))
    before = ruleset(world)
    world.must("rm -rf /var/lib/cni/networks/*; ip netns del c1")
    other = world.add_container("c2")
    good(runtime.add(other))
    good(runtime.delete(container))
    assert good(runtime.check(other))
    if backend == "nftables":
        assert len(ruleset(world)) == len(before)
    else:
        assert "10.77.0.2" in world.must("iptables-save")


@pytest.mark.parametrize("way", ["theirs, then ours", "ours, then theirs"])
@needs_culvert
def test_taking_turns_with_the_reference(world: Host, ours: Implementation, container: Container, way: str) -> None:
    """What one implementation made with iptables, the other deletes."""
    members = {"backend": "iptables", "ingressPolicy": "same-bridge"}
    theirs = network_on(world, REFERENCE, version="1.0.0", **members)
    mine = network_on(world, ours, version="1.0.0", **members)
    first, second = (theirs, mine) if way.startswith("theirs") else (mine, theirs)
    good(first.add(container))
    second.results = first.results
    if first is mine:
        good(second.check(container))
    good(second.delete(container))
    saved = world.must("iptables-save; ip6tables-save")
    assert "10.77.0.2" not in saved and "fd77::2" not in saved


@needs_culvert
def test_upgrade_without_naming_a_backend(world: Host, ours: Implementation, container: Container) -> None:
    """A container of the reference is deleted by us although our default is another backend."""
    theirs = network_on(world, REFERENCE, version="1.0.0")
    good(theirs.add(container))
    mine = network_on(world, ours, version="1.0.0")
    mine.results = theirs.results
    good(mine.delete(container))
    assert "10.77.0.2" not in world.must("iptables-save")


@pytest.mark.parametrize("forgotten", ["prevResult", "namespace", "everything"])
@needs_culvert
def test_del_needs_nothing(world: Host, ours: Implementation, container: Container, forgotten: str) -> None:
    """Neither the result nor the namespace nor the record."""
    runtime = network_on(world, ours, ingressPolicy="isolated")
    good(runtime.add(container))
    if forgotten == "everything":
        world.must("rm -rf /run/culvert")
    good(runtime.delete(container, remembering=forgotten == "namespace",
                        env={"CNI_NETNS": ""} if forgotten != "prevResult" else {}))
    assert ruleset(world) == ""
    good(runtime.delete(container))


@needs_culvert
def test_check_sees_what_is_missing(world: Host, ours: Implementation, container: Container) -> None:
    """It passes right after ADD, and names the address whose rule was taken away."""
    runtime = network_on(world, ours, ingressPolicy="same-bridge")
    good(runtime.add(container))
    good(runtime.check(container))
    world.must("nft delete element inet culvert_firewall containers4 '{ 10.77.0.2 }'")
    outcome = runtime.check(container)
    assert outcome.error()["code"] == 105 and "10.77.0.2" in outcome.error_text
    world.must("nft flush ruleset")
    assert runtime.check(container).error()["code"] == 105


@needs_culvert
def test_gc_spares_survivors(world: Host, ours: Implementation) -> None:
    """Rules of dead attachments go, those of survivors and other networks stay."""
    first, second = (network_on(world, ours, number, ingressPolicy="same-bridge") for number in (0, 1))
    one, two, three = world.add_containers(["c1", "c2", "c3"])
    for each, where in ((one, first), (two, first), (three, second)):
        good(where.add(each))
    good(first.sweep(valid_attachments(("c2", "eth0"))))
    printed = ruleset(world)
    assert "10.77.0.2" not in printed and "10.77.0.3" in printed and "10.78.0.2" in printed
    good(first.check(two))
    good(second.check(three))


@pytest.mark.parametrize("members, code, words", [
    ({"backend": "pf"}, 6, "backend"), ({"ingressPolicy": "closed"}, 6, "ingressPolicy"),
    ({"iptablesAdminChainName": "two words"}, 6, "iptablesAdminChainName"), ({"backend": 4}, 6, "backend"),
    ({"backend": "firewalld"}, 100, "firewalld"),
], ids=str)
@needs_culvert
def test_bad_input(world: Host, ours: Implementation, container: Container, members: dict[str, Any], code: int,
                   words: str) -> None:
    """One error that names the key, and nothing is changed."""
    outcome = network_on(world, ours, **members).add(container)
    assert outcome.error()["code"] == code, outcome.stdout
    assert words in json.dumps(outcome.error())
    assert ruleset(world) == ""


@needs_culvert
def test_versions(world: Host, ours: Implementation) -> None:
    """The plugin speaks from 0.4.0 on, as the reference does."""
    executable = ours.executable("firewall")
    listed = world.plugin(executable, "VERSION", {"cniVersion": "1.0.0"}).result()["supportedVersions"]
    assert listed[0] == "0.4.0" and listed[-1] == "1.1.0"
    bare = world.run([executable])
    assert bare.stderr.startswith("CNI firewall plugin v1.")


@needs_culvert
def test_what_is_printed_can_be_read_back(world: Host, ours: Implementation, container: Container) -> None:
    """`nft -f` of what nft prints makes the same ruleset."""
    runtime = network_on(world, ours, ingressPolicy="isolated")
    good(runtime.add(container))
    printed = world.must("nft list ruleset")
    world.path("/run/printed").write_text(f"flush ruleset\n{printed}", encoding="utf-8")
    world.must("nft -f /run/printed")
    assert world.must("nft list ruleset") == printed
    good(runtime.check(container))
    good(runtime.delete(container))
    assert ruleset(world) == ""
