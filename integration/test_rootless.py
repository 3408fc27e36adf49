# SPDX-License-Identifier: Apache-2.0
"""Networks of an ordinary user, in namespaces of the user's own: what podman's rootless mode asks of plugins."""
from __future__ import annotations

import json
from typing import Any

import pytest

from chains import CHAINS, Chain, Podman
from host import new_host, until
from implementations import Implementation
from kernel_state import left_behind, link_names
from rootless import SETTLED, USER, RootlessHost
from rootless_podman import CULVERT, PAGE, PLUGINS, RootlessPodmanHost
from runtime import Runtime, bridge, host_local, network
from traffic import fetch
from world import World, good, remains

pytestmark = [pytest.mark.xdist_group("rootless"), pytest.mark.needs_culvert]
PODMAN = next(chain for chain in CHAINS if chain.caller is Podman)
#: What has to be so where nobody may change it.
FORWARDING = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
REACHED: dict[str, Any] = {}


def lan(**members: Any) -> Any:
    """A dual-stack network with gateways and all that podman's have."""
    entry = bridge(host_local("10.77.0.0/24", "fd77::/64", **members), isGateway=True, ipMasq=True, hairpinMode=True)
    return network(entry, {"type": "portmap", "capabilities": {"portMappings": True}}, {"type": "firewall"},
                   {"type": "tuning"})


def reached_by_root(chain: Chain, ours: Implementation) -> dict[str, dict[str, str]]:
    """Who reaches whom on an ordinary host."""
    if not REACHED:
        with new_host() as host:
            world = World(host, chain, ours)
            world.attach_all()
            REACHED.update(world.measure(["1"]))
    return REACHED


@pytest.mark.parametrize("at_once", [False, True], ids=["as podman makes it", "as unshare -Urn makes it"])
def test_podmans_chain(ours: Implementation, at_once: bool) -> None:
    """bridge, portmap, firewall and tuning: everybody reaches everybody as on root's host, and nothing is left."""
    with RootlessHost(ours, at_once=at_once) as host:
        world = World(host, PODMAN, host.implementation)
        world.attach_all()
        assert world.measure(["1"]) == reached_by_root(PODMAN, ours)
        for runtime, member in world.each:
            good(runtime.check(member, **runtime.options(member)))
        world.detach_all()
        assert remains(host, world.each) == {}
        assert host.must("cat /proc/self/uid_map").split()[1] == str(USER)


BRIDGED = bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True, ipMasq=True, macspoofchk=True)
LIMITS = {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000,
          "egressBurst": 800_000, "unshapedSubnets": ["10.0.0.0/8"]}
ADDRESSES = host_local("10.78.0.0/24", "fd78::/64")


@pytest.mark.parametrize("plugins", [
    pytest.param([BRIDGED, LIMITS, {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}],
                 id="limited"),
    pytest.param([{"type": "ptp", "ipMasq": True, "ipam": ADDRESSES}, {"type": "firewall"}], id="ptp"),
    pytest.param([{"type": "macvlan", "master": "eth1", "ipam": ADDRESSES}], id="macvlan"),
    pytest.param([{"type": "loopback"}], id="loopback"),
])
def test_other_plugins(ours: Implementation, plugins: list[dict[str, Any]]) -> None:
    """Nothing in them is for root alone."""
    with RootlessHost(ours) as host:
        host.must("ip link add eth1 type bridge; ip link set eth1 up")
        runtime = Runtime(host, host.implementation, network(*plugins))
        container = host.add_container("c1")
        good(runtime.add(container))
        good(runtime.check(container))
        good(runtime.delete(container))
        assert left_behind(host, [container], bridges=("cni0", "eth1")) == {}


def test_settings_that_nobody_may_change(ours: Implementation) -> None:
    """With a read-only /proc/sys, what is only worth having is a line on standard error, and the network works."""
    with RootlessHost(ours, FORWARDING + SETTLED) as host:
        runtime = Runtime(host, host.implementation, lan())
        containers = host.add_containers(["c1", "c2"])
        for container in containers:
            said = good(runtime.call("ADD", runtime.network["plugins"][0], container)).stderr
            assert "/accept_ra=0: Read-only file system" in said, said
            good(runtime.delete(container))
            good(runtime.add(container))
        good(runtime.check(containers[0]))
        for each in runtime.results["c2", "eth0"]["ips"]:
            host.must(f"ping -nqc1 -W10 {each['address'].split('/')[0]}", netns=containers[0].netns)
        for container in containers:
            assert runtime.delete(container).ok
        assert left_behind(host, containers) == {}


def test_forwarding_that_nobody_may_switch_on(ours: Implementation) -> None:
    """A gateway that forwards nothing is none: ADD says which setting it is, and takes everything back."""
    with RootlessHost(ours, SETTLED) as host:
        runtime = Runtime(host, host.implementation, lan())
        container = host.add_container("c1")
        said = runtime.add(container).error_text
        assert "set sysctl net/ipv4/ip_forward=1: Read-only file system" in said, said
        assert left_behind(host, [container]) == {} and link_names(host) == {"lo", "cni0"}


@pytest.mark.parametrize(("directory", "why"), [("/usr/culvert", "Permission denied"),
                                                ("/run/culvert", "Read-only file system")])
def test_records_that_cannot_be_written(ours: Implementation, directory: str, why: str) -> None:
    """The error says where, why, and which variable names another place; with that, it works."""
    with RootlessHost(ours, "mkdir /run/culvert; mount -t tmpfs -o ro tmpfs /run/culvert\n") as host:
        container = host.add_container("c1")
        runtime = Runtime(host, host.implementation, lan())
        error = runtime.add(container, env={"CULVERT_RUN_DIR": directory}).error()
        assert error["code"] == 106, error
        assert all(word in error["details"] for word in (why, directory, "CULVERT_RUN_DIR")), error
        assert link_names(host) == {"lo"} and left_behind(host, [container]) == {}
        own = {"CULVERT_RUN_DIR": "/run/user/65534/culvert"}
        good(runtime.add(container, env=own))
        assert host.path("/run/user/65534/culvert/attachments/net/c1:eth0.json").exists()
        good(runtime.delete(container, env=own))
        assert left_behind(host, [container]) == {}


def test_leases_that_cannot_be_written(ours: Implementation) -> None:
    """Without a data directory of the user's own, the error names the one that was tried."""
    with RootlessHost(ours, "mount -t tmpfs -o ro tmpfs /var/lib/cni\n") as host:
        container = host.add_container("c1")
        runtime = Runtime(host, host.implementation, lan())
        error = runtime.add(container).error()
        assert error["code"] == 106 and "/var/lib/cni/networks/net" in f"{error['msg']} {error['details']}", error
        assert left_behind(host, [container]) == {}
        own = Runtime(host, host.implementation, lan(dataDir="/run/user/65534/networks"))
        good(own.add(container))
        good(own.delete(container))


def test_podman_of_an_ordinary_user(ours: Implementation) -> None:
    """podman itself, with slirp4netns as the way out: containers talk, publish, join and leave, and leave nothing."""
    with RootlessPodmanHost(ours) as host:
        assert host.does("info", "-f", "{{.Host.NetworkBackend}} {{.Host.Security.Rootless}}") == "cni true"
        for number, name in enumerate(("n1", "n2")):
            subnets = ["--ipv6", "--subnet", f"10.9{number}.0.0/24", "--subnet", f"fd9{number}::/64"]
            host.does("network", "create", *subnets, name)
        host.runs("a", "--network", "n1", "--ip", "10.90.0.77", "--ip6", "fd90::77", "-p", "8080:80")
        host.runs("b", "--network", "n1")
        assert fetch(host, None, "127.0.0.1", 8080, 10) == PAGE
        for address in ("10.90.0.77", "fd90::77"):
            until(lambda: host.reads("b", address), f"b reads {address}")
        host.does("network", "connect", "--ip", "10.91.0.5", "n2", "b")
        host.runs("c", "--network", "n2")
        assert host.reads("c", "10.91.0.5")
        host.does("network", "disconnect", "n2", "b")
        host.does("restart", "-t", "0", "a")
        until(lambda: fetch(host, None, "127.0.0.1", 8080, 10) == PAGE, "a serves again")
        listed = json.loads(host.among_networks(f"{CULVERT} list -o json"))["attachments"]
        assert [each["network"] for each in listed] == ["n1", "n1", "n2"], listed
        assert {(each["state"], each["container"]) for each in listed} == {("whole", "alive")}, listed
        assert json.loads(host.among_networks(f"CNI_PATH={PLUGINS} {CULVERT} gc -o json"))["actions"] == []
        host.does("rm", "-f", "-t", "0", "b", "c")
        looking = "find /run/culvert/attachments -type f; nft list ruleset; ls /var/lib/cni/networks/*"
        left = host.among_networks(looking)
        assert "10.90.0.77" in left and "10.90.0.2" not in left and "10.91" not in left, left
        host.does("rm", "-f", "-t", "0", "a")
        assert link_names(host) == {"lo"}
        assert set(host.does("network", "prune", "-f").split()) == {"n1", "n2"}
