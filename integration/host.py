# SPDX-License-Identifier: Apache-2.0
"""A throw-away host: network and mount namespaces of its own, containers in it, nothing left afterwards."""
from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

#: What makes a new host of new namespaces.
HOLDER = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/lock
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/cni
mount -t sysfs sysfs /sys
echo 0 >/proc/sys/net/ipv4/ip_forward
ip link set lo up
"""
#: A process that keeps the namespaces alive; it ends when our end of its stdin closes, however we die.
WAITING = """
echo ready
exec cat
"""
#: The same as the first process of a process namespace, which has to bury the orphans of all others.
BURYING = """
echo ready
exec bash -c 'read -r _'
"""
PATIENCE_SECONDS = 60.0


def until(condition: Callable[[], Any], what: str, seconds: float | None = None) -> Any:
    """Waits for a condition to be true, and returns what it was."""
    bound = PATIENCE_SECONDS if seconds is None else seconds
    end = time.monotonic() + bound
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {bound:g} s: {what}"
        time.sleep(0.02)
    return found


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a program that was run left behind."""

    status: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """True when the program succeeded."""
        return self.status == 0

    def result(self) -> dict[str, Any]:
        """The document on stdout of a call that must have succeeded."""
        assert self.ok, f"exit {self.status}: {self.stdout} {self.stderr}"
        return json.loads(self.stdout)

    def error(self) -> dict[str, Any]:
        """The one CNI error object of a call that must have failed."""
        assert self.status == 1, f"exit {self.status} instead of 1: {self.stdout} {self.stderr}"
        document = json.loads(self.stdout)
        assert isinstance(document, dict) and isinstance(document.get("code"), int), self.stdout
        assert document.get("msg"), f"an error without a message: {self.stdout}"
        return document

    @property
    def error_text(self) -> str:
        """Message and details of the error in one line."""
        document = self.error()
        return f"{document['msg']} {document.get('details', '')}"


@dataclasses.dataclass(frozen=True)
class Container:
    """A network namespace that stands for a container."""

    id: str
    netns: str


class Host:
    """Network namespace, private /run and /var/lib, and the programs run inside them."""

    living: set[Host] = set()
    guard = threading.Lock()
    #: Whether its processes are a world of their own, as programs that number or end all of them need it.
    has_own_processes = False
    #: How long one program may take.
    patience_seconds = PATIENCE_SECONDS

    def __init__(self, preparation: str = "") -> None:
        waiting = BURYING if self.has_own_processes else WAITING
        self.holder = subprocess.Popen(
            [*self.beginning(), "--propagation", "private", "sh", "-c", f"{HOLDER}{preparation}{waiting}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        )
        assert self.holder.stdout and self.holder.stdout.readline() == "ready\n", "no new host"
        self.pid = self.holder.pid
        #: The host's file system as seen from here.
        self.root = pathlib.Path(f"/proc/{self.pid}/root")
        self.sleepers: list[subprocess.Popen[str]] = []
        with Host.guard:
            Host.living.add(self)

    def beginning(self) -> list[str]:
        """The words that make its namespaces."""
        return ["unshare", "--net", "--mount", *(["--pid", "--fork"] if self.has_own_processes else [])]

    def close(self) -> None:
        """Ends the holder and with it everything the host had."""
        # The first of its own processes takes all others with it, also those that do not listen to us.
        order = (self.holder, *self.sleepers) if self.has_own_processes else (*self.sleepers, self.holder)
        for process in order:
            if process.stdin:
                process.stdin.close()
            process.wait()
            if process.stdout:
                process.stdout.close()
        with Host.guard:
            Host.living.discard(self)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def path(self, inside: str | pathlib.Path) -> pathlib.Path:
        """Where a file of the host is to be found from here."""
        return self.root / str(inside).lstrip("/")

    def enter(self, netns: str | None = None) -> list[str]:
        """The words that put a command into the host, and further into one of its namespaces."""
        command = ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", f"--net=/proc/{self.pid}/ns/net"]
        # The process that was started stays where it was: only its children are in there.
        if self.has_own_processes:
            command.append(f"--pid=/proc/{self.pid}/ns/pid_for_children")
        command.append("--")
        return command + (["nsenter", f"--net={netns}", "--"] if netns else [])

    def run(self, command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None,
            netns: str | None = None) -> Outcome:
        """Runs a program in the host, and waits for it."""
        full = {"PATH": os.environ["PATH"], "LC_ALL": "C", **(env or {})}
        done = subprocess.run(
            [*self.enter(netns), *command], input=stdin, env=full,
            capture_output=True, text=True, timeout=self.patience_seconds, check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, command: Sequence[str], *, env: Mapping[str, str] | None = None,
              netns: str | None = None) -> subprocess.Popen[str]:
        """Starts a program in the host with pipes for stdin and stdout; it is ended with the host."""
        process = subprocess.Popen(
            [*self.enter(netns), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(env or {})},
        )
        self.sleepers.append(process)
        return process

    def start_inside(self, netns: str) -> None:
        """Starts a process in a network namespace, and waits until it is there."""
        process = self.start(["cat"], netns=netns)
        assert process.stdin and process.stdout
        process.stdin.write("here\n")
        process.stdin.flush()
        assert process.stdout.readline() == "here\n"

    def must(self, command: str, *, netns: str | None = None, stdin: str = "") -> str:
        """Runs a shell line that has to succeed, and returns what it printed."""
        outcome = self.run(["sh", "-ec", command], netns=netns, stdin=stdin)
        assert outcome.ok, f"{command}: {outcome.stderr}"
        return outcome.stdout

    def add_container(self, name: str) -> Container:
        """A container with a namespace that has a name in /run/netns."""
        self.must(f"ip netns add {name}")
        return Container(name, f"/run/netns/{name}")

    def add_containers(self, names: Sequence[str]) -> list[Container]:
        """Many containers at once."""
        self.must("ip -batch -", stdin="".join(f"netns add {name}\n" for name in names))
        return [Container(name, f"/run/netns/{name}") for name in names]

    def add_anonymous_container(self, name: str) -> Container:
        """A container whose namespace is known only through a process in it."""
        process = self.start(["unshare", "--net", "sh", "-c", "echo ready; exec cat"])
        assert process.stdout and process.stdout.readline() == "ready\n"
        return Container(name, f"/proc/{process.pid}/ns/net")

    def remove_container(self, container: Container) -> None:
        """Takes the namespace away, as when a container died, and waits until the kernel has swept up behind it."""
        links = json.loads(self.run(["ip", "-d", "-j", "link"], netns=container.netns).stdout)
        peers = {link.get("link_index") for link in links if link.get("linkinfo", {}).get("info_kind") == "veth"}
        self.must(f"ip netns del {container.id}")
        end = time.monotonic() + PATIENCE_SECONDS
        while peers & {link["ifindex"] for link in self.links()}:
            assert time.monotonic() < end, f"the peers of {container.id} outlived it"

    def links(self, netns: str | None = None) -> list[dict[str, Any]]:
        """The links of the host, or of one of its namespaces, as `ip -j link` shows them."""
        return [link for link in json.loads(self.run(["ip", "-j", "link"], netns=netns).stdout) if link]

    def settle(self, *containers: Container) -> None:
        """Waits until no address of the host is tentative; the reference's gateways are, for a second or two.

        Nor those of containers that are named: link-local ones are, also where the kernel was told to skip the others.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        for netns in (None, *(container.netns for container in containers)):
            while "tentative" in self.must("ip -6 address", netns=netns):
                assert time.monotonic() < end, "an address stays tentative"
                time.sleep(0.1)

    def plugin(self, executable: str, verb: str, config: Any, *, container: Container | None = None,
               ifname: str = "eth0", cni_path: str | None = None, args: str = "",
               env: Mapping[str, str | None] | None = None, wrapper: Sequence[str] = ()) -> Outcome:
        """Calls one plugin as a runtime does; an `env` value of None takes a variable away."""
        variables: dict[str, str | None] = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container.id if container else "",
            "CNI_NETNS": container.netns if container else "",
            "CNI_IFNAME": ifname if container else "",
            "CNI_PATH": cni_path or os.path.dirname(executable),
            "CNI_ARGS": args,
            **(env or {}),
        }
        words = {name: value for name, value in variables.items() if value is not None}
        text = config if isinstance(config, str) else json.dumps(config)
        return self.run([*wrapper, executable], stdin=text, env=words)


@contextlib.contextmanager
def new_host() -> Iterator[Host]:
    """A host for one `with` block."""
    host = Host()
    try:
        yield host
    finally:
        host.close()
