# SPDX-License-Identifier: Apache-2.0
"""culvert top: rates as they are, and a terminal that gets back what was taken from it."""
from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable

import pytest

from host import PATIENCE_SECONDS, Host
from implementations import Implementation
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

#: Back from the screen that was taken, with its cursor.
RESTORED = "\x1b[?25h\x1b[?1049l"


@pytest.fixture
def tool(host: Host, ours: Implementation) -> Operator:
    """A host with two containers on a network, and a third one whose end on the host is gone."""
    listed = network(bridge(host_local("10.77.0.0/24"), isGateway=True), name="lan", version="1.1.0")
    runtime = Runtime(host, ours, listed)
    for name in ("idle", "busy"):
        connected(runtime, name)
    wire = network({"type": "ptp", "ipam": host_local("10.78.0.0/24")}, name="wire", version="1.1.0")
    connected(Runtime(host, ours, wire), "direct")
    tool = Operator(host, ours, listed)
    host.must(f"ip link del {tool.attachments()['direct:eth0']['hostInterface']['name']}")
    return tool


def test_rates_are_those_of_the_traffic(tool: Operator) -> None:
    """Who talks is first, and octets and packets belong together."""
    ping = tool.host.start(["ping", "-q", "-i", "0.02", "-s", "972", "10.77.0.1"], netns="/run/netns/busy")
    looks = [json.loads(line) for line in
             tool.must("top", "-b", "-n", "2", "-d", "1", "-o", "json").splitlines()]
    assert len(looks) == 2
    for look in looks:
        names = [entry["containerID"] for entry in look["attachments"]]
        assert names[0] == "busy" and names[-1] == "direct"
        rates = look["attachments"][0]["rates"]
        # 972 octets behind headers of ICMP, IP and Ethernet; an ARP between them is short.
        for direction in ("rx", "tx"):
            packets = rates[f"{direction}PacketsPerSecond"]
            assert 1 < packets <= 60
            assert 700 < rates[f"{direction}BitsPerSecond"] / packets / 8 <= 1014.5
        idle = look["attachments"][1]["rates"]
        assert idle["rxBitsPerSecond"] < rates["rxBitsPerSecond"] and idle["dropsPerSecond"] >= 0
        assert "rates" not in look["attachments"][2]
    ping.terminate()
    table = tool.must("top", "-b", "-n", "2", "-d", "0.1", "--sort", "name").splitlines()
    assert [line.split()[1] if line else "" for line in table] == [
        "CONTAINER", "busy", "idle", "direct", "", "CONTAINER", "busy", "idle", "direct"]
    assert table[3].split()[-6:] == ["-"] * 6
    only = tool.must("top", "-b", "-n", "1", "-d", "0.1", "--network", "wire", "--no-headers").splitlines()
    assert len(only) == 1 and only[0].startswith("wire ")


def test_what_makes_no_sense_is_said(tool: Operator) -> None:
    """And without a terminal there is no screen."""
    for words in (["-d", "0"], ["-n", "0", "-b"], ["-o", "json"], ["--sort", "size"]):
        assert tool.run("top", *words).status == 64
    refused = tool.run("top")
    assert refused.status == 1 and "-b prints tables" in refused.stderr and refused.stdout == ""


class Terminal:
    """A terminal with `culvert top` in it."""

    def __init__(self, tool: Operator, *words: str) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(24, 100)
        self.before = termios.tcgetattr(self.ours)
        self.text = ""
        self.process = subprocess.Popen(
            [*tool.host.enter(), tool.binary, "top", *words], stdin=theirs, stdout=theirs, stderr=theirs,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", **tool.env},
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)

    def resize(self, lines: int, columns: int) -> None:
        """As when somebody drags the window's corner."""
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait(self, isThere: Callable[[str], bool], what: str) -> str:
        """What was written until something is there; the next wait begins behind it."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not isThere(self.text):
            assert time.monotonic() < end, f"no {what} in {self.text[-2000:]!r}"
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.ours, 65536).decode()
                except OSError:
                    assert isThere(self.text), f"no {what} in {self.text[-2000:]!r}"
        seen, self.text = self.text, ""
        return seen

    def until(self, text: str) -> str:
        """What was written until a text is there."""
        return self.wait(lambda seen: text in seen, text)

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self.ours, keys.encode())

    def ended(self) -> int:
        """The exit status, of a program that has left the terminal as it was."""
        if self.process.poll() is None or RESTORED not in self.text:
            self.until(RESTORED)
        status = self.process.wait(PATIENCE_SECONDS)
        assert termios.tcgetattr(self.ours) == self.before
        return status

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *unused: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


def test_keys_change_what_is_shown(tool: Operator) -> None:
    """Sorting, pausing, another size, and the end."""
    with Terminal(tool, "-d", "0.3") as terminal:
        shown = terminal.until("by traffic, every 0.3 s")
        assert "\x1b[?1049h" in shown and "3 attachments" in shown
        flags = termios.tcgetattr(terminal.ours)[3]
        assert not flags & (termios.ECHO | termios.ICANON) and flags & termios.ISIG
        terminal.until("busy")
        for order in ("rx", "tx", "packets", "drops", "name", "traffic"):
            terminal.press("s")
            terminal.until(f"by {order}, ")
        terminal.press("p")
        terminal.until("PAUSED")
        terminal.press("p")
        terminal.wait(lambda seen: "\x1b[H" in seen and "PAUSED" not in seen.rsplit("\x1b[H", 1)[1], "going on")
        terminal.resize(4, 40)
        shown = terminal.wait(
            lambda seen: any(len(part.split("\r\n")) <= 4 for part in seen.split("\x1b[H")[1:-1]), "smaller screen")
        terminal.press("q")
        assert terminal.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT])
def test_the_terminal_is_given_back_after_a_signal(tool: Operator, number: signal.Signals) -> None:
    """Those that ask it to end, and one that says that something is wrong."""
    with Terminal(tool) as terminal:
        terminal.until("by traffic")
        if number == signal.SIGINT:
            terminal.press("\x03")
        else:
            terminal.process.send_signal(number)
        assert terminal.ended() == (-number if number == signal.SIGABRT else 0)


def test_who_is_stopped_gives_the_terminal_back_for_the_time(tool: Operator) -> None:
    """Ctrl-Z, fg, and on it goes; after so many looks it ends by itself."""
    with Terminal(tool, "-n", "2", "-d", "0.5") as terminal:
        terminal.until("by traffic")
        terminal.press("\x1a")
        terminal.until(RESTORED)
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert termios.tcgetattr(terminal.ours) == terminal.before
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until("\x1b[?1049h")
        assert terminal.ended() == 0
