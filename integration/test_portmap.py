# SPDX-License-Identifier: Apache-2.0
"""Published ports: real clients on every side of the host, and everything that is refused."""
from __future__ import annotations

import concurrent.futures
import json
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import left_behind
from runtime import Runtime, bridge, host_local, network, valid_attachments
from traffic import (HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, ask, fetch, ruleset, serve,
                     without_nf_tables)

DUAL = ("10.77.0.0/24", "fd77::/64")
needs_culvert = pytest.mark.needs_culvert
beats_reference = pytest.mark.beats_reference


def mapping(host_port: int, container_port: int = 80, protocol: str = "tcp", **members: Any) -> dict[str, Any]:
    """One entry of portMappings, as runtimes send it."""
    return {"hostPort": host_port, "containerPort": container_port, "protocol": protocol, **members}


def capabilities(*mappings: dict[str, Any]) -> dict[str, Any]:
    """What the runtime knows of an attachment."""
    return {"portMappings": list(mappings)}


def published(**members: Any) -> dict[str, Any]:
    """A portmap plugin's entry."""
    return {"type": "portmap", "capabilities": {"portMappings": True}, **members}


def runtime_on(host: Host, ours: Implementation, name: str = "net", subnets: tuple[str, ...] = DUAL,
               bridge_name: str = "cni0", **members: Any) -> Runtime:
    """A dual-stack network with gateways and published ports."""
    entry = bridge(host_local(*subnets), bridge=bridge_name, isDefaultGateway=True, hairpinMode=True)
    return Runtime(host, ours, network(entry, published(**members), name=name, version="1.1.0"))


@pytest.fixture
def world(host: Host) -> Host:
    """A host with an outside."""
    add_outside(host)
    return host


@pytest.fixture
def runtime(world: Host, ours: Implementation) -> Runtime:
    """The ordinary network."""
    return runtime_on(world, ours)


@pytest.fixture
def container(host: Host) -> Container:
    """One container."""
    return host.add_container("c1")


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def addresses(outcome: Outcome) -> tuple[str, str]:
    """The container's addresses."""
    first, second = (ip["address"].split("/")[0] for ip in outcome.result()["ips"])
    return first, second


# Traffic


@needs_culvert
def test_everybody_reaches_a_published_port(world: Host, runtime: Runtime, container: Container) -> None:
    """From outside with the client's address, from the host, from the container itself and from its neighbour."""
    good(runtime.add(container, capabilities=capabilities(mapping(8080))))
    serve(world, "c1", 80)
    assert fetch(world, OUTSIDE, HOST4, 8080) == f"c1 {OUTSIDER4}"
    assert fetch(world, OUTSIDE, HOST6, 8080) == f"c1 {OUTSIDER6}"
    for address in ("127.0.0.1", "127.9.9.9", HOST4, HOST6):
        assert fetch(world, None, address, 8080).startswith("c1 "), address
    for address in (HOST4, HOST6, "10.77.0.1", "fd77::1"):
        assert fetch(world, "c1", address, 8080).startswith("c1 "), address
    neighbour = world.add_container("c2")
    good(runtime.add(neighbour))
    for address in (HOST4, HOST6, "10.77.0.1"):
        assert fetch(world, "c2", address, 8080).startswith("c1 "), address
    assert fetch(world, OUTSIDE, HOST4, 8081) == "", "a port that nobody published"


@needs_culvert
def test_udp(world: Host, runtime: Runtime, container: Container) -> None:
    """Datagrams find the container, and the answers find back, in both families."""
    good(runtime.add(container, capabilities=capabilities(mapping(5353, 53, "udp"))))
    serve(world, "c1", 53, "udp")
    assert ask(world, OUTSIDE, HOST4, 5353) == f"c1 {OUTSIDER4}"
    assert ask(world, OUTSIDE, HOST6, 5353) == f"c1 {OUTSIDER6}"
    assert ask(world, None, "127.0.0.1", 5353).startswith("c1 ")
    assert ask(world, "c1", HOST4, 5353).startswith("c1 ")


@needs_culvert
def test_host_address(world: Host, runtime: Runtime, container: Container) -> None:
    """A mapping to one address is heard there and nowhere else, an unspecified one on all of its family."""
    world.must("ip addr add 192.0.2.77/24 dev wire")
    good(runtime.add(container, capabilities=capabilities(
        mapping(8080, hostIP="192.0.2.77"), mapping(8081, hostIP="0.0.0.0"), mapping(8082, hostIP="::"),
        mapping(8083, hostIP="127.0.0.1"))))
    serve(world, "c1", 80)
    assert fetch(world, OUTSIDE, "192.0.2.77", 8080) == f"c1 {OUTSIDER4}"
    assert fetch(world, OUTSIDE, HOST4, 8080) == ""
    assert fetch(world, OUTSIDE, HOST4, 8081) == f"c1 {OUTSIDER4}"
    assert fetch(world, OUTSIDE, HOST6, 8081) == ""
    assert fetch(world, OUTSIDE, HOST6, 8082) == f"c1 {OUTSIDER6}"
    assert fetch(world, OUTSIDE, HOST4, 8082) == ""
    assert fetch(world, None, "127.0.0.1", 8083).startswith("c1 ")
    assert fetch(world, OUTSIDE, HOST4, 8083) == ""


@needs_culvert
def test_ranges(world: Host, runtime: Runtime, container: Container) -> None:
    """Neighbouring ports that lead to ports of the same number are one interval; others are as good."""
    same = [mapping(port, port) for port in range(9000, 9050)]
    shifted = [mapping(port, port - 1000) for port in range(9100, 9110)]
    good(runtime.add(container, capabilities=capabilities(*same, *shifted)))
    assert "9000-9049" in ruleset(world)
    serve(world, "c1", 9000)
    serve(world, "c1", 9049)
    serve(world, "c1", 8105)
    for port in (9000, 9049, 9105):
        assert fetch(world, OUTSIDE, HOST4, port) == f"c1 {OUTSIDER4}", port
        assert fetch(world, OUTSIDE, HOST6, port) == f"c1 {OUTSIDER6}", port
    assert fetch(world, OUTSIDE, HOST4, 9050) == ""
    good(runtime.delete(container))
    assert ruleset(world) == ""


@needs_culvert
def test_source_addresses(world: Host, ours: Implementation, container: Container) -> None:
    """Without `snat` nothing is rewritten, with `masqAll` everything is."""
    plain = runtime_on(world, ours, snat=False)
    good(plain.add(container, capabilities=capabilities(mapping(8080))))
    serve(world, "c1", 80)
    assert fetch(world, OUTSIDE, HOST4, 8080) == f"c1 {OUTSIDER4}"
    assert fetch(world, "c1", HOST4, 8080, patience=1) == ""
    good(plain.delete(container))
    everything = runtime_on(world, ours, masqAll=True)
    first, second = addresses(good(everything.add(container, capabilities=capabilities(mapping(8080)))))
    assert first and second
    assert fetch(world, OUTSIDE, HOST4, 8080) == "c1 10.77.0.1"
    assert fetch(world, OUTSIDE, HOST6, 8080) == "c1 fd77::1"


@needs_culvert
def test_conditions_are_each_containers_own(world: Host, ours: Implementation) -> None:
    """The conditions of one network say nothing of another's ports."""
    strict = runtime_on(world, ours, "strict", conditionsV4=["ip", "saddr", "!=", OUTSIDER4],
                        conditionsV6=["ip6", "saddr", "!=", OUTSIDER6])
    free = runtime_on(world, ours, "free", ("10.78.0.0/24", "fd78::/64"), "cni1")
    for name, runtime, port in (("c1", strict, 8080), ("c2", free, 8081)):
        good(runtime.add(world.add_container(name), capabilities=capabilities(mapping(port))))
        serve(world, name, 80)
    assert fetch(world, OUTSIDE, HOST4, 8080) == fetch(world, OUTSIDE, HOST6, 8080) == ""
    assert fetch(world, None, HOST4, 8080).startswith("c1 ")
    assert fetch(world, OUTSIDE, HOST4, 8081) == f"c2 {OUTSIDER4}"
    assert fetch(world, OUTSIDE, HOST6, 8081) == f"c2 {OUTSIDER6}"


@needs_culvert
@pytest.mark.parametrize("moment", ["ADD", "DEL"])
def test_stale_udp_connections_are_forgotten(world: Host, runtime: Runtime, container: Container,
                                             moment: str) -> None:
    """A client that keeps sending from one port is heard by whoever has the port now."""
    settings = capabilities(mapping(5353, 53, "udp"))
    if moment == "ADD":
        # The host refuses, but remembers the connection.
        ask(world, OUTSIDE, HOST4, 5353, 40000)
        good(runtime.add(container, capabilities=settings))
    else:
        good(runtime.add(container, capabilities=settings))
        serve(world, "c1", 53, "udp")
        assert ask(world, OUTSIDE, HOST4, 5353, 40000) == f"c1 {OUTSIDER4}"
        good(runtime.delete(container))
        assert world.must("conntrack -L -p udp 2>/dev/null") == ""
        container = world.add_container("c2")
        good(runtime.add(container, capabilities=settings))
    serve(world, container.id, 53, "udp")
    assert ask(world, OUTSIDE, HOST4, 5353, 40000) == f"{container.id} {OUTSIDER4}"


# Who has a port


@needs_culvert
@pytest.mark.parametrize("first, second", [
    ({}, {}), ({"hostIP": "127.0.0.1"}, {}), ({}, {"hostIP": "127.0.0.1"}), ({}, {"hostIP": "0.0.0.0"}),
    ({"hostIP": "::"}, {}), ({"hostIP": "::1"}, {"hostIP": "::1"}),
], ids=str)
def test_a_port_that_is_taken(world: Host, runtime: Runtime, container: Container, first: dict[str, Any],
                              second: dict[str, Any]) -> None:
    """The error names the container that has it, and nothing is changed."""
    good(runtime.add(container, capabilities=capabilities(mapping(8080, **first))))
    before = ruleset(world)
    other = world.add_container("c2")
    outcome = runtime.add(other, capabilities=capabilities(mapping(8081), mapping(8080, 81, **second)))
    assert outcome.error()["code"] == 108
    assert "8080" in outcome.error_text and "c1" in outcome.error_text, outcome.stdout
    assert ruleset(world) == before
    good(runtime.add(world.add_container("c3"), capabilities=capabilities(mapping(8081))))


@needs_culvert
def test_ports_that_differ_are_free(world: Host, runtime: Runtime) -> None:
    """Another protocol, another address and a port given back."""
    settings = [mapping(8080), mapping(8080, 80, "udp"), mapping(8081, hostIP="127.0.0.1"),
                mapping(8081, hostIP=HOST4), mapping(8081, hostIP="::1")]
    containers = world.add_containers([f"c{number}" for number in range(len(settings))])
    for container, setting in zip(containers, settings):
        good(runtime.add(container, capabilities=capabilities(setting)))
    for container in containers:
        good(runtime.delete(container, capabilities={}))
    assert ruleset(world) == "" and left_behind(world, containers, ("cni0", "wire")) == {}
    good(runtime.add(containers[0], capabilities=capabilities(*settings)))


@needs_culvert
def test_the_port_of_a_dead_container(world: Host, runtime: Runtime, container: Container) -> None:
    """A container whose namespace is gone keeps nobody from its ports, and its late DEL harms nobody."""
    good(runtime.add(container, capabilities=capabilities(mapping(8080))))
    world.must("ip netns del c1")
    other = world.add_container("c2")
    good(runtime.add(other, capabilities=capabilities(mapping(8080))))
    serve(world, "c2", 80)
    good(runtime.delete(container))
    assert fetch(world, OUTSIDE, HOST4, 8080) == f"c2 {OUTSIDER4}"


@needs_culvert
def test_one_container_on_two_networks(world: Host, ours: Implementation, container: Container) -> None:
    """Runtimes ask for the ports on each network: the first has them, and the second when the first goes."""
    first = runtime_on(world, ours)
    second = runtime_on(world, ours, "other", ("10.78.0.0/24", "fd78::/64"), "cni1")
    settings = capabilities(mapping(8080), mapping(9000, 9000), mapping(9001, 9001))
    good(first.add(container, capabilities=settings))
    serve(world, "c1", 80)
    second.network["plugins"][0]["isDefaultGateway"] = False
    second.network["plugins"][0]["isGateway"] = True
    good(second.add(container, "eth1", capabilities=settings))
    for runtime, name in ((first, "eth0"), (second, "eth1")):
        good(runtime.check(container, name, capabilities=settings))
    assert "10.77.0.2 . 80" in ruleset(world) and "10.78.0.2 . 80" not in ruleset(world)
    assert fetch(world, OUTSIDE, HOST4, 8080) == f"c1 {OUTSIDER4}"
    good(first.delete(container))
    assert "10.78.0.2 . 80" in ruleset(world) and "10.77.0.2 . 80" not in ruleset(world)
    good(second.check(container, "eth1", capabilities=settings))
    assert runtime_on(world, ours).add(world.add_container("c2"), capabilities=settings).error()["code"] == 108
    good(second.delete(container, "eth1"))
    assert ruleset(world) == ""


@needs_culvert
@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_that_a_process_listens_on(world: Host, ours: Implementation, container: Container, kind: str) -> None:
    """It is refused, naming the process, unless the network waives it."""
    serve(world, None, 8080, kind)
    outcome = runtime_on(world, ours).add(container, capabilities=capabilities(mapping(8080, 80, kind)))
    assert outcome.error()["code"] == 108
    assert "8080" in outcome.error_text and "python3" in outcome.error_text, outcome.stdout
    world.must("ip netns del c1")
    good(runtime_on(world, ours, allowListening=True).add(world.add_container("c2"),
                                                          capabilities=capabilities(mapping(8080, 80, kind))))


# Verbs


@needs_culvert
def test_without_ports_there_is_nothing_to_do(world: Host, runtime: Runtime, container: Container) -> None:
    """The result goes through, and no table is made."""
    good(runtime.add(container))
    assert ruleset(world) == ""
    for call in (runtime.check, runtime.delete):
        good(call(container))


@needs_culvert
@pytest.mark.parametrize("forgotten", ["portMappings", "prevResult", "namespace", "everything"])
def test_del_knows_what_there_is(world: Host, runtime: Runtime, container: Container, forgotten: str) -> None:
    """Neither the mappings nor the result, the namespace or the record are needed."""
    before = ruleset(world)
    settings = capabilities(mapping(8080), mapping(9000, 9000), mapping(9001, 9001), mapping(53, 53, "udp", hostIP=HOST4))
    good(runtime.add(container, capabilities=settings))
    if forgotten == "everything":
        world.must("rm -rf /run/culvert")
    good(runtime.delete(
        container, remembering=forgotten not in ("prevResult", "everything"),
        capabilities={} if forgotten in ("portMappings", "everything") else settings,
        env={"CNI_NETNS": ""} if forgotten == "namespace" else {}))
    assert ruleset(world) == before == ""
    good(runtime.delete(container))


@needs_culvert
def test_check_sees_what_is_missing(world: Host, runtime: Runtime, container: Container) -> None:
    """It passes right after ADD, and names a mapping that was taken away."""
    good(runtime.add(container, capabilities=capabilities(mapping(8080), mapping(9000, 9000), mapping(9001, 9001))))
    good(runtime.check(container, capabilities=capabilities(mapping(8080))))
    world.must("nft delete element inet culvert_portmap ports4 '{ tcp . 8080 }'")
    outcome = runtime.check(container, capabilities=capabilities(mapping(8080)))
    assert outcome.error()["code"] == 105 and "8080" in outcome.error_text
    world.must("nft flush ruleset")
    assert runtime.check(container).error()["code"] == 105


@needs_culvert
def test_gc_spares_survivors(world: Host, runtime: Runtime) -> None:
    """Ports of dead attachments are given back, those of survivors and of other networks stay."""
    other = runtime_on(world, runtime.implementation, "other", ("10.78.0.0/24",), "cni1")
    one, two, three = world.add_containers(["c1", "c2", "c3"])
    good(runtime.add(one, capabilities=capabilities(mapping(8080))))
    good(runtime.add(two, capabilities=capabilities(mapping(8081))))
    good(other.add(three, capabilities=capabilities(mapping(8082))))
    good(runtime.sweep(valid_attachments(("c2", "eth0"))))
    printed = ruleset(world)
    assert "8080" not in printed and "8081" in printed and "8082" in printed
    good(runtime.add(world.add_container("c4"), capabilities=capabilities(mapping(8080))))


@needs_culvert
def test_add_again_without_del(world: Host, ours: Implementation, container: Container) -> None:
    """What a runtime forgot to delete is replaced, not added to."""
    runtime = runtime_on(world, ours)
    result = json.loads(good(runtime.add(container, capabilities=capabilities(mapping(8080)))).stdout)
    entry = runtime.network["plugins"][1]
    good(runtime.call("ADD", entry, container, previous=result, capabilities=capabilities(mapping(8081))))
    printed = ruleset(world)
    assert "8081" in printed and "8080" not in printed


@needs_culvert
def test_many_at_once(world: Host, ours: Implementation) -> None:
    """100 containers with 20 ports each, 32 at a time: every mapping is there, and none is left."""
    entry = bridge(host_local("10.77.0.0/16"), isDefaultGateway=True)
    runtime = Runtime(world, ours, network(entry, published(), version="1.1.0"))
    containers = world.add_containers([f"c{number}" for number in range(100)])
    ports = {container.id: [mapping(10000 + 20 * number + port, 80 + port) for port in range(20)]
             for number, container in enumerate(containers)}
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for outcome in pool.map(lambda each: runtime.add(each, capabilities=capabilities(*ports[each.id])), containers):
            good(outcome)
        listed = json.loads(world.must("nft -j list map inet culvert_portmap ports4"))["nftables"][1]["map"]
        assert len(listed["elem"]) == 2000
        for outcome in pool.map(runtime.delete, containers):
            good(outcome)
    assert ruleset(world) == "" and left_behind(world, containers, ("cni0", "wire")) == {}


# Bad input


@needs_culvert
@pytest.mark.parametrize("members, mappings, code, words", [
    ({}, [mapping(0)], 6, "portMappings[0].hostPort"),
    ({}, [mapping(65536)], 6, "portMappings[0].hostPort"),
    ({}, [mapping(80, 0)], 6, "portMappings[0].containerPort"),
    ({}, [mapping(80), mapping(81, protocol="icmp")], 6, "portMappings[1].protocol"),
    ({}, [mapping(80, hostIP="here")], 6, "portMappings[0].hostIP"),
    ({}, [mapping(80, 80), mapping(80, 81)], 7, "wanted twice"),
    ({"backend": "nftables", "conditionsV4": ["-s", "10.0.0.0/8"]}, [mapping(80)], 7, "iptables"),
    ({"backend": "iptables", "conditionsV4": ["ip", "saddr", "10.0.0.0/8"]}, [mapping(80)], 7, "nftables"),
    ({"conditionsV4": ["ip", "colour", "red"]}, [mapping(80)], 7, "colour"),
    ({"backend": "pf"}, [mapping(80)], 7, "pf"),
    ({"markMasqBit": 32}, [mapping(80)], 6, "markMasqBit"),
    ({"markMasqBit": 3, "externalSetMarkChain": "X"}, [mapping(80)], 6, "markMasqBit"),
], ids=lambda value: str(value)[:40])
def test_bad_input(world: Host, ours: Implementation, container: Container, members: dict[str, Any],
                   mappings: list[dict[str, Any]], code: int, words: str) -> None:
    """One error that says where, and nothing is changed."""
    outcome = runtime_on(world, ours, **members).add(container, capabilities=capabilities(*mappings))
    assert outcome.error()["code"] == code, outcome.stdout
    assert words in outcome.error_text
    assert ruleset(world) == ""


@needs_culvert
def test_a_kernel_without_nf_tables(world: Host, runtime: Runtime, container: Container) -> None:
    """The error says what is missing, and nothing is changed."""
    entry = runtime.network["plugins"][1]
    first = Runtime(world, runtime.implementation, network(runtime.network["plugins"][0]))
    result = json.loads(good(first.add(container)).stdout)

    def add(wrapper: list[str]) -> Outcome:
        return runtime.call("ADD", entry, container, previous=result, capabilities=capabilities(mapping(8080)),
                            wrapper=wrapper)
    good(add(["strace", "-f", "-qq", "-e", "trace=socket", "-o", "/run/sockets"]))
    good(runtime.call("DEL", entry, container))
    outcome = add(without_nf_tables(world.path("/run/sockets").read_text(encoding="utf-8")))
    assert "nf_tables" in outcome.error_text, outcome.stdout
    assert ruleset(world) == ""
    assert not world.path("/run/culvert/attachments/net/c1:eth0:portmap.json").exists()
    good(add([]))


@needs_culvert
def test_what_is_printed_can_be_read_back(world: Host, runtime: Runtime, container: Container) -> None:
    """`nft -f` of what nft prints makes the same ruleset."""
    good(runtime.add(container, capabilities=capabilities(
        mapping(8080), mapping(8081, hostIP=HOST4), mapping(5353, 53, "udp"),
        *(mapping(port, port) for port in range(9000, 9010)))))
    printed = world.must("nft list ruleset")
    world.path("/run/printed").write_text(f"flush ruleset\n{printed}", encoding="utf-8")
    world.must("nft -f /run/printed")
    assert world.must("nft list ruleset") == printed
    serve(world, "c1", 80)
    assert fetch(world, OUTSIDE, HOST4, 8080) == f"c1 {OUTSIDER4}"
    good(runtime.check(container))
    good(runtime.delete(container))
    assert ruleset(world) == ""


def system_calls(world: Host, runtime: Runtime, name: str, port: int) -> int:
    """How many system calls portmap's ADD of one more container takes."""
    entry = runtime.network["plugins"][1]
    container = world.add_container(name)
    result = json.loads(good(runtime.call("ADD", runtime.network["plugins"][0], container)).stdout)
    good(runtime.call("ADD", entry, container, previous=result, capabilities=capabilities(mapping(port)),
                      wrapper=["strace", "-f", "-qq", "-o", "/run/calls"]))
    return len(world.path("/run/calls").read_text(encoding="utf-8", errors="replace").splitlines())


@needs_culvert
def test_cost_does_not_grow_with_what_is_there(world: Host, ours: Implementation) -> None:
    """With 10 000 mappings present another one takes no more system calls."""
    entry = bridge(host_local("10.77.0.0/16"), isDefaultGateway=True)
    runtime = Runtime(world, ours, network(entry, published(), version="1.1.0"))
    first, second = system_calls(world, runtime, "p1", 80), system_calls(world, runtime, "p2", 81)
    for number, container in enumerate(world.add_containers([f"c{number}" for number in range(10)])):
        ports = range(20000 + 1000 * number, 21000 + 1000 * number)
        good(runtime.add(container, capabilities=capabilities(*(mapping(port, port - 19999) for port in ports))))
    assert system_calls(world, runtime, "p3", 82) <= max(first, second)
