# SPDX-License-Identifier: Apache-2.0
"""`ipam` as an operator uses it: what it says of leases that both implementations made is what there is."""
from __future__ import annotations

import fcntl
import json
import os
import pathlib
import platform
import pty
import subprocess
import threading
import time
from typing import Any

import pytest

from host import PATIENCE_SECONDS, Host, Outcome
from implementations import REFERENCE, Implementation, build_directory
from kernel_state import LEASES
from runtime import Network, Runtime, host_local, network

pytestmark = pytest.mark.needs_culvert
CONFIGURATIONS = "/run/net.d"
#: The number of read(2) in /proc/<pid>/syscall.
READ = {"x86_64": 0, "aarch64": 63}[platform.machine()]
READING = ("usage", "list", "show", "next", "config", "watch")


def leasing(name: str, *subnets: str, **members: object) -> Network:
    """A network which only gives addresses."""
    return network({"type": "host-local", "ipam": host_local(*subnets, **members)}, name=name)


class Site:
    """A host with networks, and the tool on it."""

    def __init__(self, host: Host, ours: Implementation, *networks: Network) -> None:
        self.host, self.ours = host, ours
        host.path(CONFIGURATIONS).mkdir()
        for position, listed in enumerate(networks):
            host.path(f"{CONFIGURATIONS}/{position}.conflist").write_text(json.dumps(listed))

    def command(self, *words: str) -> list[str]:
        """The words of a call."""
        return [str(self.ours.directory / "ipam"), *words]

    def ipam(self, *words: str, **env: str) -> Outcome:
        """Runs the tool."""
        return self.host.run(self.command(*words), env={"NETCONFPATH": CONFIGURATIONS, **env})

    def told(self, *words: str) -> Any:
        """What the tool says in JSON."""
        outcome = self.ipam(*words, "-o", "json")
        assert outcome.ok, outcome.stderr
        return json.loads(outcome.stdout)

    def files(self, name: str) -> dict[str, str]:
        """The lease files of a network."""
        paths = self.host.path(f"{LEASES}/{name}").iterdir()
        return {path.name: path.read_text() for path in paths if path.name[0] in "0123456789f"}

    def shape(self) -> dict[str, tuple[int, int, bytes]]:
        """All that a reader could change: each file's inode, time and content."""
        paths = [path for path in self.host.path(LEASES).rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def leases_by_hand(site: Site, name: str, count: int) -> None:
    """A lease directory as the Go host-local leaves it."""
    directory = site.host.path(f"{LEASES}/{name}")
    directory.mkdir(parents=True)
    for number in range(count):
        (directory / f"10.7.{number // 250}.{number % 250 + 2}").write_text(f"c{number:05}\r\neth0")
    (directory / "lock").touch()


def test_what_both_implementations_lease_is_found_counted_and_shown_and_nothing_changes(
        host: Host, ours: Implementation) -> None:
    """Usage, list and show agree with the files; no file is touched by any of them."""
    lan = leasing("lan", "10.77.0.0/28", "fd77::/64", exclude=["10.77.0.9"])
    old = leasing("old", "10.78.0.0/24")
    site = Site(host, ours, lan, old)
    for number in range(4):
        container = host.add_container(f"c{number}")
        side = (ours, REFERENCE)[number % 2]
        args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0" if number == 0 else ""
        assert Runtime(host, side, lan).add(container, args=args).ok
        assert Runtime(host, side, old).add(container).ok
    host.path(f"{CONFIGURATIONS}/1.conflist").unlink()
    before = site.shape()

    usage = {entry["network"]: entry for entry in site.told("usage")["networks"]}
    assert list(usage) == ["lan", "old"]
    four, six = usage["lan"]["pools"]
    assert (four["subnet"], four["total"], four["used"], four["free"]) == ("10.77.0.0/28", 12, 4, 8)
    assert (six["used"], usage["lan"]["leasesOutside"]) == (4, 0)
    assert (usage["old"]["pools"], usage["old"]["leasesOutside"]) == ([], 4)

    for name in ("lan", "old"):
        listed = site.told("list", "--network", name)["leases"]
        found = {lease["address"]: f"{lease['containerID']}\n{lease['interface']}" for lease in listed}
        assert found == site.files(name)
        names = site.ipam("list", "--network", name, "-o", "name").stdout.split()
        assert names == [lease["address"] for lease in listed]
    assert site.ipam("list", "10.77.0.3-10.77.0.4", "-o", "name").stdout.split() == ["10.77.0.3", "10.77.0.4"]

    card = site.ipam("show", "10.77.0.2").stdout
    assert "10.77.0.2 in network lan is leased" in card and "shop/web-0" in card and "/run/netns/c0 (is there)" in card
    shown = site.told("show", "--container", "c1")["addresses"]
    assert sorted((entry["network"], entry["standing"]) for entry in shown) == [
        ("lan", "leased"), ("lan", "leased"), ("old", "leased")]
    standings = {"10.77.0.1": "gateway", "10.77.0.9": "excluded", "10.77.0.8": "free", "10.77.0.15": "outside"}
    assert {text: site.told("show", text)["addresses"][0]["standing"] for text in standings} == standings

    table = site.ipam("usage")
    assert table.stdout.startswith("NETWORK") and "\x1b" not in table.stdout and not table.stderr
    for words in (("next",), ("config",), ("show", "--network", "lan"), ("usage", "--map"), ("list", "-o", "yaml")):
        assert site.ipam(*words).ok
    assert site.shape() == before


def test_what_is_said_to_come_next_comes(host: Host, ours: Implementation) -> None:
    """Also when the Go host-local gives it, and around the end of the range."""
    listed = leasing("lan", "10.77.0.0/28", exclude=["10.77.0.12"])
    site = Site(host, ours, listed)
    runtimes = [Runtime(host, side, listed) for side in (ours, REFERENCE)]
    for number in range(8):
        assert runtimes[number % 2].add(host.add_container(f"c{number}")).ok
    expected = site.ipam("next", "-n", "3", "-o", "name").stdout.split()
    assert expected == ["10.77.0.10", "10.77.0.11", "10.77.0.13"]
    for number, address in enumerate(expected):
        outcome = Runtime(host, ours, listed).add(host.add_container(f"n{number}"))
        assert outcome.result()["ips"][0]["address"] == f"{address}/28"
    assert site.ipam("next", "-n", "9", "-o", "name").stdout.split() == ["10.77.0.14"]
    assert Runtime(host, ours, listed).add(host.add_container("last")).ok
    full = site.ipam("next")
    assert full.status == 1 and "has no address left in range set 0 (10.77.0.1-10.77.0.14)" in full.stderr


def wait_for_events(watch: subprocess.Popen[str]) -> None:
    """Until it waits for the kernel to tell something: it reads from what inotify(7) gave it."""
    process = pathlib.Path(f"/proc/{watch.pid}")
    while True:
        assert watch.poll() is None
        call = (process / "syscall").read_text().split()
        if call[0] == str(READ) and os.readlink(process / f"fd/{int(call[1], 16)}") == "anon_inode:inotify":
            return
        time.sleep(0.01)


def test_a_watch_tells_each_change_once_whoever_makes_it(host: Host, ours: Implementation) -> None:
    """Ours and the Go host-local's, in a network that is there and in one that is not yet."""
    lan, new = leasing("lan", "10.77.0.0/28"), leasing("new", "10.78.0.0/28")
    site = Site(host, ours, lan)
    container = host.add_container("c0")
    assert Runtime(host, REFERENCE, lan).add(container).ok
    watch = host.start(["env", f"NETCONFPATH={CONFIGURATIONS}", *site.command("watch", "-o", "json")])
    wait_for_events(watch)
    assert Runtime(host, REFERENCE, lan).delete(container).ok
    assert Runtime(host, ours, lan).add(container).ok
    assert Runtime(host, ours, lan).delete(container).ok
    assert Runtime(host, ours, new).add(container).ok
    assert watch.stdout
    guard = threading.Timer(PATIENCE_SECONDS, watch.kill)
    guard.start()
    told = [json.loads(watch.stdout.readline()) for _ in range(4)]
    guard.cancel()
    watch.terminate()
    assert [(line["event"], line["network"], line["address"], line.get("containerID")) for line in told] == [
        ("released", "lan", "10.77.0.2", "c0"), ("leased", "lan", "10.77.0.3", "c0"),
        ("released", "lan", "10.77.0.3", "c0"), ("leased", "new", "10.78.0.2", "c0")]


def test_a_list_that_nobody_reads_on_keeps_nobody_waiting_and_ends_in_silence(
        host: Host, ours: Implementation) -> None:
    """A pager that waits holds no lock, and `head` is no error."""
    listed = leasing("many", "10.7.0.0/16")
    site = Site(host, ours, listed)
    leases_by_hand(site, "many", 3000)
    pager = host.start(["env", f"NETCONFPATH={CONFIGURATIONS}", *site.command("list", "-o", "json")])
    assert pager.stdout and pager.stdout.readline() == "{\n"
    added = Runtime(host, ours, listed).add(host.add_container("c1"), env={"CULVERT_LOCK_TIMEOUT": "1"})
    assert added.ok and pager.poll() is None
    rest = pager.stdout.read()
    assert len(json.loads("{\n" + rest)["leases"]) in (3000, 3001) and pager.wait() == 0
    words = " ".join(site.command("list"))
    headed = host.run(["bash", "-o", "pipefail", "-c", f"{words} | head -n 2"], env={"NETCONFPATH": CONFIGURATIONS})
    assert headed.ok and not headed.stderr and len(headed.stdout.splitlines()) == 2


def test_only_a_terminal_gets_colours_and_bars(host: Host, ours: Implementation) -> None:
    """NO_COLOR takes the colours away and leaves the bars."""
    listed = leasing("lan", "10.77.0.0/28")
    site = Site(host, ours, listed)
    for number in range(12):
        assert Runtime(host, ours, listed).add(host.add_container(f"c{number}")).ok

    def seen(**env: str) -> str:
        ours_end, theirs = pty.openpty()
        fcntl.ioctl(theirs, 0x5414, b"\x18\x00\x64\x00\x00\x00\x00\x00")  # TIOCSWINSZ: 24 lines of 100 columns
        full = {"PATH": os.environ["PATH"], "NETCONFPATH": CONFIGURATIONS, "TERM": "xterm", "LC_ALL": "C.UTF-8", **env}
        subprocess.run([*host.enter(), *site.command("usage")], stdout=theirs, env=full, check=True, timeout=60)
        os.close(theirs)
        text = b""
        while True:
            try:
                text += os.read(ours_end, 65536)
            except OSError:
                os.close(ours_end)
                return text.decode()

    assert "\x1b[31m" in seen() and "██████" in seen()
    assert "\x1b" not in seen(NO_COLOR="1") and "██████" in seen(NO_COLOR="1")
    assert "██" not in seen(LC_ALL="C") and "######" in seen(LC_ALL="C")
    assert all(len(line) <= 100 for line in seen(NO_COLOR="1").splitlines())


def test_what_is_wrong_is_said_with_a_way_out(host: Host, ours: Implementation) -> None:
    """Warnings for broken files, 1 for what cannot be done, 64 for what makes no sense."""
    listed = leasing("lan", "10.77.0.0/28")
    site = Site(host, ours, listed)
    host.path(f"{CONFIGURATIONS}/9.conflist").write_text("{")
    assert Runtime(host, ours, listed).add(host.add_container("c1")).ok
    warned = site.ipam("usage", "-o", "name")
    assert warned.ok and warned.stdout == "lan\n"
    assert warned.stderr.startswith(f"ipam: warning: {CONFIGURATIONS}/9.conflist was passed over: ")
    for words, status, says in (
        (("usage", "--network", "wan"), 1, 'there is no network "wan"; there are: lan'),
        (("show", "8.8.8.8"), 1, "no network of this host has 8.8.8.8"),
        (("show", "--container", "zz"), 1, 'whose id begins with "zz"'),
        (("show",), 64, "say what to show"),
        (("list", "10.0.0.9-10.0.0.5"), 64, "write 10.0.0.5-10.0.0.9"),
        (("list", "--state", "dead"), 64, "suspect"),
        (("next", "-n", "0"), 64, "1 to 100000"),
    ):
        outcome = site.ipam(*words)
        assert (outcome.status, says in outcome.stderr) == (status, True), (words, outcome)
    with open(host.path(f"{LEASES}/lan/lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        locked = site.ipam("usage", CULVERT_LOCK_TIMEOUT="0.1")
    assert locked.status == 1 and f"held by process {os.getpid()}" in locked.stderr and "to wait" in locked.stderr


def test_the_manual_and_the_completions_know_every_command(host: Host, ours: Implementation) -> None:
    """And the shell completes them."""
    page = host.run([str(build_directory() / "culvert"), "manual", "ipam"]).stdout
    assert page.count(".TH IPAM 1") == 1
    for verb in READING:
        assert f'.SS "ipam {verb}"' in page
    script = host.run([str(ours.directory / "ipam"), "completions", "bash"]).stdout
    host.path("/run/completions").write_text(script)
    completed = host.run(["bash", "-c", """
        . /run/completions
        COMP_WORDS=(ipam us); COMP_CWORD=1; COMP_LINE='ipam us'; COMP_POINT=7; COMP_TYPE=9; COMP_KEY=9
        _ipam ipam us ipam
        echo "${COMPREPLY[@]}"
    """])
    assert completed.stdout.split() == ["usage"], completed
