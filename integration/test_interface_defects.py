# SPDX-License-Identifier: Apache-2.0
"""Defects of the reference's interface plugins that these here do not have; against the reference each test fails."""
from __future__ import annotations

import json

import pytest

from host import Host
from implementations import Implementation
from interfaces import DUAL, WIRE, lan, reaches, routes
from kernel_state import lease_files, link_names
from runtime import Runtime, host_local, network

pytestmark = pytest.mark.beats_reference

#: A route that no kernel makes: its gateway is on no link.
UNREACHABLE = [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]


def runtime(host: Host, ours: Implementation, kind: str, **members: object) -> Runtime:
    """A network of a plugin upon the wire, in the newest version that the reference speaks."""
    lan(host)
    return Runtime(host, ours, network({"type": kind, "master": WIRE, "ipam": DUAL, **members}))


def test_refused_macvlan_leaves_no_link(host: Host, ours: Implementation) -> None:
    """An ADD that fails when addresses and routes are made takes the link back, and the addresses."""
    played = runtime(host, ours, "macvlan", ipam=host_local("10.77.0.0/24", routes=UNREACHABLE))
    container = host.add_container("c1")
    assert not played.add(container).ok
    assert lease_files(host) == {}
    assert link_names(host, container.netns) == {"lo"}


def test_route_mtu_and_advmss_are_applied(host: Host, ours: Implementation) -> None:
    """What IPAM says of a route's sizes reaches the kernel."""
    asked = [{"dst": "192.0.2.0/24", "mtu": 1300, "advmss": 1200}]
    played = runtime(host, ours, "macvlan", ipam=host_local("10.77.0.0/24", routes=asked))
    container = host.add_container("c1")
    assert played.add(container).ok
    assert routes(host, container)["192.0.2.0/24"].get("metrics") == [{"mtu": 1300, "advmss": 1200}]


def test_plain_file_for_a_namespace_is_a_gone_one(host: Host, ours: Implementation) -> None:
    """DEL gives the address back when a lost mount has left a plain file."""
    played = runtime(host, ours, "macvlan")
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must("ip netns del c1; touch /run/netns/c1")
    assert played.delete(container).ok and lease_files(host) == {}


def test_wire_masquerade_goes_with_the_namespace(host: Host, ours: Implementation) -> None:
    """DEL of `ptp` removes the rules of a container whose namespace is gone."""
    played = Runtime(host, ours, network({"type": "ptp", "ipMasq": True, "ipam": host_local("10.77.0.0/24")}))
    container = host.add_container("c1")
    assert played.add(container).ok
    host.remove_container(container)
    assert played.delete(container).ok
    assert "10.77.0.2" not in host.must("nft list ruleset; iptables-save")


def test_wire_with_ipv6_does_not_wait(host: Host, ours: Implementation) -> None:
    """ADD of `ptp` with IPv6 has nothing to wait for: no duplicate of what IPAM gave is looked for, at either end."""
    played = Runtime(host, ours, network({"type": "ptp", "ipam": host_local("fd77::/64")}))
    container = host.add_container("c1")
    assert played.add(container).ok
    for netns in (None, container.netns):
        links = json.loads(host.run(["ip", "-6", "-j", "address", "show", "to", "fd77::/64"], netns=netns).stdout)
        given = [address for link in links if link for address in link["addr_info"] if address]
        assert given and all(address.get("nodad") and not address.get("tentative") for address in given), given
    assert reaches(host, None, "fd77::2") == []


@pytest.mark.needs_links("vlan")
def test_vlan_goes_without_its_master(host: Host, ours: Implementation) -> None:
    """DEL of `vlan` gives the address back when the master is gone."""
    played = runtime(host, ours, "vlan", vlanId=5)
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must(f"ip link del {WIRE}")
    assert played.delete(container).ok and lease_files(host) == {}


@pytest.mark.needs_links("ipvlan")
def test_ipvlan_goes_without_a_default_route(host: Host, ours: Implementation) -> None:
    """DEL of `ipvlan` does not look for the link of the default route again."""
    played = runtime(host, ours, "ipvlan", master="")
    host.must(f"ip address add 10.77.0.250/24 dev {WIRE}; ip route add default dev {WIRE}")
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must("ip route del default")
    assert played.delete(container).ok and lease_files(host) == {}


@pytest.mark.needs_links("ipvlan")
def test_refused_ipvlan_gives_the_address_back(host: Host, ours: Implementation) -> None:
    """An ADD that fails when routes are made keeps no address."""
    played = runtime(host, ours, "ipvlan", ipam=host_local("10.77.0.0/24", routes=UNREACHABLE))
    container = host.add_container("c1")
    assert not played.add(container).ok
    assert lease_files(host) == {} and link_names(host, container.netns) == {"lo"}


def device(host: Host, ours: Implementation, **members: object) -> Runtime:
    """A network that lends the wire, in the newest version that the reference speaks."""
    lan(host)
    return Runtime(host, ours, network({"type": "host-device", "device": WIRE, "ipam": DUAL, **members}))


def test_device_goes_home_without_a_namespace(host: Host, ours: Implementation) -> None:
    """DEL of `host-device` with empty CNI_NETNS gives the address back, and takes the device back."""
    played = device(host, ours)
    container = host.add_container("c1")
    assert played.add(container).ok
    assert played.delete(container, env={"CNI_NETNS": ""}).ok
    assert lease_files(host) == {} and WIRE in link_names(host)


def test_device_of_a_gone_namespace(host: Host, ours: Implementation) -> None:
    """DEL of `host-device` gives the address back when the namespace is gone."""
    played = device(host, ours)
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must("ip netns del c1")
    assert played.delete(container).ok and lease_files(host) == {}


def test_device_that_is_missing_in_its_container(host: Host, ours: Implementation) -> None:
    """DEL of `host-device` can be repeated, and succeeds when somebody else took the device away."""
    played = device(host, ours)
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must("ip link del eth0", netns=container.netns)
    assert played.delete(container).ok and played.delete(container).ok and lease_files(host) == {}


def test_device_that_was_renamed(host: Host, ours: Implementation) -> None:
    """DEL of `host-device` finds the device under another name."""
    played = device(host, ours)
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must("ip link set eth0 down; ip link set eth0 name other", netns=container.netns)
    assert played.delete(container).ok and WIRE in link_names(host)


def test_device_without_its_alias(host: Host, ours: Implementation) -> None:
    """DEL of `host-device` knows the name on the host when the alias is gone."""
    played = device(host, ours)
    container = host.add_container("c1")
    assert played.add(container).ok
    host.must("ip link set eth0 alias ''", netns=container.netns)
    assert played.delete(container).ok and WIRE in link_names(host)


def test_device_whose_id_means_nothing_any_more(host: Host, ours: Implementation) -> None:
    """DEL of `host-device` does not look for the device by `deviceID` again."""
    played = device(host, ours, capabilities={"deviceID": True})
    container = host.add_container("c1")
    assert played.add(container).ok
    assert played.delete(container, capabilities={"deviceID": "0000:99:00.0"}).ok
    assert lease_files(host) == {} and WIRE in link_names(host)


def test_refused_device_goes_home(host: Host, ours: Implementation) -> None:
    """An ADD of `host-device` that fails after the move gives device and address back."""
    played = device(host, ours, ipam=host_local("10.77.0.0/24", routes=UNREACHABLE))
    container = host.add_container("c1")
    assert not played.add(container).ok
    assert lease_files(host) == {} and WIRE in link_names(host) and link_names(host, container.netns) == {"lo"}


def test_device_comes_back_up(host: Host, ours: Implementation) -> None:
    """A device that was up on the host is up again after DEL of `host-device`."""
    played = device(host, ours)
    container = host.add_container("c1")
    assert played.add(container).ok and played.delete(container).ok
    assert "state UP" in host.must(f"ip link show {WIRE}")
