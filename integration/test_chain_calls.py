# SPDX-License-Identifier: Apache-2.0
"""What happens to the chains of podman, nerdctl and containerd: upgrades, deaths, second networks, crowds."""
from __future__ import annotations

import concurrent.futures
import copy
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

import implementations
from chains import CHAINS, Caller, Chain, Containerd, Member, Nerdctl, Podman, Port, address, by_iptables, told
from host import Host, new_host
from implementations import REFERENCE, Implementation
from normalise import differing
from reachability import FIRST, NEIGHBOUR, ORDINARY, OWN, PUBLIC, SECOND, STRANGER, start_servers
from runtime import Network, Runtime, bridge, host_local, network, valid_attachments
from traffic import HOST4, OUTSIDE, OUTSIDER4, add_outside, fetch, serve
from world import PORTS, World, caller, good, policy, remains, stories

Sides = tuple[Implementation, Implementation]
each_chain = pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
#: One chain of each runtime.
PODMAN, NERDCTL, CONTAINERD = (next(chain for chain in CHAINS if chain.caller is kind)
                               for kind in (Podman, Nerdctl, Containerd))
each_runtime = pytest.mark.parametrize("chain", (PODMAN, NERDCTL, CONTAINERD), ids=lambda chain: chain.name)
PODS = 10


@pytest.fixture(params=["ours then theirs", "theirs then ours"])
def sides(request: pytest.FixtureRequest, ours: Implementation, reference: Implementation) -> Sides:
    """Who makes, and who goes on."""
    return (ours, reference) if request.param == "ours then theirs" else (reference, ours)


@pytest.fixture
def world(host: Host) -> Host:
    """A host with an outside."""
    add_outside(host)
    return host


def successor(world: World, implementation: Implementation, first: Caller) -> Caller:
    """The runtime after an upgrade or a downgrade: it knows what its predecessor was told."""
    second = caller(world.host, world.chain, implementation, copy.deepcopy(first.network))
    second.results = first.results
    return second


# Upgrades


@each_chain
def test_the_other_deletes(host: Host, chain: Chain, sides: Sides) -> None:
    """Of containers that one made the other leaves nothing; their ports are free, and work for the next."""
    world = World(host, chain, sides[0], change=by_iptables)
    world.attach_all()
    for first, member in world.each:
        second = successor(world, sides[1], first)
        good(Runtime.delete(second, member, **second.options(member)))
        host.must(f"ip netns del {member.name}")
    assert remains(host, world.each, records=False) == {}
    if chain.name != "podman internal":
        runtime = caller(host, chain, sides[0], chain.make(FIRST))
        good(runtime.attach(runtime.member("c9", *PORTS)))
        serve(host, "c9", 80)
        host.settle()
        assert fetch(host, OUTSIDE, HOST4, PUBLIC) == f"c9 {OUTSIDER4}"


def is_policed(chain: Chain) -> bool:
    """Whether the networks of the chain are kept apart."""
    return bool(policy(chain.make(FIRST)).get("ingressPolicy"))


def side_by_side() -> list[Any]:
    """Who may be ours; the reference keeps nobody apart from networks that are not its own and were there before."""
    unseen = pytest.mark.xfail(not implementations.testing_the_reference(), strict=True,
                               reason="nobody told us of the reference's second network")
    return [
        told(chain, mine, name=f"{chain.name}, {words}",
             marks=[unseen] if words == "the first network" and is_policed(chain) else [])
        for chain in CHAINS for words, mine in (("one of each network", {OWN, STRANGER}),
                                                ("the others", {NEIGHBOUR, ORDINARY}),
                                                ("the first network", {OWN, NEIGHBOUR}),
                                                ("the second network", {STRANGER}))
    ]


@pytest.mark.parametrize("chain, mine", side_by_side())
def test_containers_of_both_side_by_side(host: Host, chain: Chain, mine: set[str], ours: Implementation) -> None:
    """During an upgrade containers of both share networks, and reach each other as before."""
    world = World(host, chain, REFERENCE, {name: ours for name in mine})
    world.attach_all()
    start_servers(host)
    reached = world.measure("1")
    expected = {setting: stories(chain, ours)[1].reached[setting] for setting in reached}
    assert (left := differing(reached, expected)) == [], "\n".join(left)


@pytest.mark.needs_culvert
@pytest.mark.parametrize("chain", [told(chain) for chain in CHAINS if is_policed(chain)])
@pytest.mark.parametrize("way", ["reload", "ADD"])
def test_a_network_of_theirs_that_came_later(host: Host, chain: Chain, way: str, ours: Implementation) -> None:
    """Ours is kept apart from it with the next ADD of ours, or by `culvert reload`."""
    world = World(host, chain, REFERENCE, {OWN: ours, NEIGHBOUR: ours})
    world.attach_all()
    runtime = world.each[0][0]
    if way == "reload":
        good(host.run([os.path.join(implementations.build_directory(), "culvert"), "reload"]))
    else:
        good(runtime.attach(runtime.member("c9")))
    start_servers(host)
    reached = world.measure("1")
    expected = {setting: stories(chain, ours)[1].reached[setting] for setting in reached}
    assert (left := differing(reached, expected)) == [], "\n".join(left)


# Deaths


@pytest.mark.beats_reference
@each_chain
def test_nothing_is_left_of_the_dead(host: Host, chain: Chain, ours: Implementation) -> None:
    """Namespaces that are gone before their DEL take nothing with them that it should have removed."""
    world = World(host, chain, ours)
    world.attach_all()
    for _, member in world.each:
        host.remove_container(member.plain)
    world.detach_all()
    assert remains(host, world.each) == {}


@pytest.mark.beats_reference
@each_runtime
def test_a_container_that_runs_again(world: Host, chain: Chain, ours: Implementation) -> None:
    """The same id in a new namespace, its DEL having come or not: it has its ports again."""
    runtime = caller(world, chain, ours, chain.make(FIRST))
    for again in range(3):
        member = runtime.member("c1", *PORTS)
        good(runtime.attach(member))
        server = serve(world, "c1", 80)
        world.settle()
        assert fetch(world, OUTSIDE, HOST4, PUBLIC) == f"c1 {OUTSIDER4}", again
        assert server.stdin
        server.stdin.close()
        server.wait()
        world.remove_container(member.plain)
        if again != 1 or chain is not NERDCTL:
            good(runtime.detach(member))
    assert remains(world, [(runtime, member)]) == {}


@pytest.mark.needs_culvert
def test_two_deletes_at_once(world: Host, ours: Implementation) -> None:
    """kubelet may ask twice at the same moment; both are told that it is done."""
    runtime = caller(world, CONTAINERD, ours, CONTAINERD.make(FIRST))
    for number in range(5):
        member = runtime.member(f"p{number}", *PORTS)
        good(runtime.attach(member))
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            for outcome in both.map(runtime.detach, [member, member]):
                good(outcome)
        assert remains(world, [(runtime, member)]) == {}


# More than one


def second_network(runtime: Caller, member: Member, chain: Chain) -> Caller:
    """The same container's second network."""
    other = caller(runtime.host, chain, runtime.implementation, chain.make(SECOND))
    good(other.add(member, "eth1", **other.options(member)))
    return other


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first leaves first", "second leaves first"])
@each_runtime
def test_two_networks_with_the_same_ports(world: Host, chain: Chain, order: tuple[int, int],
                                          ours: Implementation) -> None:
    """Runtimes send the ports of a container to each of its networks: whichever stays, they are heard."""
    runtime = caller(world, chain, ours, chain.make(FIRST))
    member = runtime.member("c1", *PORTS)
    good(runtime.attach(member))
    attachments = ((runtime, "eth0"), (second_network(runtime, member, chain), "eth1"))
    serve(world, "c1", 80)
    world.settle()
    assert fetch(world, OUTSIDE, HOST4, PUBLIC) == f"c1 {OUTSIDER4}"
    for position, heard in zip(order, (True, False)):
        each, interface = attachments[position]
        good(Runtime.delete(each, member, interface, **each.options(member)))
        assert fetch(world, None, "127.0.0.1", PUBLIC).startswith("c1 ") is heard
    assert remains(world, [(each, member) for each, _ in attachments]) == {}


def test_one_port_for_many(world: Host, ours: Implementation) -> None:
    """Of ten pods that want the same port at the same moment it is heard from one, whoever that is."""
    runtime = caller(world, CONTAINERD, ours, CONTAINERD.make(FIRST))
    pods = [runtime.member(f"p{number}", Port(PUBLIC, 80)) for number in range(PODS)]
    with concurrent.futures.ThreadPoolExecutor(PODS) as crowd:
        outcomes = list(crowd.map(runtime.attach, pods))
        having = [pod for pod, outcome in zip(pods, outcomes) if outcome.ok]
        for pod in having:
            serve(world, pod.name, 80)
        assert fetch(world, OUTSIDE, HOST4, PUBLIC) in [f"{pod.name} {OUTSIDER4}" for pod in having]
        assert len(having) == 1 or implementations.testing_the_reference()
        for outcome in crowd.map(runtime.detach, pods):
            good(outcome)
    assert remains(world, [(runtime, pod) for pod in pods]) == {}


@pytest.mark.beats_reference
@each_runtime
def test_check_of_two_networks_with_the_same_ports(world: Host, chain: Chain, ours: Implementation) -> None:
    """Both attachments are as they should be, although only one of them can have the ports."""
    runtime = caller(world, chain, ours, chain.make(FIRST))
    member = runtime.member("c1", *PORTS)
    good(runtime.attach(member))
    other = second_network(runtime, member, chain)
    good(runtime.check(member, **runtime.options(member)))
    good(other.check(member, "eth1", **other.options(member)))


@pytest.mark.parametrize("change", [copy.deepcopy, by_iptables], ids=["default", "iptables"])
def test_pods_at_once(world: Host, ours: Implementation, change: Callable[[Network], Network]) -> None:
    """Ten sandboxes come together, are all heard, and go together."""
    runtime = caller(world, CONTAINERD, ours, change(CHAINS[-1].make(FIRST)))
    pods = [runtime.member(f"p{number}", Port(9000 + number, 80)) for number in range(PODS)]
    with concurrent.futures.ThreadPoolExecutor(PODS) as crowd:
        for outcome in crowd.map(runtime.attach, pods):
            good(outcome)
        for pod in pods:
            serve(world, pod.name, 80)
        heard = crowd.map(lambda pod: fetch(world, OUTSIDE, HOST4, pod.ports[0].host_port), pods)
        assert list(heard) == [f"{pod.name} {OUTSIDER4}" for pod in pods]
        for outcome in crowd.map(runtime.detach, pods):
            good(outcome)
    assert remains(world, [(runtime, pod) for pod in pods]) == {}


@pytest.mark.needs_culvert
def test_collecting_the_forgotten(world: Host, ours: Implementation) -> None:
    """GC of the whole chain takes away what belongs to pods that are no more, and nothing else."""
    runtime = caller(world, CONTAINERD, ours, {**CHAINS[-1].make(FIRST), "cniVersion": "1.1.0"})
    kept, forgotten = runtime.member("c1", *PORTS), runtime.member("c2", Port(9000, 80))
    for member in (kept, forgotten):
        good(runtime.attach(member))
    world.remove_container(forgotten.plain)
    good(runtime.sweep(valid_attachments((kept.id, "eth0"))))
    serve(world, "c1", 80)
    assert fetch(world, OUTSIDE, HOST4, PUBLIC) == f"c1 {OUTSIDER4}"
    good(runtime.check(kept, **runtime.options(kept)))
    good(runtime.detach(kept))
    assert remains(world, [(runtime, kept), (runtime, forgotten)]) == {}


# Choices


CHOSEN = (
    (PODMAN, {"args": "IgnoreUnknown=1;K8S_POD_NAME=c1;MAC=02:aa:bb:cc:dd:01;IP=10.81.0.77"}),
    (PODMAN, {"capabilities": {"ips": ["10.81.0.77", "fd81::77"]},
              "args": "IgnoreUnknown=1;K8S_POD_NAME=c1;MAC=02:aa:bb:cc:dd:01"}),
    (NERDCTL, {"args": "IgnoreUnknown=1;IP=10.81.0.77;MAC=02:aa:bb:cc:dd:01", "capabilities": {"ips": ["fd81::77"]}}),
)


@pytest.mark.parametrize("chain, options", CHOSEN, ids=["podman", "podman, both families", "nerdctl"])
def test_chosen_addresses(chain: Chain, options: dict[str, Any], ours: Implementation) -> None:
    """Addresses that a user asked for are given and reported as the reference does it."""
    seen = []
    for implementation in (ours, REFERENCE):
        with new_host() as host:
            runtime = caller(host, chain, implementation, chain.make(FIRST))
            result = good(runtime.add(runtime.member("c1"), **options)).result()
            link = next(link for link in host.links("/run/netns/c1") if link["ifname"] == "eth0")
            assert link["address"] == "02:aa:bb:cc:dd:01"
            result["interfaces"][2].pop("mtu", None)  # Only ours tell (D41).
            seen.append((result["interfaces"][2], result["ips"], result["routes"]))
    assert seen[0] == seen[1]
    assert [each["address"].split("/")[0][-2:] for each in seen[0][1]][0] == "77"


def routed_by_source(host: Host, implementation: Implementation) -> dict[str, Any]:
    """A container with a second interface whose answers leave by it: what comes through, and what routes there are."""
    add_outside(host)
    first = caller(host, CONTAINERD, implementation, CONTAINERD.make(FIRST))
    ipam = host_local("10.82.0.0/24", routes=[{"dst": "0.0.0.0/0"}])
    second = Runtime(host, implementation, network(bridge(ipam, bridge="cni2", isGateway=True), {"type": "sbr"},
                                                   name="second"))
    member = first.member("c1")
    good(first.attach(member))
    result = good(second.add(member, "net1")).result()
    serve(host, "c1", 80)
    serve(host, OUTSIDE, 80)
    found = {
        "addresses and routes": (result["ips"], result["routes"]),
        "to the first": fetch(host, OUTSIDE, address(FIRST, 4, 2), 80),
        "to the second": fetch(host, OUTSIDE, address(SECOND, 4, 2), 80),
        "from anywhere": fetch(host, "c1", OUTSIDER4, 80),
        "from the second": host.run(["curl", "-s", "-m", "2", "--interface", address(SECOND, 4, 2),
                                     f"http://{OUTSIDER4}/"], netns=member.netns).stdout,
        "rules": json.loads(host.run(["ip", "-j", "rule"], netns=member.netns).stdout),
        "routes": [route for route in json.loads(host.run(["ip", "-j", "route", "show", "table", "all"],
                                                          netns=member.netns).stdout)
                   if not route["dst"].startswith("fe80:")],
    }
    good(second.delete(member, "net1"))
    found["rules in the end"] = json.loads(host.run(["ip", "-j", "rule"], netns=member.netns).stdout)
    good(first.detach(member))
    return found


def test_second_interface_routed_by_source(ours: Implementation) -> None:
    """Answers leave by the interface that the question came in by, with the same rules and routes."""
    seen = []
    for implementation in (ours, REFERENCE):
        with new_host() as host:
            seen.append(routed_by_source(host, implementation))
    assert (left := differing(seen[0], seen[1])) == [], "\n".join(left)
    assert seen[0]["to the second"] == f"c1 {OUTSIDER4}"
    assert seen[0]["from the second"] == f"outside {address(SECOND, 4, 2)}"
