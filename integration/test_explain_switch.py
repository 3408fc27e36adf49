# SPDX-License-Identifier: Apache-2.0
"""culvert explain through a switch in user space: what its daemon says, and what is seen."""
from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from host import Container, Host
from implementations import Implementation
from operator_tool import connected
from runtime import Runtime, host_local, network
from switching import SOCKET, Switch, new_switch
from test_explain import explain
from traffic import serve

pytestmark = pytest.mark.needs_culvert


@pytest.fixture(name="switch")
def running_switch(host: Host, ours: Implementation) -> Iterator[Switch]:
    """A daemon that runs."""
    with new_switch(host, ours) as running:
        yield running


def joined(switch: Switch, ours: Implementation, *names: str, **members: Any) -> list[Container]:
    """Containers on a switch."""
    members = {"type": "vswitch", "ipam": host_local("10.78.0.0/24"), **members}
    runtime = Runtime(switch.host, ours, network(members, name="lab", version="1.1.0"))
    return [connected(runtime, name) for name in names]


def pings(host: Host, container: Container, target: str, patience: int) -> bool:
    """Whether there is an answer in so many seconds."""
    return host.run(["ping", "-n", "-q", "-c", "1", "-w", str(patience), target], netns=container.netns).ok


def verdict_of(host: Host, *words: str) -> dict[str, Any]:
    """Who does, and what becomes of it."""
    found: dict[str, Any] = explain(host, *words)["verdict"]
    return found


def test_containers_reach_each_other(host: Host, ours: Implementation, switch: Switch) -> None:
    """The daemon's own words are among the steps, and who listens counts; the host is there by its tap."""
    one, two = joined(switch, ours, "c1", "c2", isGateway=True)
    for step in range(2):
        document = explain(host, "c1", "c2", "--protocol", "icmp")
        assert document["verdict"]["outcome"] == "connected" and document["verdict"]["place"] == "c2", document
        texts = [entry["text"] for entry in document["steps"]]
        assert "switch vs0: it is taken, and belongs to VLAN 1" in texts, texts
        assert "comes in by eth0, port c2:eth0 of switch vs0" in texts, texts
        # The second time the switch knows where they are.
        assert ("switch vs0, from port c1:eth0: it goes to c2:eth0" in texts) == bool(step), texts
        assert pings(host, one, "10.78.0.3", 20)
    assert verdict_of(host, "c1", "c2:80")["outcome"] == "refused"
    serve(host, "c2", 80)
    assert verdict_of(host, "c1", "c2:80")["outcome"] == "connected"
    assert verdict_of(host, "host", "c2:80")["outcome"] == "connected"
    assert verdict_of(host, "c2", "10.78.0.1", "--protocol", "icmp")["place"] == "host"
    assert pings(host, two, "10.78.0.1", 20)
    lost = verdict_of(host, "c1", "10.78.0.77:80")
    assert lost["outcome"] == "dropped" and "nobody answers for 10.78.0.77" in lost["reason"], lost
    assert not pings(host, one, "10.78.0.77", 1)


def test_isolated_containers_do_not(host: Host, ours: Implementation, switch: Switch) -> None:
    """The key is named whether the switch knows the other one or not; the gateway is there for both."""
    one, two = joined(switch, ours, "c1", "c2", isGateway=True, portIsolation=True)
    for _ in range(2):
        apart = verdict_of(host, "c1", "c2", "--protocol", "icmp")
        assert apart["outcome"] == "dropped" and apart["plugin"] == "vswitch (portIsolation)", apart
        assert not pings(host, one, "10.78.0.3", 1)
        for container in (one, two):
            assert verdict_of(host, container.id, "10.78.0.1", "--protocol", "icmp")["outcome"] == "connected"
            assert pings(host, container, "10.78.0.1", 20)


def test_vlans_are_apart(host: Host, ours: Implementation, switch: Switch) -> None:
    """Who is in another VLAN of the same switch is not reached."""
    joined(switch, ours, "c1", vlan=10)
    connected(Runtime(host, ours, network(
        {"type": "vswitch", "vlan": 20, "ipam": host_local("10.78.0.8/29")}, name="other", version="1.1.0")), "c2")
    apart = verdict_of(host, "c1", "c2:80")
    assert apart["outcome"] == "dropped" and apart["plugin"] == "vswitch", apart
    assert "switch vs0 drops it: no other interface wants it" in apart["reason"], apart


def test_a_tag_of_the_switch_counts(host: Host, ours: Implementation, switch: Switch) -> None:
    """Who gets a VLAN with its tag has to have a link in that VLAN."""
    joined(switch, ours, "c1", vlan=10)
    connected(Runtime(host, ours, network(
        {"type": "vswitch", "vlanTrunk": [{"id": 10}], "ipam": host_local("10.78.0.8/29")}, name="other",
        version="1.1.0")), "c2")
    lost = verdict_of(host, "c1", "c2:80")
    assert lost["outcome"] == "dropped" and "nobody above eth0 is in VLAN 10" in lost["reason"], lost


@pytest.mark.needs_links("vlan")
def test_a_tag_of_the_container_counts(host: Host, ours: Implementation, switch: Switch) -> None:
    """By its link in the VLAN the container reaches the other one, and gets the answer with the tag."""
    [one] = joined(switch, ours, "c1", vlan=10)
    connected(Runtime(host, ours, network(
        {"type": "vswitch", "vlanTrunk": [{"id": 10}], "ipam": host_local("10.79.0.0/24")}, name="other",
        version="1.1.0")), "c2")
    host.must("ip link add link eth0 name eth0.10 type vlan id 10; ip addr add 10.78.0.99/24 dev eth0.10;"
              "ip link set eth0.10 up", netns="/run/netns/c2")
    assert pings(host, one, "10.78.0.99", 20)
    verdict = verdict_of(host, "c2", "c1", "--protocol", "icmp")
    assert verdict["outcome"] == "connected" and verdict["place"] == "c1", verdict


def test_an_uplink_leads_out_and_in(host: Host, ours: Implementation, switch: Switch) -> None:
    """Who is beyond it is not seen; what comes in by it comes to who it is for."""
    host.must("ip link add wire type veth peer name far; ip link set wire up; ip link set far up")
    [one] = joined(switch, ours, "c1", uplink="wire")
    serve(host, "c1", 80)
    host.must("ip netns add beyond; ip link set far netns beyond")
    host.must("ip addr add 10.78.0.99/24 dev far; ip link set far up", netns="/run/netns/beyond")
    out = verdict_of(host, "c1", "10.78.0.99:80")
    assert out["outcome"] == "connected" and "leaves the host by wire" in out["reason"], out
    assert pings(host, one, "10.78.0.99", 20)
    came = verdict_of(host, "--in", "wire", "10.78.0.99", "c1:80")
    assert came["outcome"] == "connected" and came["place"] == "c1", came
    assert verdict_of(host, "--in", "wire", "10.78.0.99", "c1:81")["outcome"] == "refused"


def test_a_daemon_that_is_gone_is_named(host: Host, ours: Implementation, switch: Switch) -> None:
    """Nobody carries anything, and it is said who should; when it is back all is well."""
    joined(switch, ours, "c1", "c2")
    switch.stop(signal.SIGKILL)
    gone = verdict_of(host, "c1", "c2", "--protocol", "icmp")
    assert gone["outcome"] == "dropped" and gone["plugin"] == "vswitch", gone
    assert "culvert-switchd" in gone["reason"] and SOCKET in gone["reason"], gone
    switch.start()
    assert verdict_of(host, "c1", "c2", "--protocol", "icmp")["outcome"] == "connected"
