# SPDX-License-Identifier: Apache-2.0
"""The packages' units under a real systemd, on a copy of this machine that runs one."""
from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from booted import BootedMachine
from implementations import REPOSITORY, build_directory
from otlp import COLLECTOR, spans_of
from packing import pack, with_manuals

pytestmark = [pytest.mark.needs_culvert, pytest.mark.xdist_group("systemd")]

NETWORKS = ("userspace", "culvert", "published")
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
    """A machine on which all packages are installed, with some networks and two containers."""
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


def process(machine: BootedMachine, unit: str, former: str = "") -> str:
    """The process of a unit; empty while there is none, or still the former one."""
    found = machine.must("systemctl", "show", "--property=MainPID", "--value", unit).strip()
    return found if found not in ("0", former) and machine.is_active(unit) else ""


def said(machine: BootedMachine, unit: str) -> str:
    """What a unit's processes have printed."""
    return machine.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout


def drop_in(machine: BootedMachine, unit: str) -> None:
    """Installs what the documentation says for units of others."""
    text = (REPOSITORY / f"conf/systemd/{unit}.d-culvert.conf").read_text().replace("/usr/local/bin/", "/usr/bin/")
    directory = machine.root / f"etc/systemd/system/{unit}.d"
    directory.mkdir(parents=True)
    (directory / "culvert.conf").write_text(text)
    machine.must("systemctl", "daemon-reload")


def test_units_are_sound(machine: BootedMachine, states: dict[str, str]) -> None:
    """systemd has nothing to say against any of them, and packages enable none."""
    assert len(states) == 11
    verified = machine.run("systemd-analyze", "verify", "--man=no", *states)
    assert verified.returncode == 0 and verified.stdout + verified.stderr == ""
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

    first = process(machine, unit)
    machine.must("systemctl", "kill", "--signal=KILL", unit)
    second = machine.until(lambda: process(machine, unit, first), "another process")
    machine.until(lambda: reaches(machine, "a", "10.82.0.3"), "an answer from b after the kill")
    # Installed once more, as by an upgrade.
    machine.install(packages[-1])
    machine.until(lambda: process(machine, unit, second), "a process of the new program")
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
    machine.must("systemctl", "disable", "--now", "culvert-reload.service")
    # What another unit does besides starting is known to a drop-in alone.
    drop_in(machine, "nftables.service")
    machine.must("nft", "flush", "ruleset")
    machine.must("systemctl", "reload", "nftables.service")
    machine.until(again, "the rules after a reload")
    machine.must("systemctl", "stop", "nftables.service")
    call(machine, "del", "culvert", "a")


def test_what_firewalld_forgets_is_put_back(machine: BootedMachine) -> None:
    """When it reloads, of which systemd hears nothing, and when it starts anew; then a drop-in is enough."""
    unit = "culvert-firewalld.service"
    machine.must("systemctl", "start", "firewalld.service")
    call(machine, "add", "published", "a")
    machine.must("systemctl", "enable", "--now", unit)

    def sources() -> set[str]:
        """What firewalld trusts."""
        return set(machine.run("firewall-cmd", "--zone=trusted", "--list-sources").stdout.split())

    trusted = sources()
    assert len(trusted) == 2 and "10.47.0.2/32" in trusted
    # It looks when it begins to listen.
    machine.until(lambda: "nothing is missing" in said(machine, unit), "somebody who listens")
    machine.must("firewall-cmd", "--reload")
    machine.until(lambda: "put back" in said(machine, unit), "a message after the reload")
    assert sources() == trusted
    machine.must("systemctl", "restart", "firewalld.service")
    machine.until(lambda: machine.is_active(unit) and sources() == trusted, "the addresses after a restart")
    machine.must("systemctl", "disable", "--now", unit)
    drop_in(machine, "firewalld.service")
    machine.must("systemctl", "restart", "firewalld.service")
    machine.until(lambda: sources() == trusted, "the addresses by the drop-in")
    call(machine, "del", "published", "a")
    assert sources() == set()
    machine.must("systemctl", "stop", "firewalld.service")


@contextlib.contextmanager
def collector(machine: BootedMachine) -> Iterator[pathlib.Path]:
    """A collector of traces on the machine, which is busy at first; where it keeps what it gets."""
    words = machine.enter("/usr/bin/python3", "-c", COLLECTOR, "/run/requests", "1")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout and server.stdout.readline() == "ready\n"
            yield machine.root / "run/requests"
        finally:
            server.kill()


def test_calls_are_exported(machine: BootedMachine, packages: list[pathlib.Path]) -> None:
    """With the rights that the unit leaves it, to where its file of settings says, also after an upgrade."""
    unit = "culvert-export.service"
    (machine.root / "etc/default/culvert-export").write_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\n")
    with collector(machine) as kept:
        machine.must("systemctl", "enable", "--now", unit)

        def exported() -> list[str]:
            """The calls that the collector has taken."""
            lines = kept.read_text().splitlines(keepends=True) if kept.exists() else []
            requests = [json.loads(line) for line in lines if line.endswith("\n")]
            spans = [span for request in requests if request["status"] == 200 for span in spans_of(request)]
            return [span["name"] for span in spans if span["kind"] == 2]

        def calls() -> list[str]:
            """Those of the journal, with all that other tests have made."""
            lines = (machine.root / "run/culvert/journal/calls.jsonl").read_text().splitlines()
            return [f"{entry['plugin']} {entry['verb']}" for entry in map(json.loads, lines)]

        call(machine, "add", "culvert", "a")
        machine.until(lambda: exported() == calls(), "what an ADD did")
        first = process(machine, unit)
        machine.install(next(path for path in packages if path.name.startswith("culvert_")))
        machine.until(lambda: process(machine, unit, first), "a process of the new program")
        call(machine, "del", "culvert", "a")
        machine.until(lambda: exported() == calls(), "what a DEL did")
        assert calls()[-1] == "bridge DEL"
    machine.must("systemctl", "disable", "--now", unit)


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
    failures = ["journalctl", "--no-pager", "--output=cat", "SYSLOG_IDENTIFIER=culvert"]
    machine.until(lambda: "nobody" in machine.run(*failures).stdout, "the failure in the journal")
