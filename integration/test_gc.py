# SPDX-License-Identifier: Apache-2.0
"""culvert gc: whoever died leaves nothing, although no runtime ever calls DEL."""
from __future__ import annotations

import concurrent.futures
import fcntl
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from faults import KILLED, points_in
from host import Container, Host, new_host
from implementations import Implementation
from kernel_state import LEASES, left_behind
from operator_tool import Operator, connected
from runtime import Network, Runtime, bridge, host_local, network
from traffic import ruleset

pytestmark = pytest.mark.needs_culvert

RECORDS = "/run/culvert/attachments"


def lan(**members: Any) -> Network:
    """A network that leaves as much as can be: leases, rules, an ifb, a file of tuning's."""
    return network(
        bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True, ipMasq=True, macspoofchk=True, **members),
        {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
        {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000,
         "egressBurst": 800_000},
        {"type": "portmap", "capabilities": {"portMappings": True}}, {"type": "firewall"},
        name="lan", version="1.1.0")


def mapping(port: int) -> dict[str, Any]:
    """A published port."""
    return {"portMappings": [{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]}


class Site:
    """A host whose runtime has forgotten everything."""

    def __init__(self, host: Host, ours: Implementation, *networks: Network) -> None:
        self.host = host
        self.runtimes = {listed["name"]: Runtime(host, ours, listed) for listed in networks}
        self.tool = Operator(host, ours, *networks)

    def join(self, name: str, listed: str = "lan", **options: Any) -> Container:
        """A container on a network."""
        return connected(self.runtimes[listed], name, **options)

    def actions(self, *words: str) -> list[tuple[str, str]]:
        """What gc says, action and container or address."""
        found = self.tool.document("gc", *words)["actions"]
        return [(entry["action"], entry["address"] or f"{entry['containerID']}:{entry['interface']}") for entry in found]

    def records(self) -> list[str]:
        """The files of all records."""
        root = self.host.path(RECORDS)
        return sorted(path.name for path in root.glob("*/*")) if root.exists() else []


@pytest.fixture
def site(host: Host, ours: Implementation) -> Site:
    """A host with one network."""
    return Site(host, ours, lan())


def test_what_the_dead_left_goes_and_the_living_stay(site: Site) -> None:
    """Leases, rules, ifbs, records; nothing without --yes, and nothing to do afterwards."""
    dead, living = site.join("dead", capabilities=mapping(8080)), site.join("living", capabilities=mapping(8081))
    before = ruleset(site.host)
    site.host.remove_container(dead)
    assert site.actions() == site.actions("--dry-run") == [("disconnect", "dead:eth0")]
    assert "nothing was done" in site.tool.run("gc").stderr and ruleset(site.host) == before
    done = site.tool.must("gc", "--yes")
    assert "dead:eth0" in done and "its network namespace" not in done and "/run/netns/dead is gone" in done
    assert site.records() == ["living:eth0.json", "living:eth0:firewall.json", "living:eth0:portmap.json"]
    rules = ruleset(site.host)
    assert "8081" in rules and "8080" not in rules and "10.77.0.2" not in rules and "10.77.0.3" in rules
    assert [path.name for path in sorted(site.host.path(f"{LEASES}/lan").glob("*77*"))] == ["10.77.0.3", "fd77::3"]
    assert len([link for link in site.host.links() if link["ifname"].startswith("bwp")]) == 1
    lan_runtime = site.runtimes["lan"]
    assert lan_runtime.check(living).ok
    assert site.tool.must("gc", "--yes") == "nothing to clean up\n"
    assert lan_runtime.delete(living).ok
    assert not left_behind(site.host, [living], name="lan")


def test_who_may_be_alive_is_left_alone(site: Site) -> None:
    """A process in a namespace without a path, somebody at work, a record that names no namespace."""
    hidden, busy, unknown = (site.join(name) for name in ("hidden", "busy", "unknown"))
    site.host.start_inside(hidden.netns)
    site.host.must("umount /run/netns/hidden; rm /run/netns/hidden")
    site.host.remove_container(busy)
    record = site.host.path(f"{RECORDS}/lan/unknown:eth0.json")
    for path in site.host.path(f"{RECORDS}/lan").glob("unknown:*"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "netns": "", "netnsIdentity": ""}))
    site.host.remove_container(unknown)
    assert record.exists()
    with site.host.path(f"{RECORDS}/lan/busy:eth0.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert [action for action in site.actions("--yes") if action[0] == "disconnect"] == []
    assert site.actions("--yes")[0] == ("disconnect", "busy:eth0")
    assert {name.split(":")[0] for name in site.records()} == {"hidden", "unknown"}


def test_a_second_life_of_a_container_is_not_ended(site: Site) -> None:
    """The same id in another namespace: the record of the first is dead, the one of the second is not."""
    first = site.join("c1")
    site.host.remove_container(first)
    second = site.join("c1")
    assert site.actions("--yes") == []
    assert site.runtimes["lan"].check(second).ok
    # Where the container was, another one is now.
    # It was there before, or else the kernel might give it the number of the one that has gone.
    other = site.host.add_container("other")
    site.host.remove_container(second)
    site.host.must("touch /run/netns/c1; mount --bind /run/netns/other /run/netns/c1")
    site.host.must("ip link add eth0 type veth peer name x; ip link set eth0 netns c1")
    assert "another namespace" in site.tool.attachments()["c1:eth0"]["proof"]
    assert site.actions("--yes") == [("disconnect", "c1:eth0")]
    assert not site.records() and "eth0" in {link["ifname"] for link in site.host.links(other.netns)}


#: Stands in for a plugin: the first DEL says that it has come, and waits to be let on. A pipe is opened by both ends.
PAUSING = """#!/bin/sh
if [ "$CNI_COMMAND" = DEL ] && mkdir /run/paused 2>/dev/null; then echo here >/run/reached; read -r on </run/on; fi
exec {directory}/{plugin}
"""


def pausing(site: Site, ours: Implementation, plugin: str) -> dict[str, str]:
    """The environment in which gc's DEL of one plugin waits."""
    place = site.host.path("/run/pausing")
    place.mkdir()
    for path in ours.directory.iterdir():
        if path.name != plugin:
            (place / path.name).symlink_to(path)
    (place / plugin).write_text(PAUSING.format(directory=ours.directory, plugin=plugin))
    (place / plugin).chmod(0o755)
    site.host.must("mkfifo /run/reached /run/on")
    return {"CNI_PATH": "/run/pausing"}


@pytest.mark.parametrize("plugin", ["firewall", "portmap", "bridge"])
def test_who_comes_back_while_it_is_ended_stays(site: Site, ours: Implementation, plugin: str) -> None:
    """Its runtime has begun it anew by the time that gc calls a plugin: with its rules, addresses and links it stays."""
    container = site.join("c1", capabilities=mapping(8080))
    site.host.remove_container(container)
    env = pausing(site, ours, plugin)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        collecting = pool.submit(site.tool.run, "gc", "--yes", env=env)
        assert site.host.must("cat /run/reached") == "here\n"
        assert site.runtimes["lan"].delete(container).ok
        container = site.join("c1", capabilities=mapping(8080))
        site.host.must("echo >/run/on")
        outcome = collecting.result()
    assert outcome.ok, outcome
    assert_whole(site, container)


def test_nobody_comes_back_while_a_plugin_without_a_record_ends_it(site: Site, ours: Implementation) -> None:
    """What bandwidth does to a dead container's name is not done to who comes meanwhile: that one waits."""
    container = site.join("c1", capabilities=mapping(8080))
    site.host.remove_container(container)
    env = pausing(site, ours, "bandwidth")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        collecting = pool.submit(site.tool.run, "gc", "--yes", env=env)
        assert site.host.must("cat /run/reached") == "here\n"
        container = site.host.add_container("c1")
        assert not site.host.run(["flock", "--nonblock", f"{RECORDS}/lan/c1:eth0.json", "true"]).ok
        beginning = pool.submit(site.runtimes["lan"].add, container, capabilities=mapping(8080))
        site.host.must("echo >/run/on")
        assert beginning.result().ok and collecting.result().ok, (beginning.result(), collecting.result())
    assert_whole(site, container)


def assert_whole(site: Site, container: Container) -> None:
    """An attachment lacks nothing, and leaves nothing."""
    assert site.runtimes["lan"].check(container).ok
    assert site.records() == ["c1:eth0.json", "c1:eth0:firewall.json", "c1:eth0:portmap.json"]
    assert "8080" in ruleset(site.host) and site.actions() == []
    site.tool.must("reconcile", "--dry-run")
    assert len([link for link in site.host.links() if link["ifname"].startswith("bwp")]) == 1
    assert site.runtimes["lan"].delete(container).ok
    assert not left_behind(site.host, [container], name="lan")


def test_pending_and_half_records_are_finished(site: Site) -> None:
    """What a DEL could not remove is tried again, also of a living container; half a record goes."""
    pending, half = site.join("pending"), site.join("half")
    for name in ("pending:eth0.json", "pending:eth0:firewall.json"):
        path = site.host.path(f"{RECORDS}/lan/{name}")
        path.write_text(path.read_text().replace('"state":"attached"', '"state":"removing"'))
    assert site.runtimes["lan"].delete(half).ok
    site.host.path(f"{RECORDS}/lan/half:eth0.json").write_text('{"state": "inten')
    assert set(site.actions("--yes")) >= {("disconnect", "pending:eth0"), ("forget", "half:eth0")}
    assert not site.records() and not left_behind(site.host, [pending, half], name="lan")


def test_the_configuration_of_its_time_counts(host: Host, ours: Implementation) -> None:
    """A network that was renamed, rewritten or removed since is still cleaned up, by the records alone."""
    site = Site(host, ours, lan())
    for name, listed in (("gone", None), ("other", network({"type": "ptp"}, name="lan", version="1.1.0"))):
        container = site.join(name, capabilities=mapping(8080))
        site.host.remove_container(container)
        conf = host.path("/run/conf/lan.conflist")
        conf.unlink(missing_ok=True)
        if listed:
            conf.write_text(json.dumps(listed))
        assert site.actions("--yes") == [("disconnect", f"{name}:eth0")]
        assert not site.records() and not host.path(f"{LEASES}/lan/10.77.0.2").exists()
        assert "8080" not in ruleset(host)


def test_one_network_and_failures(host: Host, ours: Implementation) -> None:
    """--network touches no other; a plugin that is not there, or is not ours, is named, and the rest goes on."""
    wire = network({"type": "ptp", "ipam": host_local("10.78.0.0/24")}, name="wire")
    site = Site(host, ours, lan(), wire)
    for name, listed in (("one", "lan"), ("two", "wire")):
        site.host.remove_container(site.join(name, listed))
    assert site.actions("--network", "wire") == [("disconnect", "two:eth0")]
    empty = site.tool.run("gc", "--yes", "--network", "wire", env={"CNI_PATH": "/nowhere"})
    assert empty.status == 1 and 'failed to find plugin "ptp"' in empty.stderr and "two:eth0" in empty.stderr
    reference = site.tool.run("gc", "--yes", "--network", "wire", env={"CNI_PATH": "/usr/lib/cni"})
    assert reference.status == 1 and "no plugin of this suite" in reference.stderr, reference
    assert site.actions("--yes", "--network", "wire") == [("disconnect", "two:eth0")]
    assert {name.split(":")[0] for name in site.records()} == {"one"}
    assert site.tool.run("gc", "--yes", "--dry-run").status == 64
    assert site.actions("--yes") == [("disconnect", "one:eth0")]


def test_records_of_an_earlier_boot_are_dead(site: Site) -> None:
    """Where the run directory outlives a reboot."""
    container = site.join("c1", capabilities=mapping(8080))
    for path in site.host.path(f"{RECORDS}/lan").glob("*.json"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    # Its links and rules went with the boot.
    site.host.must("ip -n c1 link del eth0; nft flush ruleset")
    assert site.actions("--yes") == [("disconnect", "c1:eth0")]
    assert not site.records() and not left_behind(site.host, [container], name="lan")


def test_leases_without_attachments_are_cleaned_up_too(site: Site) -> None:
    """As ipam gc does."""
    site.join("living")
    stale = site.host.path(f"{LEASES}/lan/10.77.0.99")
    stale.write_text("ghost\r\neth0")
    os.utime(stale, (1_000_000_000, 1_000_000_000))
    assert ("free", "10.77.0.99") in site.actions()
    assert stale.exists()
    assert ("free", "10.77.0.99") in site.actions("--yes")
    assert not stale.exists()


def test_killed_anywhere_a_second_run_completes_it(ours: Implementation, say: Callable[[str], None]) -> None:
    """At system calls of gc, every n-th as CULVERT_FAULT_STRIDE says."""
    trouble: list[str] = []
    count = 0
    with new_host() as host:
        site = Site(host, ours, lan())
        survivor = site.join("survivor")

        def killed(wrapper: list[str]) -> int:
            container = site.join("c1", capabilities=mapping(8080))
            site.host.remove_container(container)
            return site.tool.run("gc", "--yes", "--network", "lan", wrapper=wrapper).status

        assert killed(["strace", "-qq", "-o", "/run/trace", "-e", "signal=none"]) == 0
        points = points_in(host.path("/run/trace").read_text())
        first = next(number for number, point in enumerate(points) if "attachments" in point.arguments)
        stride = int(os.environ.get("CULVERT_FAULT_STRIDE", "0")) or max(1, len(points[first:]) // 12)
        for point in points[first::stride]:
            # Of gc itself: what kills plugins is in test_killed.py. Those that run go on, and are waited for.
            status = killed([word for word in point.wrapper if word != "-f"])
            count += status in KILLED
            again = site.tool.run("gc", "--yes")
            left = [name for name in site.records() if not name.startswith("survivor")]
            if not again.ok or left or "8080" in ruleset(host) or site.actions() != []:
                trouble.append(f"{point} ({status}): {again} {left} {site.actions()}")
        assert count > 5
        assert site.runtimes["lan"].check(survivor).ok
    say(f"culvert gc was killed at {count} points")
    assert not trouble, "\n".join(trouble)
