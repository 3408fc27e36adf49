# SPDX-License-Identifier: Apache-2.0
"""podman 4 itself, with our plugins in place of those that it was made for."""
from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from implementations import Implementation, build_directory
from podman import IMAGE, PodmanHost
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, fetch, netns, ruleset, serve

pytestmark = pytest.mark.xdist_group("podman")
#: What the servers of containers say.
PAGE = "hello\n"


@pytest.fixture(scope="module")
def machine(ours: Implementation) -> Iterator[PodmanHost]:
    """One host for all tests: an image takes a while to make."""
    with PodmanHost(ours) as host:
        add_outside(host)
        yield host


@pytest.fixture
def podman(machine: PodmanHost) -> Iterator[PodmanHost]:
    """The host, from which the test removes everything that it made."""
    yield machine
    machine.does("rm", "-f", "-t", "0", "--all")
    machine.does("network", "prune", "-f")
    assert machine.remains() == {}


def networks(podman: PodmanHost, *names: str, options: tuple[str, ...] = ()) -> None:
    """Creates dual-stack networks."""
    for number, name in enumerate(names):
        podman.does("network", "create", "--ipv6", "--subnet", f"10.9{number}.0.0/24", "--subnet", f"fd9{number}::/64",
                    *options, name)


def reads(podman: PodmanHost, name: str, address: str, port: int = 80) -> bool:
    """Whether a client in a container gets the page of a server."""
    return fetch(podman, podman.namespace(name), address, port, 1) == PAGE


def pings(podman: PodmanHost, name: str, address: str) -> bool:
    """Whether a container gets an answer to a ping."""
    return podman.run(["ping", "-nqc1", "-W1", address], netns=netns(podman.namespace(name))).ok


def listeners(podman: PodmanHost) -> str:
    """The processes of the host that listen, and where."""
    return podman.must("ss -Hlntup")


def test_our_plugins_are_the_ones(podman: PodmanHost, ours: Implementation) -> None:
    """podman uses CNI, and no directory but ours."""
    assert podman.does("info", "-f", "{{.Host.NetworkBackend}}") == "cni"
    networks(podman, "n1")
    types = [plugin["type"] for plugin in json.loads(podman.path("/etc/cni/net.d/n1.conflist").read_text())["plugins"]]
    assert types == ["bridge", "portmap", "firewall", "tuning"]
    assert all((ours.directory / each).is_file() for each in (*types, "host-local"))


def test_two_containers_talk(podman: PodmanHost) -> None:
    """Pings and pages, in both families, and to the world."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1")
    podman.runs("b", "--network", "n1")
    for family in (4, 6):
        assert pings(podman, "a", podman.address("b", "n1", family))
        assert reads(podman, "b", podman.address("a", "n1", family))
    serve(podman, OUTSIDE, 7000)
    for address, host in ((OUTSIDER4, HOST4), (OUTSIDER6, HOST6)):
        assert fetch(podman, podman.namespace("a"), address, 7000) == f"outside {host}"


def test_published_ports(podman: PodmanHost) -> None:
    """Heard by the host, by the outside, by the container itself and by its neighbour, each where it should be."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "-p", "8080:80", "-p", "127.0.0.1:8081:80")
    podman.runs("b", "--network", "n1")
    for address in ("127.0.0.1", HOST4, "10.90.0.1", HOST6, "fd90::1"):
        assert fetch(podman, None, address, 8080) == PAGE, address
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    assert fetch(podman, OUTSIDE, HOST6, 8080) == PAGE
    assert fetch(podman, None, "127.0.0.1", 8081) == PAGE
    assert fetch(podman, OUTSIDE, HOST4, 8081, 1) == ""
    for name in ("a", "b"):
        assert reads(podman, name, "10.90.0.1", 8080) and reads(podman, name, HOST4, 8080)
        assert reads(podman, name, "fd90::1", 8080)


def test_reload_after_the_rules_were_lost(podman: PodmanHost) -> None:
    """`network reload` brings back what somebody flushed, while podman itself keeps the published port occupied."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    address = podman.address("a", "n1")
    assert ":8080 " in listeners(podman) and "conmon" in listeners(podman)
    podman.does("network", "reload", "a")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    podman.must("nft flush ruleset")
    assert fetch(podman, OUTSIDE, HOST4, 8080, 1) == ""
    podman.does("network", "reload", "a")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    assert podman.address("a", "n1") == address


def test_chosen_addresses(podman: PodmanHost) -> None:
    """--ip, --ip6 and --mac-address are what the container gets, and others get to hear of."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "--ip", "10.90.0.77", "--ip6", "fd90::77", "--mac-address", "02:aa:bb:cc:dd:01")
    podman.runs("b", "--network", "n1")
    assert "02:aa:bb:cc:dd:01" in podman.must("ip link show eth0", netns=netns(podman.namespace("a")))
    assert reads(podman, "b", "10.90.0.77") and reads(podman, "b", "fd90::77")
    assert "02:aa:bb:cc:dd:01" in podman.must("ip neighbour", netns=netns(podman.namespace("b")))


def test_isolated_networks(podman: PodmanHost) -> None:
    """Neighbours talk, containers of another isolated network do not, ports are published for the world."""
    networks(podman, "n1", "n2", options=("-o", "isolate=true"))
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    podman.runs("b", "--network", "n1")
    podman.runs("c", "--network", "n2")
    for family in (4, 6):
        address = podman.address("a", "n1", family)
        assert reads(podman, "b", address) and not reads(podman, "c", address)
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE


def test_internal_network(podman: PodmanHost) -> None:
    """Neighbours talk, and nobody else."""
    networks(podman, "n1", options=("--internal",))
    podman.runs("a", "--network", "n1")
    podman.runs("b", "--network", "n1")
    assert reads(podman, "b", podman.address("a", "n1")) and pings(podman, "b", podman.address("a", "n1", 6))
    assert fetch(podman, OUTSIDE, podman.address("a", "n1"), 80, 1) == ""
    assert not pings(podman, "a", OUTSIDER4)


def test_two_networks(podman: PodmanHost) -> None:
    """A container with published ports joins a second network, leaves either, and is heard all the time."""
    networks(podman, "n1", "n2")
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    podman.runs("b", "--network", "n2")
    podman.does("network", "connect", "n2", "a")
    assert reads(podman, "b", podman.address("a", "n2"))
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    podman.does("network", "disconnect", "n1", "a")
    assert fetch(podman, None, "127.0.0.1", 8080) == PAGE
    podman.does("network", "connect", "n1", "a")
    podman.does("network", "disconnect", "n2", "a")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE


def test_two_networks_from_the_start(podman: PodmanHost) -> None:
    """podman asks for the same ports on each network of a container."""
    networks(podman, "n1", "n2")
    podman.runs("a", "--network", "n1", "--network", "n2", "-p", "8080:80")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    assert fetch(podman, None, "127.0.0.1", 8080) == PAGE


def test_stop_start_and_kill(podman: PodmanHost) -> None:
    """A container comes back with its ports, also after it died."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    for way in (("stop", "-t", "0"), ("kill",)):
        podman.does(*way, "a")
        podman.does("wait", "--condition", "exited", "a")
        podman.does("start", "a")
        podman.waits_for("a")
        assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE, way


def test_addresses_of_one_family(podman: PodmanHost) -> None:
    """A network without IPv6, a range of it, and a second network with a chosen address."""
    podman.does("network", "create", "--subnet", "10.90.0.0/24", "--ip-range", "10.90.0.128/25", "n1")
    podman.does("network", "create", "--subnet", "10.91.0.0/24", "--gateway", "10.91.0.254", "n2")
    podman.runs("a", "--network", "n1")
    podman.runs("b", "--network", "n2")
    assert int(podman.address("a", "n1").split(".")[3]) >= 128
    podman.does("network", "connect", "--ip", "10.91.0.77", "n2", "a")
    assert podman.address("a", "n2") == "10.91.0.77" and reads(podman, "b", "10.91.0.77")
    assert "10.91.0.254" in podman.must("ip address show")


def test_macvlan_network(podman: PodmanHost) -> None:
    """Containers upon a link of the host reach each other and their neighbours on the wire."""
    podman.must("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip netns add wire; "
                "ip link set lan1 netns wire; ip -n wire link set lan1 up; "
                "ip -n wire address add 10.92.0.1/24 dev lan1")
    try:
        podman.does("network", "create", "-d", "macvlan", "-o", "parent=lan0", "--subnet", "10.92.0.0/24",
                    "--gateway", "10.92.0.1", "n1")
        podman.runs("a", "--network", "n1")
        podman.runs("b", "--network", "n1", "--ip", "10.92.0.99", "--mac-address", "02:aa:bb:cc:dd:02")
        assert reads(podman, "a", "10.92.0.99") and pings(podman, "a", "10.92.0.1")
        assert fetch(podman, "wire", podman.address("a", "n1"), 80) == PAGE
        assert pings(podman, "b", "10.92.0.1")
        assert "02:aa:bb:cc:dd:02" in podman.must("ip neighbour", netns=netns("wire"))
    finally:
        podman.does("rm", "-f", "-t", "0", "--all")
        podman.must("ip netns del wire; ip link del lan0 2>/dev/null || :")


def test_restart_and_sudden_death(podman: PodmanHost) -> None:
    """`restart`, the process killed with signal 9, and its keeper killed with it, so that nobody cleans up."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    podman.does("restart", "-t", "0", "a")
    podman.waits_for("a")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    podman.must(f"kill -9 {podman.does('inspect', '-f', '{{.State.Pid}}', 'a')}")
    podman.does("wait", "a")
    podman.does("start", "a")
    podman.waits_for("a")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    podman.must(f"kill -9 {podman.does('inspect', '-f', '{{.State.ConmonPid}} {{.State.Pid}}', 'a')}")
    podman.does("rm", "-f", "-t", "0", "a")
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE


def test_reboot(podman: PodmanHost) -> None:
    """All that a kernel forgets is gone: containers start again with their ports, and nothing of before stays."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "-p", "8080:80", "--ip", "10.90.0.77")
    podman.runs("b", "--network", "n1")
    for name in ("a", "b"):
        podman.must(f"kill -9 {podman.does('inspect', '-f', '{{.State.ConmonPid}} {{.State.Pid}}', name)}")
    podman.must("""
        for name in $(ip netns list | cut -d' ' -f1); do [ "$name" = outside ] || ip netns del "$name"; done
        for link in $(ls /sys/class/net | grep -E '^(cni-podman|veth)'); do ip link del "$link" 2>/dev/null || :; done
        nft flush ruleset
        grep -E ' /run/(containers|libpod)' /proc/self/mountinfo | cut -d' ' -f5 | sort -r | xargs -r umount -l
        grep -oE ' /var/lib/containers/storage/overlay[^ ]*' /proc/self/mountinfo | sort -r | xargs -r umount -l || :
        rm -rf /run/culvert /run/containers /run/libpod /run/runc
        find /var/lib/cni/networks -type f -exec touch -d '10 years ago' '{}' +
    """)
    podman.does("start", "a", "b")
    for name in ("a", "b"):
        podman.waits_for(name)
    podman.settle()
    assert podman.address("a", "n1") == "10.90.0.77"
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE and reads(podman, "b", "10.90.0.77")
    leases = [path.name for path in podman.path("/var/lib/cni/networks/n1").glob("10.*")]
    assert sorted(leases) == sorted(podman.address(name, "n1") for name in ("a", "b"))


def test_back_to_the_reference(podman: PodmanHost, ours: Implementation, reference: Implementation) -> None:
    """Containers of ours are removed by the reference's plugins; what those do not know, `culvert gc` ends."""
    networks(podman, "n1")
    identity = podman.runs("a", "--network", "n1", "-p", "8080:80")
    podman.runs("b", "--network", "n1")
    podman.install(reference)
    podman.runs("c", "--network", "n1", "-p", "8081:80")
    assert reads(podman, "c", podman.address("a", "n1")) and reads(podman, "b", podman.address("c", "n1"))
    assert fetch(podman, OUTSIDE, HOST4, 8081) == PAGE
    podman.does("rm", "-f", "-t", "0", "a")
    podman.install(ours)
    assert fetch(podman, OUTSIDE, HOST4, 8080, 1) == "" and reads(podman, "c", podman.address("b", "n1"))
    podman.does("rm", "-f", "-t", "0", "c")
    tool = str(build_directory() / "culvert")
    env = {"CNI_PATH": ours.cni_path, "NETCONFPATH": "/etc/cni/net.d"}
    collected = podman.run([tool, "gc", "--yes"], env=env)
    assert collected.ok and "disconnect" in collected.stdout, collected
    assert pings(podman, "b", "10.90.0.1")
    # The reference's DEL misses a chain of iptables that ours never made, and fails: so podman keeps the result.
    podman.must(f"rm -f /var/lib/cni/results/n1-{identity}-eth0")


def test_a_taken_port(podman: PodmanHost) -> None:
    """The second container that wants a port is refused; the first one keeps it, and the second leaves nothing."""
    networks(podman, "n1")
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    before = ruleset(podman)
    refused = podman.podman(*podman.starting("b", "--network", "n1", "-p", "8080:80"))
    assert not refused.ok and "8080" in refused.stderr
    podman.does("rm", "-f", "-t", "0", "b")
    assert ruleset(podman) == before
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE


def test_upgrade_under_running_containers(podman: PodmanHost, ours: Implementation, reference: Implementation) -> None:
    """Containers that the reference connected are reloaded, joined and removed by our plugins."""
    podman.install(reference)
    networks(podman, "n1", "n2", options=("-o", "isolate=true"))
    podman.runs("a", "--network", "n1", "-p", "8080:80")
    podman.runs("b", "--network", "n1", "-p", "8081:80")
    podman.install(ours)
    podman.runs("c", "--network", "n1")
    podman.runs("d", "--network", "n2")
    podman.does("network", "reload", "a")
    address = podman.address("a", "n1")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == fetch(podman, OUTSIDE, HOST4, 8081) == PAGE
    assert fetch(podman, OUTSIDE, HOST6, 8080) == fetch(podman, None, "127.0.0.1", 8081) == PAGE
    assert reads(podman, "b", address) and reads(podman, "c", address) and not reads(podman, "d", address)


def test_a_pod(podman: PodmanHost) -> None:
    """Containers of a pod share its address and its ports."""
    networks(podman, "n1")
    podman.does("pod", "create", "--name", "p", "--network", "n1", "-p", "8080:80", "--infra-image",
                IMAGE, "--infra-command", "/bin/busybox sleep 1000", "--cgroup-parent", f"/{podman.group}")
    podman.runs("a", "--pod", "p")
    assert fetch(podman, OUTSIDE, HOST4, 8080) == PAGE
    podman.does("pod", "rm", "-f", "-t", "0", "p")
