# SPDX-License-Identifier: Apache-2.0
"""The packages' units under a real systemd, on a copy of this machine that runs one."""
from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from booted import BootedMachine
from implementations import REPOSITORY, build_directory
from packing import pack, with_manuals

pytestmark = [pytest.mark.needs_culvert, pytest.mark.xdist_group("systemd")]

NETWORKS = ("userspace", "culvert")
#: How an operator would call plugins.
CALL = "export CNI_PATH=/usr/lib/cni NETCONFPATH=/etc/cni/net.d CNI_CONTAINERID={container}; cnitool {verb} {network} " \
       "/run/netns/{container} >/dev/null"
#: Where systemd-networkd tells of links.
LINKS = "/run/systemd/netif/links"


@pytest.fixture(scope="module")
def packages() -> Iterator[list[pathlib.Path]]:
    """All packages."""
    with tempfile.TemporaryDirectory(prefix="systemd-", dir=build_directory().parent) as directory:
        place = pathlib.Path(directory)
        (place / "build").mkdir()
        yield pack("deb", with_manuals(place / "build"), place / "debs")


@pytest.fixture(scope="module")
def machine(packages: list[pathlib.Path]) -> Iterator[BootedMachine]:
    """A machine on which all packages are installed, with two networks and two containers."""
    with BootedMachine() as booted:
        booted.install(*packages)
        directory = booted.root / "etc/cni/net.d"
        directory.mkdir(parents=True, exist_ok=True)
        for name in NETWORKS:
            (directory / f"{name}.conflist").write_text((REPOSITORY / f"conf/{name}.conflist").read_text())
        booted.shell("ip link set lo up; ip netns add a; ip netns add b")
        yield booted


@pytest.fixture(scope="module", autouse=True)
def states(machine: BootedMachine) -> dict[str, str]:
    """Each unit, and whether it is enabled before any test has enabled it."""
    listed = machine.must("dpkg", "-L", "culvert", "culvert-cni", "culvert-switchd").split()
    units = [path for path in listed if "/systemd/system/" in path]
    return {unit: machine.run("systemctl", "is-enabled", unit.rpartition("/")[2]).stdout.strip() for unit in units}


def call(machine: BootedMachine, verb: str, network: str, container: str) -> None:
    """What cnitool does with a network."""
    machine.shell(CALL.format(verb=verb, network=network, container=container))


def reaches(machine: BootedMachine, container: str, address: str) -> bool:
    """Whether an address answers a container."""
    ping = ["ip", "netns", "exec", container, "ping", "-n", "-q", "-c", "1", "-W", "2", address]
    return machine.run(*ping).returncode == 0


def test_units_are_sound(machine: BootedMachine, states: dict[str, str]) -> None:
    """systemd has nothing to say against any of them, and packages enable none."""
    assert len(states) == 11
    said = machine.run("systemd-analyze", "verify", "--man=no", *states)
    assert said.returncode == 0 and said.stdout + said.stderr == ""
    assert set(states.values()) <= {"disabled", "static"}, states


def test_switch(machine: BootedMachine, packages: list[pathlib.Path]) -> None:
    """With the rights that its unit leaves it, it carries frames; killed or upgraded, it is there again."""
    unit = "culvert-switchd.service"
    machine.must("systemctl", "enable", "--now", unit)
    for container in ("a", "b"):
        # The socket is there a moment after the process.
        add = CALL.format(verb="add", network="userspace", container=container)
        machine.until(lambda: machine.run("sh", "-euc", add).returncode == 0, f"{container} on the switch")
    machine.until(lambda: reaches(machine, "a", "10.82.0.3"), "an answer from b")

    def process(former: str = "") -> str:
        """The process of the switch; empty while there is none, or still the former one."""
        found = machine.must("systemctl", "show", "--property=MainPID", "--value", unit).strip()
        return found if found not in ("0", former) and machine.is_active(unit) else ""

    first = process()
    machine.must("systemctl", "kill", "--signal=KILL", unit)
    second = machine.until(lambda: process(first), "another process")
    machine.until(lambda: reaches(machine, "a", "10.82.0.3"), "an answer from b after the kill")
    # Installed once more, as by an upgrade.
    machine.install(packages[-1])
    machine.until(lambda: process(second), "a process of the new program")
    machine.until(lambda: reaches(machine, "a", "10.82.0.3"), "an answer from b after the upgrade")
    for container in ("a", "b"):
        call(machine, "del", "userspace", container)
    machine.must("dpkg", "--remove", "culvert-switchd")
    assert not machine.is_active(unit)
    machine.install(packages[-1])


def test_leases_begin_with_the_first_question(machine: BootedMachine) -> None:
    """The daemon of dhcp is started by its socket."""
    machine.must("systemctl", "start", "culvert-dhcp.socket")
    assert not machine.is_active("culvert-dhcp.service")
    machine.shell("echo | timeout 5 nc -NU /run/cni/dhcp.sock || :")
    machine.until(lambda: machine.is_active("culvert-dhcp.service"), "the daemon")
    machine.must("systemctl", "stop", "culvert-dhcp.service", "culvert-dhcp.socket")


def test_what_others_break_is_put_right(machine: BootedMachine) -> None:
    """A manager of links that does something has reconcile look; nftables that starts anew has the rules put back."""
    call(machine, "add", "culvert", "a")
    (machine.root / LINKS.lstrip("/")).mkdir(parents=True, exist_ok=True)
    machine.must("systemctl", "enable", "--now", "culvert-reconcile.path")
    port = machine.shell("ip -o link show master culvert0").split()[1].partition("@")[0]
    machine.shell(f"ip link set {port} nomaster; echo >{LINKS}/7")
    machine.until(lambda: port in machine.shell("ip -o link show master culvert0"), "the port on its bridge")
    machine.must("systemctl", "disable", "--now", "culvert-reconcile.path")
    rules = machine.must("nft", "list", "table", "inet", "cni_plugins_masquerade")
    machine.must("systemctl", "enable", "culvert-reload.service")
    machine.must("systemctl", "restart", "nftables.service")

    def again() -> bool:
        """Whether the rules are there."""
        return machine.run("nft", "list", "table", "inet", "cni_plugins_masquerade").stdout == rules

    machine.until(again, "the rules")
    machine.must("systemctl", "disable", "--now", "culvert-reload.service", "nftables.service")
    call(machine, "del", "culvert", "a")


def test_metrics_and_messages(machine: BootedMachine) -> None:
    """The timer has metrics written; what failed stands in the journal of the host."""
    directory = machine.root / "var/lib/prometheus/node-exporter"
    directory.mkdir(parents=True, exist_ok=True)
    machine.must("systemctl", "start", "culvert-metrics.service")
    assert "culvert_" in (directory / "culvert.prom").read_text()
    machine.must("systemctl", "enable", "--now", "culvert-metrics.timer")
    assert "culvert-metrics.timer" in machine.must("systemctl", "list-timers", "--all", "--no-pager")
    machine.must("systemctl", "disable", "--now", "culvert-metrics.timer")
    refused = machine.run("sh", "-euc", CALL.format(verb="add", network="culvert", container="nobody"))
    assert refused.returncode != 0
    said = ["journalctl", "--no-pager", "--output=cat", "SYSLOG_IDENTIFIER=culvert"]
    machine.until(lambda: "nobody" in machine.run(*said).stdout, "the failure in the journal")
