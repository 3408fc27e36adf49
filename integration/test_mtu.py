# SPDX-License-Identifier: Apache-2.0
"""`mtu` as a number and as `auto`, in every plugin that makes an interface and has the key."""
from __future__ import annotations

import pytest

from host import Host
from implementations import Implementation
from interfaces import WIRE, interface, lan
from runtime import Runtime, host_local, network

pytestmark = pytest.mark.needs_culvert

IPAM = host_local("10.77.0.0/24", "fd77::/64")
#: What leaves the host by IPv4 has 1450 octets at most, and by IPv6 1380; a way that is not a default one has less.
WAYS = f"""
    ip link add up4 type veth peer name far4; ip link add up6 type veth peer name far6
    ip link add side type veth peer name far
    ip link set up4 mtu 1450; ip link set up6 mtu 1380; ip link set side mtu 1300; ip link set {WIRE} mtu 1420
    for link in up4 up6 side far4 far6 far; do ip link set $link up; done
    ip address add 192.0.2.2/24 dev up4; ip -6 address add 2001:db8::2/64 dev up6 nodad
    ip address add 198.51.100.2/24 dev side
    ip route add default via 192.0.2.1 dev up4; ip -6 route add default via 2001:db8::1 dev up6
    ip route add 203.0.113.0/24 via 198.51.100.1; ip route add default dev side table 100
"""
#: What `auto` comes to: with a pair or a tap, of the default routes; upon a master, of that.
KINDS = {
    "bridge": ({"bridge": "cni0"}, 1380), "ptp": ({}, 1380), "tap": ({}, 1380),
    "macvlan": ({"master": WIRE}, 1420), "vlan": ({"master": WIRE, "vlanId": 5}, 1420),
    "ipvlan": ({"master": WIRE}, 1420),
}


@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=[pytest.mark.needs_links(kind)] if kind in ("vlan", "ipvlan") else []) for kind in KINDS])
def test_size_of_packets(kind: str, host: Host, ours: Implementation) -> None:
    """The interface has it, on both ends if there are two, and the result says it; CHECK agrees."""
    lan(host)
    members, expected = KINDS[kind]
    container = host.add_container("c1")

    def given(mtu: object) -> int:
        runtime = Runtime(host, ours, network({"type": kind, "mtu": mtu, "ipam": IPAM, **members}, version="1.1.0"))
        result = runtime.add(container).result()
        inside = next(entry for entry in result["interfaces"] if entry.get("sandbox"))
        size = interface(host, container)["mtu"]
        sizes = {link["ifname"]: link["mtu"] for link in host.links()}
        assert inside["mtu"] == size
        for entry in result["interfaces"]:
            assert entry["mtu"] == sizes.get(entry["name"], size), entry
        assert {entry["mtu"] for entry in result["interfaces"]} == {size}
        assert runtime.check(container).ok and runtime.delete(container).ok
        host.must("ip link del cni0 2>/dev/null || :")
        return size

    alone = 1500
    assert given("auto") == alone, "without a default route the kernel chooses"
    host.must(WAYS)
    assert given("auto") == expected
    assert given(1280) == 1280
    # A default route of several gateways counts with all of its links.
    host.must("ip route replace default nexthop via 192.0.2.1 dev up4 nexthop via 198.51.100.1 dev side")
    assert given("auto") == (1300 if expected == 1380 else expected)
    assert given(None) == (1500 if expected == 1380 else expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["1500", "", "Auto", "auto "])
def test_other_texts(kind: str, text: str, host: Host, ours: Implementation) -> None:
    """A text that is not `auto` is refused, and the words say what would do."""
    runtime = Runtime(host, ours, network({"type": kind, "mtu": text, "ipam": IPAM, **KINDS[kind][0]}, version="1.1.0"))
    error = runtime.add(host.add_container("c1")).error()
    assert error["code"] == 7 and f'"{text}"' in error["msg"] and '"auto"' in error["details"], error
