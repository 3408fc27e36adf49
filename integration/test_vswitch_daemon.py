# SPDX-License-Identifier: Apache-2.0
"""`culvert-switchd` as a process: files that it may open, records that it reads, names of its socket."""
from __future__ import annotations

import ctypes
import os
import pathlib
import struct
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from host import Container, Host
from implementations import Implementation
from runtime import Network, Runtime, host_local, network
from switching import new_switch, until

pytestmark = pytest.mark.needs_culvert

#: inotify(7): somebody opened a file.
IN_OPEN = 0x20


def listed(kind: str = "vswitch", name: str = "net", **members: str) -> Network:
    """A network with addresses of its own."""
    subnet = {"net": "10.78.0.0/24", "other": "10.79.0.0/24"}[name]
    return network({"type": kind, "ipam": host_local(subnet), **members}, name=name, version="1.1.0")


def attach(runtime: Runtime, *names: str) -> list[Container]:
    """New containers on a network."""
    containers = runtime.host.add_containers(names)
    for container in containers:
        runtime.add(container).result()
    return containers


class Watch:
    """Counts how often each file of some directories is opened, by whomever."""

    def __init__(self, directories: Sequence[pathlib.Path]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self.descriptor = library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        assert self.descriptor >= 0
        for directory in directories:
            watch = library.inotify_add_watch(self.descriptor, os.fsencode(directory), IN_OPEN)
            assert watch >= 0, os.strerror(ctypes.get_errno())
        self.opened: Counter[str] = Counter()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *unused: object) -> None:
        os.close(self.descriptor)

    def names(self) -> Counter[str]:
        """How often, by the names of files."""
        for name in self.read():
            if name:
                self.opened[name] += 1
        return self.opened

    def read(self) -> Iterator[str]:
        """Names of what was opened since; a directory itself has none."""
        try:
            octets = os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return
        while octets:
            length = struct.unpack_from("iIII", octets)[3]
            yield octets[16:16 + length].rstrip(b"\0").decode()
            octets = octets[16 + length:]


def test_as_many_files_as_may_be(host: Host, ours: Implementation) -> None:
    """A service begins with room for a thousand files: the daemon takes all that it may have."""
    with new_switch(host, ours, wrapper=("prlimit", "--nofile=64:5000")) as switch:
        attach(Runtime(host, ours, listed()), *(f"c{number}" for number in range(60)))
        assert switch.process and len(switch.ports()) == 60
        limits = pathlib.Path(f"/proc/{switch.process.pid}/limits").read_text()
        assert next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5] == \
            ["5000", "5000"]


def test_more_clients_than_files(host: Host, ours: Implementation) -> None:
    """Who asks beyond what can be opened waits; the daemon does as well, rather than to try again and again."""
    with new_switch(host, ours, wrapper=("prlimit", "--nofile=32:32")) as switch:
        idle = [switch.connect() for _ in range(50)]
        until(lambda: "Too many open files" in switch.log(), "it can open no more")
        # As long as it is patient with who says nothing.
        assert idle[0].recv(1) == b""
        assert len(switch.log().splitlines()) < 20
        for connection in idle:
            connection.close()
        assert switch.ask("status")["result"]["ports"] == 0
        attach(Runtime(host, ours, listed()), "c1")
        assert set(switch.ports()) == {"c1:eth0"}


def test_only_what_may_have_changed_is_read(host: Host, ours: Implementation) -> None:
    """While a port cannot be opened, its record is read again and again, and those of other plugins are not."""
    with new_switch(host, ours) as switch:
        (lost,) = attach(Runtime(host, ours, listed()), "c1")
        other = Runtime(host, ours, listed("ptp", "other"))
        _, three = attach(other, "c2", "c3")
        host.must("ip link del eth0", netns=lost.netns)
        switch.stop()
        records = host.path("/run/culvert/attachments")
        with Watch([records / "net", records / "other"]) as watch:
            switch.start()
            # Records that have just changed are all looked at.
            host.must("touch /run/culvert/attachments/other/c4:eth0.json")
            until(lambda: watch.names()["c1:eth0.json"] > 5, "the lost port's record is read")
            assert [watch.names()[f"{name}:eth0.json"] for name in ("c2", "c3")] == [1, 1], watch.opened
        assert [entry["attachment"] for entry in switch.ask("show")["result"]["lost"]] == ["net/c1:eth0"]
        # One of that name may be one of the daemon's the next time.
        assert other.delete(three).ok
        Runtime(host, ours, listed("vswitch", "other")).add(three).result()
        switch.stop()
        switch.start()
        assert set(switch.ports()) == {"c3:eth0"}


def test_socket_of_two_names(host: Host, ours: Implementation) -> None:
    """Which name of the socket a network says does not matter, to the next daemon either."""
    host.must("mkdir -p /run/culvert && ln -s /run/culvert /var/lib/short")
    runtime = Runtime(host, ours, listed(daemonSocketPath="/var/lib/short/switchd.sock"))
    with new_switch(host, ours) as switch:
        (container,) = attach(runtime, "c1")
        for _ in range(2):
            assert set(switch.ports()) == {"c1:eth0"} and runtime.check(container).ok
            switch.stop()
            switch.start()
