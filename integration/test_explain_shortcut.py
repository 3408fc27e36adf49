# SPDX-License-Identifier: Apache-2.0
"""culvert explain and the shortcut past bridges: it says that a frame goes past exactly where the kernel counts so."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from host import Host
from implementations import Implementation
from shortcut import detach, filters_frames
from test_explain import explain
from test_fast_path import Pair, address, flat

pytestmark = pytest.mark.needs_culvert

#: So many echo requests, of which each processor may have the bridge see one from time to time.
MANY, FEW = 60, 20
PAST, REFUSED = "; the shortcut is taken", "; the shortcut is not taken: "


def said(pair: Pair, where: str) -> list[str]:
    """What is said of the bridge on the way from the one container to the other, without the way back."""
    document = explain(pair.host, pair.sender.id, where, "--protocol", "icmp")
    return [step["text"] for step in document["steps"] if step["stage"] == "bridge" and not step["answer"]]


def goes_past(pair: Pair, family: int) -> bool:
    """By what the kernel counts."""
    where = address(pair.runtime, pair.receiver, family)
    bridged, arrived = pair.by_bridge(), pair.arrived()
    pair.host.must(f"ping -q -c {MANY} -i 0.002 -W 20 {where}", netns=pair.sender.netns)
    bridged, arrived = pair.by_bridge() - bridged, pair.arrived() - arrived
    # What else is said meanwhile, by ARP and neighbour discovery, is little.
    assert arrived >= MANY and (bridged <= FEW or bridged >= MANY), f"{bridged} of {arrived} went by the bridge"
    return bridged <= FEW


def assert_agreed(pair: Pair, expected: bool, reason: str = "") -> None:
    """What is said is what is counted, and that is what is expected; of either family."""
    for family in (4, 6):
        texts = said(pair, address(pair.runtime, pair.receiver, family))
        assert goes_past(pair, family) == expected, texts
        assert any(PAST in text for text in texts) == expected, texts
        assert any(REFUSED in text and reason in text for text in texts) == bool(reason), texts


def rule(family: str, rest: str) -> Callable[[Pair], Any]:
    """Somebody loads a chain."""
    def load(pair: Pair) -> None:
        sender, receiver = pair.ends()
        text = rest.format(sender=sender, receiver=receiver)
        pair.host.must("nft -f -", stdin=f"table {family} mine {{ chain c {{ {text}; }}\n}}")
    return load


def command(text: str) -> Callable[[Pair], Any]:
    """Somebody does something with links."""
    def run(pair: Pair) -> None:
        sender, receiver = pair.ends()
        pair.host.must(text.format(sender=sender, receiver=receiver))
    return run


#: What somebody does, how it ends, and what explain says of it meanwhile.
OBSTACLES = [
    (rule("bridge", "type filter hook forward priority 0; counter"), "nft delete table bridge mine", "for bridges"),
    (rule("netdev", "type filter hook ingress device {sender} priority 0; counter"), "nft delete table netdev mine",
     "chain netdev mine c"),
    (rule("netdev", "type filter hook egress device {receiver} priority 0; counter"), "nft delete table netdev mine",
     "chain netdev mine c"),
    (command("ip link set cni0 promisc on"), "ip link set cni0 promisc off", "looks at all frames"),
    (command("tc qdisc add dev {receiver} root pfifo"), "tc qdisc del dev {receiver} root", "has to queue"),
    (command("tc qdisc add dev {sender} clsact; tc filter add dev {sender} ingress bpf bytecode '1,6 0 0 0,'"),
     "tc qdisc del dev {sender} clsact", "other programs or filters"),
    (command("tc qdisc add dev {receiver} clsact"), "tc qdisc del dev {receiver} clsact", "what it sends"),
    (command("ip link set {receiver} type bridge_slave neigh_suppress on"),
     "ip link set {receiver} type bridge_slave neigh_suppress off", "does more with frames"),
]


def test_an_obstacle_is_named(host: Host, ours: Implementation) -> None:
    """As long as it is there frames go by the bridge, and explain says why; afterwards they go past, as before."""
    pair = Pair(host, ours, flat())
    assert_agreed(pair, True)
    for obstacle, undo, reason in OBSTACLES:
        obstacle(pair)
        assert_agreed(pair, False, reason)
        command(undo)(pair)
    assert_agreed(pair, True)


def test_what_is_no_obstacle(host: Host, ours: Implementation) -> None:
    """What is elsewhere keeps no frame from going past, and explain knows."""
    pair = Pair(host, ours, flat())
    rule("bridge", "type filter hook input priority 0; counter")(pair)
    rule("inet", "type filter hook forward priority 0; policy drop")(pair)
    pair.host.must("nft -f -", stdin="table netdev mine { chain i { type filter hook ingress device %s priority 0; }\n"
                   "chain e { type filter hook egress device %s priority 0; }\n}" % pair.ends()[::-1])
    command("tc qdisc add dev {sender} root pfifo; tc qdisc add dev {sender} ingress")(pair)
    assert_agreed(pair, True)


def test_ports_that_may_not_talk(host: Host, ours: Implementation) -> None:
    """Isolated from each other: neither way leads there."""
    pair = Pair(host, ours, flat(portIsolation=True))
    for family in (4, 6):
        where = address(pair.runtime, pair.receiver, family)
        assert not any(PAST in text for text in said(pair, where))
        assert explain(host, pair.sender.id, where, "--protocol", "icmp")["verdict"]["outcome"] == "dropped"
        assert not host.run(["ping", "-q", "-c", "1", "-W", "1", where], netns=pair.sender.netns).ok


def test_a_port_that_is_slowed_down(host: Host, ours: Implementation) -> None:
    """The limit is the reason."""
    limits = {"ingressRate": 10**9, "ingressBurst": 10**8}
    assert_agreed(Pair(host, ours, flat({"type": "bandwidth", **limits})), False, "token bucket")


def test_a_port_without_its_program(host: Host, ours: Implementation) -> None:
    """Nothing goes past from there, and what is for it does all the same."""
    pair = Pair(host, ours, flat())
    detach(host, pair.ends()[1])
    assert_agreed(pair, True)
    detach(host, pair.ends()[0])
    assert_agreed(pair, False, "program is not at")


def test_rules_of_ip_where_bridges_show_them(host: Host, ours: Implementation) -> None:
    """Where br_netfilter is on when they are added, the bridge serves containers if there are rules of IP."""
    if not host.path("/proc/sys/net/bridge").is_dir():
        pytest.skip("this kernel shows no rules of IP what bridges forward")
    pair = Pair(host, ours, flat())
    filters_frames(host, True)
    for container in (pair.sender, pair.receiver):
        assert pair.runtime.delete(container).ok and pair.runtime.add(container).ok
    host.settle(pair.sender, pair.receiver)
    assert_agreed(pair, True)
    rule("inet", "type filter hook input priority 0; counter")(pair)
    assert_agreed(pair, True)
    host.must("nft add rule inet mine c ct state invalid counter")
    assert_agreed(pair, False, "connection tracking")
    host.must("nft delete table inet mine")
    rule("ip6", "type filter hook forward priority 0; counter")(pair)
    assert_agreed(pair, False, "chain ip6 mine c")
    # As it was shown before, whatever is set now.
    filters_frames(host, False)
    assert_agreed(pair, False, "chain ip6 mine c")
