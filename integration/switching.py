# SPDX-License-Identifier: Apache-2.0
"""The daemon of a switch in user space: started, asked, stopped and killed."""
from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from host import Container, Host, PATIENCE_SECONDS, until
from implementations import Implementation

SOCKET = "/run/culvert/switchd.sock"


class Switch:
    """`culvert-switchd` on a host."""

    def __init__(self, host: Host, implementation: Implementation, *flags: str, wrapper: Sequence[str] = ()) -> None:
        self.host = host
        #: What runs it.
        self.wrapper = wrapper
        self.program = str(implementation.directory / "culvert-switchd")
        self.flags = flags
        self.process: subprocess.Popen[str] | None = None
        self.output = host.path("/run/switchd.log")

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with self.output.open("a") as output:
            self.process = subprocess.Popen(
                [*self.host.enter(), *self.wrapper, self.program, *self.flags], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, text=True, env={"PATH": os.environ["PATH"]})
        until(lambda: self.process is None or self.process.poll() is not None or self.answers(), "the daemon answers")
        assert self.process.poll() is None, self.log()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends it one way or another, and returns how it ended."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE_SECONDS)
        self.process = None
        return status

    def log(self) -> str:
        """All it has said."""
        return self.output.read_text()

    def connect(self) -> socket.socket:
        """A connection; a path through /proc is longer than a socket's name may be, so by its directory."""
        directory = os.open(self.host.path(SOCKET).parent, os.O_PATH | os.O_DIRECTORY)
        try:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(PATIENCE_SECONDS)
            try:
                connection.connect(f"/proc/self/fd/{directory}/{pathlib.Path(SOCKET).name}")
            except OSError:
                connection.close()
                raise
            return connection
        finally:
            os.close(directory)

    def answers(self) -> bool:
        """Whether somebody listens there."""
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def say(self, octets: bytes) -> bytes:
        """Sends anything, and returns what comes until the end."""
        with self.connect() as connection:
            connection.sendall(octets)
            received = b""
            while part := connection.recv(1 << 16):
                received += part
        return received

    def ask(self, verb: str, **members: Any) -> dict[str, Any]:
        """One question, and the whole answer."""
        question = {"culvertSwitch": 1, "verb": verb, **members}
        return json.loads(self.say(json.dumps(question).encode() + b"\n"))

    def ports(self) -> dict[str, dict[str, Any]]:
        """All ports by their names."""
        switches = self.ask("show")["result"]["switches"]
        return {port["name"]: port for switch in switches for port in switch["ports"]}

    def dropped(self, container: Container, reason: str) -> int:
        """How many frames of a container went nowhere for a reason."""
        drops = self.ports()[f"{container.id}:eth0"]["counters"]["drops"]
        return next((drop["frames"] for drop in drops if drop["reason"] == reason), 0)


@contextlib.contextmanager
def new_switch(
        host: Host, implementation: Implementation, *flags: str, wrapper: Sequence[str] = ()) -> Iterator[Switch]:
    """A daemon for one `with` block, ended however that ends."""
    switch = Switch(host, implementation, *flags, wrapper=wrapper)
    try:
        switch.start()
        yield switch
    finally:
        switch.stop(signal.SIGKILL)
