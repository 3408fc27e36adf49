# SPDX-License-Identifier: Apache-2.0
"""A host with three networks of a runtime and four containers on them, and what is left of those in the end."""
from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import implementations
from chains import Caller, Chain, Member, Port, address
from host import Host, Outcome, new_host
from implementations import REFERENCE, Implementation
from kernel_state import LEASES, RECORDS, link_names, read_tree, snapshot
from normalise import normalise_result
from reachability import (DATAGRAMS, FIRST, LOCAL, NEIGHBOUR, NOBODY, ORDINARY, OWN, PUBLIC, SECOND, STRANGER, THIRD,
                          measure, start_servers)
from runtime import Network
from traffic import add_outside, ruleset

PORTS = (Port(PUBLIC, 80), Port(LOCAL, 80, host_address="127.0.0.1"), Port(DATAGRAMS, 53, "udp"))
#: Who is on which network, and with which ports.
PLACES = ((OWN, FIRST, PORTS), (NEIGHBOUR, FIRST, ()), (STRANGER, SECOND, ()), (ORDINARY, THIRD, ()))
#: What plugins share among containers, and may stay: bridges, and the wire to the outside.
SHARED = re.compile(r"lo|wire|cni\d|cni-podman\d|br-[0-9a-f]{12}")


class World:
    """Three networks of a host: two of one kind, and an ordinary one of the same runtime."""

    def __init__(self, host: Host, chain: Chain, implementation: Implementation,
                 others: Mapping[str, Implementation] | None = None,
                 change: Callable[[Network], Network] = copy.deepcopy) -> None:
        """`others`: whose plugins some containers are for, if not those of the one implementation."""
        self.host = host
        self.chain = chain
        add_outside(host)
        # The reference's gateways would be tentative for a second or two.
        host.must("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
        host.must(chain.prepare)
        makers = {FIRST: chain.make, SECOND: chain.make, THIRD: chain.ordinary}
        #: The containers, and who runs them.
        self.each: list[tuple[Caller, Member]] = []
        for name, number, ports in PLACES:
            runtime = caller(host, chain, (others or {}).get(name, implementation), change(makers[number](number)))
            self.each.append((runtime, runtime.member(name, *ports)))

    def attach_all(self) -> list[Any]:
        """All containers on their networks; returns the results, without what chance decides."""
        results = []
        configured = json.dumps([runtime.network for runtime, _ in self.each]).lower()
        for runtime, member in self.each:
            result = good(runtime.attach(member)).result()
            for interface in result.get("interfaces", ()):
                interface.pop("mtu", None)  # Only ours tell (D41).
            results.append(normalise_result(result, snapshot(self.host, [member.plain]), configured))
            drop_between_ports(runtime)
        self.host.settle()
        return results

    def detach_all(self) -> None:
        """All containers off their networks, as their runtime does it."""
        for runtime, member in self.each:
            good(runtime.detach(member))

    def measure(self, settings: Iterable[str] = ("1", "0")) -> dict[str, dict[str, str]]:
        """Who reaches whom, with bridged packets shown to the filters of IP (1, as a kernel begins), and without."""
        found = {}
        for setting in settings:
            self.host.must(f"for f in /proc/sys/net/bridge/bridge-nf-call-ip*; do echo {setting} > $f; done")
            found[f"bridge-nf-call-iptables {setting}"] = measure(self.host, self.chain.families)
        return found


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def policy(listed: Network) -> dict[str, Any]:
    """The firewall's entry of a network, or nothing."""
    return next((entry for entry in listed["plugins"] if entry["type"] == "firewall"), {})


def caller(host: Host, chain: Chain, implementation: Implementation, listed: Network) -> Caller:
    """A runtime of one network.

    Debian's release of the reference has no policy `isolated`: it is made of `same-bridge`, and one more rule.
    """
    if implementation.directory == REFERENCE.directory and policy(listed).get("ingressPolicy") == "isolated":
        policy(listed).update(ingressPolicy="same-bridge", isolated=True)
    return chain.caller(host, implementation, listed)


def drop_between_ports(runtime: Caller) -> None:
    """The rule which later releases of the reference add for `isolated`."""
    if policy(runtime.network).get("isolated"):
        rule = "CNI-ISOLATION-STAGE-1 -i {0} -o {0} -j DROP".format(runtime.network["plugins"][0]["bridge"])
        for command in ("iptables", "ip6tables"):
            runtime.host.must(f"{command} -C {rule} 2>/dev/null || {command} -I {rule}")


def remains(host: Host, members: Iterable[tuple[Caller, Member]], *, records: bool = True) -> dict[str, Any]:
    """What is left of containers once all of them were deleted."""
    found: dict[str, Any] = {
        "links": sorted(name for name in link_names(host) if not SHARED.fullmatch(name)),
        "leases": [path for path in read_tree(host.path(LEASES)) if path.split("/")[-1][:2] in ("10", "fd")],
        "records": [path for path, entry in read_tree(host.path(RECORDS)).items() if records and entry["content"]],
    }
    text = host.must("iptables-save; ip6tables-save; nft list ruleset")
    for runtime, member in members:
        found[f"rules of {member.name}"] = [line for line in text.splitlines()
                                            if any(words in line for words in traces(runtime, member))]
        if host.path(member.netns).exists():
            found[f"links of {member.name}"] = sorted(link_names(host, member.netns) - {"lo"})
    return {what: which for what, which in found.items() if which}


def traces(runtime: Caller, member: Member) -> set[str]:
    """Words by which a rule of that container would be known."""
    digest = hashlib.sha512((runtime.network["name"] + member.id).encode()).hexdigest()
    addresses = {address(number, family, last) for number in (FIRST, SECOND, THIRD) for family in (4, 6)
                 for last in (2, 3)}
    return {member.id, f"CNI-{digest[:24]}", f"CNI-DN-{digest[:21]}", *addresses,
            *(str(port.host_port) for port in member.ports)}


@dataclasses.dataclass
class Story:
    """What happened to the containers of a world, from beginning to end."""

    results: list[Any]
    reached: dict[str, dict[str, str]]
    #: What CHECK said, where it did not pass.
    complaints: list[str]
    #: What the last DEL left of the containers, and of the whole ruleset.
    remains: dict[str, Any]
    rules: str


def tell(chain: Chain, implementation: Implementation) -> Story:
    """Lets the four containers of a world come, talk and go."""
    with new_host() as host:
        world = World(host, chain, implementation)
        results = world.attach_all()
        start_servers(host)
        reached = world.measure()
        checked = [runtime.check(member, **runtime.options(member)) for runtime, member in world.each]
        complaints = [outcome.stdout for outcome in checked if not outcome.ok]
        world.detach_all()
        return Story(results, reached, complaints, remains(host, world.each), ruleset(host))


@functools.cache
def stories(chain: Chain, ours: Implementation) -> tuple[Story, Story]:
    """The story of a chain on both sides, told once."""
    with concurrent.futures.ThreadPoolExecutor(2) as side_by_side:
        mine, theirs = side_by_side.map(functools.partial(tell, chain), (ours, REFERENCE))
    return mine, theirs


def forgiven(chain: Chain, reached: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """What the reference's clients reached, without what docs/differences.md explains.

    Containers of one `isolated` network do not reach each other here, whether or not the kernel shows bridged packets
    to the filters of IP.
    """
    if "icc=false" not in chain.name or implementations.testing_the_reference():
        return reached
    separate = {f"{words}, IPv{family}": NOBODY for words in ("c2 to the container", "container to c2")
                for family in chain.families}
    return {setting: {**answers, **separate} for setting, answers in reached.items()}
