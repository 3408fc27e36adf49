# SPDX-License-Identifier: Apache-2.0
"""`ptp`: a wire between a container and the host."""
from __future__ import annotations

import pytest

from faults import Bench, refusals, thinned, try_all
from host import Host, new_host
from implementations import Implementation, build_directory
from interfaces import DUAL, Bad, Story, assert_refused, reaches, routes
from kernel_state import lease_files
from runtime import Runtime, network, valid_attachments
from test_killed import killed_add, killed_delete, refused_add, refused_delete
from traffic import HOST4, HOST6, OUTSIDER4, OUTSIDER6, add_outside, fetch, serve

pytestmark = pytest.mark.needs_culvert

DEFAULTS = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
ENTRY = {"type": "ptp", "ipMasq": True, "ipam": {**DUAL, "routes": DEFAULTS}}
NETWORK = network(ENTRY, version="1.1.0")
ATTEMPTS = {("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
            ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete}


def test_life(host: Host, ours: Implementation) -> None:
    """Both ends have what the result says, CHECK sees, and every way to end it ends it."""
    story = Story(host, ours, {**ENTRY, "mtu": 1400}, "veth")
    result = story.attach()
    end = result["interfaces"][0]["name"]
    assert result["interfaces"][0]["mtu"] == 1400 and "sandbox" not in result["interfaces"][0]
    found = routes(host, story.container)
    assert found["10.77.0.1"]["scope"] == "link" and found["10.77.0.1"]["prefsrc"] == "10.77.0.2"
    assert found["10.77.0.0/24"]["gateway"] == "10.77.0.1" and found["fd77::/64"]["gateway"] == "fd77::1"
    host.must("ip link set eth0 down; ip link set eth0 up", netns=story.container.netns)
    again = routes(host, story.container)
    assert [dst for dst in ("10.77.0.0/24", "fd77::/64") if again.get(dst, {}).get("protocol") == "kernel"] == [], (
        "the network came back upon the link")
    story.assert_check_sees()
    host.must(f"ip link set {end} down")
    assert f"{end}, its end on the host, is down" in story.runtime.check(story.container).error()["details"]
    story.assert_every_way_out()
    story.assert_refused_addresses_take_the_link_back()


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_traffic(backend: str, host: Host, ours: Implementation) -> None:
    """Containers reach the host, each other, and what is beyond under the host's address; without waiting."""
    add_outside(host)
    listed = network({**ENTRY, "ipMasqBackend": backend}, version="1.1.0")
    runtime = Runtime(host, ours, listed)
    first, second = host.add_container("c1"), host.add_container("c2")
    runtime.add(first).result()
    serve(host, "c1", 80)
    serve(host, "outside", 80)
    runtime.add(second).result()
    # At once: nobody waits until an address of IPv6 is checked.
    assert reaches(host, second, "10.77.0.1", "fd77::1", "10.77.0.2", "fd77::2") == []
    assert fetch(host, "c2", "10.77.0.2", 80) == "c1 10.77.0.3"
    assert fetch(host, "c2", "fd77::2", 80) == "c1 fd77::3"
    assert fetch(host, None, "fd77::2", 80) == "c1 fd77::1"
    assert fetch(host, "c2", OUTSIDER4, 80) == f"outside {HOST4}"
    assert fetch(host, "c2", OUTSIDER6, 80) == f"outside {HOST6}"
    assert runtime.check(second).ok
    for container in (first, second):
        host.must(f"ip netns del {container.id}")
        assert runtime.delete(container, remembering=False).ok
    rules = host.must("nft list ruleset; iptables-save; ip6tables-save")
    assert "10.77" not in rules and "fd77" not in rules and "CNI-" not in rules
    assert lease_files(host) == {}


def test_masquerade_goes_without_namespace(host: Host, ours: Implementation) -> None:
    """DEL without CNI_NETNS, and GC of a dead container, leave no rule: the reference's stay for good."""
    runtime = Runtime(host, ours, NETWORK)
    for number, how in enumerate(("nowhere", "GC")):
        container = host.add_container(f"d{number}")
        runtime.add(container).result()
        assert "10.77.0" in host.must("nft list ruleset")
        if how == "GC":
            host.remove_container(container)
            assert runtime.sweep(valid_attachments()).ok
        else:
            assert runtime.delete(container, env={"CNI_NETNS": ""}).ok
        assert "10.77.0" not in host.must("nft list ruleset") and lease_files(host) == {}


def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    assert_refused(host, ours, ENTRY, [
        Bad({"ipam": {}}, 7, ("ipam", "needs addresses")),
        Bad({"mtu": 10}, 6, ("mtu", "68 to 65535")),
        Bad({"mtu": "1500"}, 7, ("mtu", "auto")),
        Bad({"ipMasq": 1}, 6, ("ipMasq",)),
        Bad({"ipMasqBackend": "smoke"}, 6, ("ipMasqBackend", "nftables or iptables")),
        Bad({"ipam": {"type": "static", "addresses": [{"address": "10.77.0.9/24"}]}}, 7, ("without a gateway",)),
        Bad({}, 4, ("FOO",), args="FOO=1"),
    ])


@pytest.mark.parametrize("verb, fate", ATTEMPTS)
def test_killed_and_refused(verb: str, fate: str, ours: Implementation) -> None:
    """Killed anywhere, one DEL leaves nothing; refused anywhere, ADD takes everything back."""
    with new_host() as host:
        bench = Bench(host, ours, NETWORK)
        if verb == "DEL":
            bench.add().result()
        points = bench.trace(bench.add if verb == "ADD" else bench.delete)
    chosen = thinned(points if fate == "killed" else refusals(points))
    assert chosen
    trouble = try_all(chosen, ours, NETWORK, ATTEMPTS[verb, fate])
    assert trouble == [], "\n".join(trouble[:20])


def test_reload_puts_rules_back(host: Host, ours: Implementation) -> None:
    """What somebody flushed comes back, as for a bridge."""
    runtime, container = Runtime(host, ours, NETWORK), host.add_container("c1")
    runtime.add(container).result()
    before = host.must("nft -s list ruleset")
    host.must("nft flush ruleset")
    assert "missing: " in runtime.check(container).error()["details"]
    assert host.run([str(build_directory() / "culvert"), "reload"]).ok
    assert host.must("nft -s list ruleset") == before and runtime.check(container).ok
    assert runtime.delete(container).ok
