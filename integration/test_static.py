# SPDX-License-Identifier: Apache-2.0
"""The IPAM plugin `static`: beside the reference, on a bridge with traffic, killed anywhere, and its claims."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import differences
from cases import Case, change, life
from faults import Bench, Point, refusals, thinned, try_all
from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import LEASES, left_behind, read_tree
from normalise import differing
from runtime import Network, Runtime, bridge, host_local, network, valid_attachments
from test_differential import play
from test_killed import killed_add, killed_delete, points_of, refused_add, refused_delete

CLAIMS = "/run/culvert/static"
VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")
Json = dict[str, Any]
needs_culvert = pytest.mark.needs_culvert
beats_reference = pytest.mark.beats_reference


def static(*addresses: str | Json, **members: Any) -> Json:
    """An ipam object that names addresses."""
    listed = [{"address": entry} if isinstance(entry, str) else entry for entry in addresses]
    return {"type": "static", **({"addresses": listed} if listed else {}), **members}


def named(*ips: Any, by: str = "args") -> Json:
    """What a runtime names in place of what is configured."""
    return {"args": {"cni": {"ips": list(ips)}}} if by == "args" else {"runtimeConfig": {"ips": list(ips)}}


V4, V6 = "10.77.0.5/24", "fd77::5/64"
WITH_GATEWAY = {"address": V4, "gateway": "10.77.0.1"}
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "192.0.2.0/24", "gw": "10.77.0.9"}, {"dst": "::/0", "gw": "fd77::1"}]
NAMES = {"nameservers": ["10.77.0.1", "fd77::1"], "domain": "example", "search": ["a", "b"], "options": ["ndots:2"]}

#: What is the same on both sides, result or refusal: the ipam object, other members, CNI_ARGS.
SAME: dict[str, tuple[Json | None, Json, str]] = {
    "one address": (static(V4), {}, ""),
    "one address with a gateway": (static(WITH_GATEWAY), {}, ""),
    "an empty gateway": (static({"address": V4, "gateway": ""}), {}, ""),
    "IPv6": (static({"address": V6, "gateway": "fd77::1"}), {}, ""),
    "both families": (static(V6, WITH_GATEWAY), {}, ""),
    "two of a family": (static(V4, "10.78.0.5/24"), {}, ""),
    "one address, two prefixes": (static(V4, "10.77.0.5/16"), {}, ""),
    "mapped IPv6": (static("::ffff:10.77.0.5/120"), {}, ""),
    "odd text of IPv6": (static("FD77:0:0::0:5/64"), {}, ""),
    "the network's own address": (static("10.77.0.0/24", "fd77::/64"), {}, ""),
    "prefixes of all lengths": (static("10.77.0.5/0"), {}, ""),
    "everybody in the network": (static("10.77.0.255/24"), {}, ""),
    "one host": (static("10.77.0.255/32", "fd77::5/128"), {}, ""),
    "point to point": (static("10.77.0.1/31"), {}, ""),
    "gateway elsewhere": (static({"address": V4, "gateway": "192.0.2.1"}), {}, ""),
    "gateway of the other family": (static({"address": V4, "gateway": "fd77::1"}), {}, ""),
    "gateway for itself": (static({"address": V4, "gateway": "10.77.0.5"}), {}, ""),
    "routes and names": (static(V4, V6, routes=ROUTES, dns=NAMES), {}, ""),
    "names of the network": (static(V4), {"dns": NAMES}, ""),
    "other members": (static(V4, gateway="10.77.0.1", subnet="10.77.0.0/24"), {"isGateway": True}, ""),
    "any case": ({"type": "static", "ADDRESSES": [{"ADDRESS": V4, "Gateway": "10.77.0.1"}], "Routes": ROUTES}, {}, ""),
    "argument": (static(), {}, "IP=10.77.0.6/24"),
    "argument with a gateway": (static(), {}, "IP=10.77.0.6/24;GATEWAY=10.77.0.1"),
    "arguments with gateways": (static(), {}, "IP=10.77.0.6/24, fd77::6/64;GATEWAY=fd77::1, 10.77.0.1,10.99.0.1"),
    "last gateway counts": (static(), {}, "IP=10.77.0.6/24;GATEWAY=10.77.0.1,10.77.0.2"),
    "argument besides": (static(WITH_GATEWAY), {}, "IP=fd77::6/64"),
    "argument besides, one family": (static(WITH_GATEWAY), {}, "IP=10.77.0.6/24"),
    "empty argument": (static(V4), {}, "IP="),
    "Kubernetes' arguments": (static(V4), {}, "IgnoreUnknown=1;K8S_POD_NAME=a;IP=fd77::6/64"),
    "gateway for nobody": (static(V4), {}, "GATEWAY=192.0.2.1"),
    "gateway is known": (static(WITH_GATEWAY), {}, "GATEWAY=10.77.0.254"),
    "args": (static(WITH_GATEWAY), named("10.77.0.7/24", "fd77::7/64"), "IP=10.77.0.6/24"),
    "capability": (static(WITH_GATEWAY), named("10.77.0.8/24", by="capability"), ""),
    "args and capability": (static(V4), {**named(V6), **named("10.77.0.8/24", by="capability")}, "IP=10.77.0.6/24"),
    "empty lists": (static(V4), {**named(), **named(by="capability")}, ""),
    "nonsense that is replaced": (static("green"), named("10.77.0.7/24"), ""),
    # Refused
    "no ipam": (None, {}, ""),
    "no prefix": (static("10.77.0.5"), {}, ""),
    "no address": (static({"gateway": "10.77.0.1"}), {}, ""),
    "empty address": (static(""), {}, ""),
    "a word": (static("green"), {}, ""),
    "long prefix": (static("10.77.0.5/33"), {}, ""),
    "leading zero": (static("10.77.0.05/24"), {}, ""),
    "blank": (static(" 10.77.0.5/24"), {}, ""),
    "second is wrong": (static(V4, "green"), {}, ""),
    "gateway is a word": (static({"address": V4, "gateway": "green"}), {}, ""),
    "gateway has a prefix": (static({"address": V4, "gateway": "10.77.0.1/24"}), {}, ""),
    "addresses are an object": ({"type": "static", "addresses": {}}, {}, ""),
    "addresses are strings": ({"type": "static", "addresses": [V4]}, {}, ""),
    "routes are an object": (static(V4, routes={}), {}, ""),
    "names are a list": (static(V4, dns=[]), {}, ""),
    "argument without prefix": (static(V4), {}, "IP=10.77.0.6"),
    "argument with an empty end": (static(V4), {}, "IP=10.77.0.6/24,"),
    "argument is wrong and replaced": (static(V4), named("10.77.0.7/24"), "IP=green"),
    "gateway argument is a word": (static(V4), {}, "GATEWAY=green"),
    "unknown argument": (static(V4), {}, "FOO=1"),
    "args without prefix": (static(V4), named("10.77.0.7"), ""),
    "args with a blank": (static(V4), named(" 10.77.0.7/24"), ""),
    "args with a number": (static(V4), named(17), ""),
    "capability without prefix": (static(V4), named("10.77.0.7", by="capability"), ""),
}
#: What the reference accepts, and no container could use.
USELESS = {
    "nothing": static(),
    "no IPv4 address": static("0.0.0.0/24"),
    "no IPv6 address": static("::/64"),
    "a group": static("224.0.0.5/24"),
    "a group of IPv6": static("ff02::5/64"),
    "everybody": static("255.255.255.255/32"),
    "one address twice": static(V4, V6, V4),
    "one address of IPv6 twice": static(V6, "fd77::5/48"),
}
#: What only ours makes sense of, and the result.
SENSE: dict[str, tuple[Json, Json, str, list[Json]]] = {
    "gateway for a configured address": (static(V4), {}, "GATEWAY=10.77.0.254",
                                         [{"address": V4, "gateway": "10.77.0.254"}]),
    "gateway for args": (static(WITH_GATEWAY), named("10.77.0.7/24"), "GATEWAY=10.77.0.1",
                         [{"address": "10.77.0.7/24", "gateway": "10.77.0.1"}]),
    "argument repeats the configuration": (static(WITH_GATEWAY), {}, f"IP={V4}", [WITH_GATEWAY]),
    "MAC in arguments": (static(V4), {}, "MAC=02:00:00:00:00:07", [{"address": V4}]),
    "key as Go names it": ({"type": "static", "addresses": [{"Address": V4}]}, {}, "", [{"address": V4}]),
}


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def call(host: Host, side: Implementation, verb: str, ipam: Json | None, members: Json | None = None, args: str = "",
         version: str = "1.0.0", container: str = "c1", **options: Any) -> Outcome:
    """Calls the plugin itself, for a network of no bridge."""
    document = {"cniVersion": version, "name": "net", "type": "macvlan", **(members or {})}
    if ipam is not None:
        document["ipam"] = ipam
    return host.plugin(side.executable("static"), verb, document, args=args, cni_path=side.cni_path,
                       container=Container(container, f"/run/netns/{container}"), **options)


def claims(host: Host, name: str = "net") -> dict[str, str]:
    """The network's claims: address to owner."""
    tree = read_tree(host.path(f"{CLAIMS}/{name}"))
    return {path: entry["content"] for path, entry in tree.items() if path != "lock" and "eth" not in path}


def files(host: Host, name: str = "net") -> set[str]:
    """Everything beside the lock."""
    return set(read_tree(host.path(f"{CLAIMS}/{name}"))) - {"lock"}


def words(outcome: Outcome) -> Any:
    """A result without what docs/differences.md says of empty names, or that there is none."""
    if not outcome.ok:
        assert outcome.error()["code"]
        return "refused"
    if not outcome.stdout:
        return "done"
    result = json.loads(outcome.stdout)
    if result["cniVersion"] == "1.0.0" and result.get("dns") == {}:
        del result["dns"]
    return result


@pytest.mark.parametrize("name", SAME)
def test_same_as_the_reference(name: str, host: Host, ours: Implementation, reference: Implementation) -> None:
    """All versions: the same result of ADD, or a refusal; the same verdicts of CHECK; DEL leaves no claim."""
    ipam, members, args = SAME[name]
    for version in VERSIONS:
        sides = [call(host, side, "ADD", ipam, members, args, version) for side in (ours, reference)]
        assert words(sides[0]) == words(sides[1]), f"{version}: {sides}"
        if version >= "0.4.0" and sides[1].ok:
            given = json.loads(sides[1].stdout)
            elsewhere = [{**ip, "gateway": "10.99.0.9"} for ip in given["ips"]]
            for previous in (given, {**given, "ips": elsewhere}, {**given, "ips": []}, None):
                known = {**members, **({} if previous is None else {"prevResult": previous})}
                checks = [call(host, side, "CHECK", ipam, known, args, version) for side in (ours, reference)]
                assert words(checks[0]) == words(checks[1]), f"{version} {previous}: {checks}"
        assert [good(call(host, side, "DEL", ipam, members, args, version)).stdout for side in (ours, reference)] == [
            "", ""]
        assert files(host) == set()


@beats_reference
@pytest.mark.parametrize("name", USELESS)
def test_useless_addresses_are_refused(name: str, host: Host, ours: Implementation) -> None:
    """Before anything is made, with the place."""
    outcome = call(host, ours, "ADD", USELESS[name])
    assert outcome.error()["code"] == 7
    assert "ipam.addresses" in outcome.error_text
    assert files(host) == set()


@beats_reference
@pytest.mark.parametrize("name", SENSE)
def test_sense_is_made(name: str, host: Host, ours: Implementation) -> None:
    """What was surely meant."""
    ipam, members, args, expected = SENSE[name]
    assert good(call(host, ours, "ADD", ipam, members, args)).result()["ips"] == expected


@needs_culvert
def test_useless_addresses_are_useless(host: Host, reference: Implementation) -> None:
    """With the reference a container with such an address is not reached, or not even made."""
    host.must("ip link add br9 up type bridge; ip addr add 10.77.0.1/24 dev br9; ip addr add fd77::1/64 dev br9 nodad")
    for number, name in enumerate(USELESS):
        container = host.add_container(f"u{number}")
        outcome = Runtime(host, reference, network(bridge(USELESS[name], bridge="br9"))).add(container)
        if outcome.ok:
            address = USELESS[name]["addresses"][0]["address"].split("/")[0]
            ping = ["ping", "-n", "-c", "1", "-W", "1", "-I", address, "fd77::1" if ":" in address else "10.77.0.1"]
            assert not host.run(ping, netns=container.netns).ok, name


BRIDGED = [
    Case("static", network(bridge(static(WITH_GATEWAY, routes=[{"dst": "0.0.0.0/0"}]), isGateway=True))),
    Case("static for an old version", network(bridge(static(WITH_GATEWAY), isGateway=True), version="0.2.0"),
         life("0.2.0")),
    Case("static, both families", network(bridge(static(V4, V6, routes=ROUTES[:2]), isGateway=True))),
    Case("static without a gateway", network(bridge(static(V4)))),
    Case("static by arguments", network(bridge(static(), isGateway=True)), 
         args="IgnoreUnknown=1;IP=10.77.0.6/24;GATEWAY=10.77.0.1"),
    Case("static as a capability", network(bridge(static(V4), isGateway=True, capabilities={"ips": True})),
         capabilities={"ips": ["10.77.0.7/24", "fd77::7/64"]}),
    Case("static after the namespace died", network(bridge(static(V4), isGateway=True)),
         ("ADD c1", "DIE c1", "DEL c1", "ADD c2", "DEL c2")),
    Case("static, refused", network(bridge(static("10.77.0.5"))), ("ADD c1", "DEL c1"), fails=True),
    change(Case("static, no addresses", network(bridge(static()))), steps=("ADD c1", "DEL c1"), fails=True),
]


@pytest.mark.parametrize("case", BRIDGED, ids=lambda case: case.name)
def test_bridge_as_with_the_reference(case: Case, ours: Implementation, reference: Implementation) -> None:
    """The chain leaves the same in the kernel as two reference plugins."""
    mine, theirs = play(case, ours), play(case, reference)
    differences.erase(mine, theirs, differences.EVERYWHERE)
    assert (left := differing(mine, theirs)) == [], "\n".join(left)
    if case.fails:
        assert mine[1]["ok"] is False


def reaches(host: Host, container: Container, address: str) -> bool:
    """Whether a ping comes back within five seconds."""
    return host.run(["ping", "-n", "-q", "-c", "1", "-w", "5", address], netns=container.netns).ok


def on_bridge(host: Host, side: Implementation, *addresses: str, **members: Any) -> Runtime:
    """A network of one bridge that is the gateway."""
    return Runtime(host, side, network(bridge(static(*addresses, routes=[{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]),
                                              isGateway=True, **members)))


@needs_culvert
def test_life_on_a_bridge(host: Host, ours: Implementation) -> None:
    """Two containers with addresses of their own reach each other and the gateway in both families."""
    containers = host.add_containers(["c1", "c2"])
    runtimes = [on_bridge(host, ours, f"10.77.0.{number}/24", f"fd77::{number}/64") for number in (5, 6)]
    for runtime, container in zip(runtimes, containers):
        good(runtime.add(container))
        good(runtime.check(container))
    assert claims(host) == {"10.77.0.5": "c1\r\neth0", "fd77::5": "c1\r\neth0",
                            "10.77.0.6": "c2\r\neth0", "fd77::6": "c2\r\neth0"}
    for target in ("10.77.0.1", "10.77.0.6", "fd77::1", "fd77::6"):
        assert reaches(host, containers[0], target), target
    for runtime, container in zip(runtimes, containers):
        good(runtime.delete(container))
        good(runtime.delete(container))
    assert files(host) == set() and left_behind(host, containers) == {}


@needs_culvert
def test_no_program_is_run_and_no_table_read(host: Host, ours: Implementation) -> None:
    """bridge calls static in its own process, which asks the kernel single questions."""
    runtime = on_bridge(host, ours, V4, V6)
    first = host.add_container("c1")
    trace = ["strace", "-f", "-qq", "-s", "256", "-o", "/run/trace", "-e", "trace=execve,sendto,sendmsg"]
    for _ in range(2):  # Of a bridge that is new, and of one that is there.
        good(runtime.add(first, wrapper=trace))
        assert host.path("/run/trace").read_text().count("execve(") == 1
        good(runtime.delete(first))
    document = {"cniVersion": "1.0.0", "name": "net", **bridge(static(V4, V6))}
    good(host.plugin(ours.executable("static"), "ADD", document, container=first, wrapper=trace))
    calls = host.path("/run/trace").read_text()
    assert calls.count("execve(") == 1 and "DUMP" not in calls
    # The bridge, and of each address the way to it and the neighbour.
    assert calls.count("send") == 5, calls


@beats_reference
def test_second_container_is_refused(host: Host, ours: Implementation) -> None:
    """It is told who has the address, nothing is left of it, and the first one notices nothing."""
    runtime = on_bridge(host, ours, V4, V6)
    one, two = host.add_containers(["c1", "c2"])
    good(runtime.add(one))
    outcome = runtime.add(two)
    assert outcome.error()["code"] == 104
    assert "10.77.0.5" in outcome.error_text and "c1 eth0" in outcome.error_text
    good(runtime.delete(two))
    assert [link["ifname"] for link in host.links(two.netns)] == ["lo"]
    assert set(claims(host).values()) == {"c1\r\neth0"}
    good(runtime.check(one))
    assert reaches(host, one, "10.77.0.1")
    good(runtime.delete(one))
    good(runtime.add(two))


@beats_reference
def test_half_of_it_is_taken(host: Host, ours: Implementation) -> None:
    """All addresses or none."""
    good(call(host, ours, "ADD", static("10.77.0.6/24"), container="c2"))
    assert call(host, ours, "ADD", static(V4, "10.77.0.6/24")).error()["code"] == 104
    assert claims(host) == {"10.77.0.6": "c2\r\neth0"}


def test_add_again_returns_the_same(host: Host, ours: Implementation) -> None:
    """Of the same attachment ADD can be repeated, and DEL too."""
    answers = [good(call(host, ours, "ADD", static(V4, V6))).result() for _ in range(2)]
    assert answers[0] == answers[1]
    for _ in range(2):
        good(call(host, ours, "DEL", static(V4, V6)))
    good(call(host, ours, "ADD", static(V4), container="c2"))


@beats_reference
def test_lease_of_host_local_is_respected(host: Host, ours: Implementation) -> None:
    """The network was host-local's before, and a container of that time still runs."""
    container = host.add_container("c9")
    good(Runtime(host, ours, network(bridge(host_local("10.77.0.0/24")))).add(container))
    text = call(host, ours, "ADD", static("10.77.0.2/24")).error_text
    assert "c9 eth0" in text and f"{LEASES}/net/10.77.0.2" in text
    good(call(host, ours, "ADD", static("10.77.0.3/24")))
    good(call(host, ours, "ADD", static("10.77.0.2/24", dataDir="/run/elsewhere")))


def attach_station(host: Host, name: str, *addresses: str) -> None:
    """A container that nobody knows of, on the bridge, which the host has talked to."""
    host.must(f"ip netns add {name}; ip link add port-{name} up master cni0 type veth peer name eth0 netns {name}")
    host.must("ip link set eth0 up" + "".join(f"; ip addr add {one} dev eth0 nodad" for one in addresses),
              netns=f"/run/netns/{name}")
    for one in addresses:
        host.must(f"ping -n -q -c 1 -w 10 {one.split('/')[0]}")


@beats_reference
def test_station_on_the_bridge_is_respected(host: Host, ours: Implementation) -> None:
    """Somebody answers for the address on the network's own bridge: the host knows, and nobody has to wait."""
    neighbour, container = host.add_containers(["c9", "c1"])
    good(on_bridge(host, ours, "10.77.0.9/24", "fd77::9/64").add(neighbour))
    attach_station(host, "strange", V4, V6)
    mac = next(link["address"] for link in host.links("/run/netns/strange") if link["ifname"] == "eth0")
    for address in (V4, V6):
        outcome = on_bridge(host, ours, address).add(container)
        assert outcome.error()["code"] == 104
        assert mac in outcome.error_text and address.split("/")[0] in outcome.error_text
    # The same address on another network's bridge is nobody's business.
    other = Runtime(host, ours, network(bridge(static(V4), bridge="cni1"), name="other"))
    good(other.add(container, "eth1"))
    host.must("ip netns del strange; ip link del port-strange 2>/dev/null || :")
    good(on_bridge(host, ours, V4, V6).add(container))


@beats_reference
def test_successor_gets_the_address_at_once(host: Host, ours: Implementation) -> None:
    """The host still remembers the predecessor, who had just this address, and another MAC."""
    runtime = on_bridge(host, ours, V4, V6)
    good(on_bridge(host, ours, "10.77.0.9/24", "fd77::9/64").add(host.add_container("c9")))
    for number in range(3):
        container = host.add_container(f"c{number}")
        good(runtime.add(container))
        for address in ("10.77.0.5", "fd77::5"):
            host.must(f"ping -n -q -c 1 -w 2 {address}")
            assert address in host.must("ip neighbour show nud reachable nud stale nud delay dev cni0")
        good(runtime.delete(container))


@pytest.mark.parametrize("address", ["10.77.0.1/24", "fd77::1/64", "192.0.2.77/24", "127.0.0.5/8"])
@beats_reference
def test_own_address_of_the_host_is_respected(address: str, host: Host, ours: Implementation) -> None:
    """On whatever link the host has it."""
    good(on_bridge(host, ours, "10.77.0.9/24", "fd77::9/64").add(host.add_container("c9")))
    host.must("ip link add up0 up type bridge; ip addr add 192.0.2.77/24 dev up0")
    outcome = on_bridge(host, ours, address).add(host.add_container("c1"))
    assert outcome.error()["code"] == 104 and "this host's own" in outcome.error_text


@needs_culvert
@pytest.mark.parametrize("whose", ["bridge", "both"])
def test_delete_by_the_reference(whose: str, host: Host, ours: Implementation, reference: Implementation) -> None:
    """It frees no claim; when the container is gone, the next one gets its address all the same, and GC cleans up."""
    runtime, theirs = (on_bridge(host, side, V4, V6) for side in (ours, reference))
    one, two = host.add_containers(["c1", "c2"])
    good(runtime.add(one))
    theirs.results = dict(runtime.results)
    cni_path = f"{ours.directory}:{reference.directory}" if whose == "bridge" else str(reference.directory)
    document = theirs.stdin(theirs.network["plugins"][0], theirs.results[one.id, "eth0"])
    good(host.plugin(reference.executable("bridge"), "DEL", document, container=one, cni_path=cni_path))
    if whose == "bridge":  # It executes our static.
        assert files(host) == set()
        good(runtime.add(two))
        return
    assert set(claims(host).values()) == {"c1\r\neth0"}
    assert runtime.add(two).error()["code"] == 104
    host.remove_container(one)
    good(runtime.add(two))
    assert set(claims(host).values()) == {"c2\r\neth0"} and files(host) == {"10.77.0.5", "fd77::5", "c2:eth0"}
    good(runtime.check(two))
    assert reaches(host, two, "10.77.0.1")


@needs_culvert
def test_executed_by_the_reference(host: Host, ours: Implementation, reference: Implementation) -> None:
    """As IPAM of the reference's bridge, by name on CNI_PATH; a dead container's claim is no obstacle here either."""
    runtime = on_bridge(host, reference, V4, V6)
    runtime.implementation = Implementation("mixed", ours.directory)
    entry = runtime.network["plugins"][0]

    def bridge_of_reference(verb: str, container: Container, previous: Any = None) -> Outcome:
        return host.plugin(reference.executable("bridge"), verb, runtime.stdin(entry, previous), container=container,
                           cni_path=f"{ours.directory}:{reference.directory}")

    one, two, three = host.add_containers(["c1", "c2", "c3"])
    result = good(bridge_of_reference("ADD", one)).result()
    assert [ip["address"] for ip in result["ips"]] == [V4, V6]
    good(bridge_of_reference("CHECK", one, result))
    assert "c1 eth0" in bridge_of_reference("ADD", two).error_text
    host.must(f"ip netns exec {two.id} ip link del eth0 2>/dev/null || :")
    host.remove_container(one)
    good(bridge_of_reference("ADD", two))
    good(bridge_of_reference("DEL", two))
    good(bridge_of_reference("ADD", three))


@needs_culvert
def test_delete_needs_nothing(host: Host, ours: Implementation) -> None:
    """Neither namespace nor sense in the configuration."""
    container = host.add_container("c1")
    good(on_bridge(host, ours, V4).add(container))
    host.remove_container(container)
    broken = {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "vlan": "x",
              "ipam": {"type": "static", "addresses": 17, "dataDir": []}, "prevResult": 17}
    for netns in ("", "/run/netns/c1", "/run/plain"):
        host.must("touch /run/plain")
        good(host.plugin(ours.executable("bridge"), "DEL", broken, container=Container("c1", netns),
                         cni_path=ours.cni_path))
    assert files(host) == set()


@needs_culvert
def test_garbage_and_status(host: Host, ours: Implementation) -> None:
    """GC frees what nobody has, through the bridge and directly; STATUS tells of a directory that is none."""
    containers = host.add_containers(["c1", "c2", "c3"])
    runtimes = [on_bridge(host, ours, f"10.77.0.{number}/24") for number in (5, 6, 7)]
    for runtime, container in zip(runtimes, containers):
        runtime.network["cniVersion"] = "1.1.0"
        good(runtime.add(container))
    good(runtimes[0].status())
    good(runtimes[0].sweep(valid_attachments(("c2", "eth0"))))
    assert claims(host) == {"10.77.0.6": "c2\r\neth0"} and files(host) == {"10.77.0.6", "c2:eth0"}
    alone = Runtime(host, ours, network({"type": "static", "ipam": static(V4)}, version="1.1.0"))
    # The bridge's record proves nothing for a call that began after it.
    good(alone.sweep(valid_attachments()))
    assert files(host) == set()
    host.must(f"rm -rf {CLAIMS}/net; touch {CLAIMS}/net")
    outcome = alone.status()
    assert outcome.error()["code"] == 50 and CLAIMS in outcome.error_text
    assert runtimes[0].status().error()["code"] == 50


def test_claims_do_not_survive_a_reboot(host: Host, ours: Implementation) -> None:
    """They are where a reboot empties everything, as it ends all containers."""
    good(call(host, ours, "ADD", static(V4)))
    host.must("rm -rf /run/culvert")
    good(call(host, ours, "ADD", static(V4), container="c2"))
    good(call(host, ours, "DEL", static(V4)))
    good(call(host, ours, "ADD", static(V4), container="c2"))


NETWORKS: dict[str, Network] = {
    "static": network({"type": "static", "ipam": static(V4, V6)}),
    "bridge": network(bridge(static(V4, V6), isDefaultGateway=True)),
}


def unclaimed(attempt: Callable[[Bench, Point], str]) -> Callable[[Bench, Point], str]:
    """The attempt, after which no claim may be left either, nor a foreign file."""
    def whole(bench: Bench, point: Point) -> str:
        bench.host.must(f"rm -rf {CLAIMS}")
        if complaint := attempt(bench, point):
            return complaint
        left = files(bench.host) - {".culvert.new"}
        return f"left: {sorted(left)}" if left else ""
    return whole


@needs_culvert
@pytest.mark.parametrize("plugin", NETWORKS)
@pytest.mark.parametrize("verb", ["ADD", "DEL"])
@pytest.mark.parametrize("fate", ["killed", "refused"])
def test_anywhere(plugin: str, verb: str, fate: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed or refused at each system call, it leaves nothing that one DEL does not remove, and the next ADD works."""
    attempts = {("killed", "ADD"): killed_add, ("killed", "DEL"): killed_delete,
                ("refused", "ADD"): refused_add, ("refused", "DEL"): refused_delete}
    points = points_of(ours, NETWORKS[plugin], verb)
    points = thinned(refusals(points) if fate == "refused" else points)
    assert points
    trouble = try_all(points, ours, NETWORKS[plugin], unclaimed(attempts[fate, verb]))
    say(f"{plugin} {verb} {fate}: {len(points)} points, {len(trouble)} went wrong")
    assert not trouble, "\n".join(trouble[:20])
