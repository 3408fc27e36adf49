# SPDX-License-Identifier: Apache-2.0
"""`ipam` on a throw-away host, and what has to be true of lease directories whatever happened."""
from __future__ import annotations

import json
import os
import pathlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import implementations
from host import Host, Outcome
from kernel_state import LEASES
from runtime import Network

CONFIGURATIONS = "/run/conf"
INDEX = "/run/culvert/ipam"
RESERVED = "@reserved"
#: What CNI lets a container be called (CNI 1.1.0, section 2).
CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
AGES_AGO = 10 * 365 * 86400


class Tool:
    """Runs `ipam` on one host."""

    def __init__(self, host: Host, *networks: Network) -> None:
        self.host = host
        self.binary = str(implementations.build_directory() / "culvert")
        directory = host.path(CONFIGURATIONS)
        directory.mkdir(exist_ok=True)
        for listed in networks:
            (directory / f"{listed['name']}.conflist").write_text(json.dumps(listed))
        self.env = {"NETCONFPATH": CONFIGURATIONS, "CULVERT_LOCK_TIMEOUT": "0.3"}

    def run(self, *words: str, wrapper: Sequence[str] = (), stdin: str = "",
            env: Mapping[str, str] | None = None) -> Outcome:
        """One call, whatever becomes of it."""
        return self.host.run([*wrapper, self.binary, "ipam", *words], stdin=stdin, env={**self.env, **(env or {})})

    def must(self, *words: str, stdin: str = "") -> str:
        """A call that has to succeed; what it printed."""
        outcome = self.run(*words, stdin=stdin)
        assert outcome.ok, f"ipam {' '.join(words)}: exit {outcome.status}: {outcome.stdout} {outcome.stderr}"
        return outcome.stdout

    def problems(self) -> list[tuple[str, str | None]]:
        """Kind and address of what check finds."""
        outcome = self.run("check", "-o", "json")
        found = [(problem["kind"], problem["address"]) for problem in json.loads(outcome.stdout)["problems"]]
        assert outcome.status == (3 if found else 0), outcome
        return found

    def addresses(self, *words: str) -> list[str]:
        """What list says, one address each."""
        return self.must("list", "-o", "name", *words).split()


class Leases:
    """The files of one lease directory, as this side of the mount namespace sees them."""

    def __init__(self, host: Host, name: str = "net") -> None:
        self.path = host.path(f"{LEASES}/{name}")

    def write(self, name: str, content: str, *, is_old: bool = False) -> pathlib.Path:
        """Makes a file, as old as one of another boot if need be."""
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / name
        file.write_bytes(content.encode())
        if is_old:
            old = time.time() - AGES_AGO
            os.utime(file, (old, old))
        return file

    def all(self) -> dict[str, str]:
        """Every file but the lock: name to content."""
        files = sorted(self.path.iterdir()) if self.path.is_dir() else []
        return {file.name: file.read_bytes().decode(errors="backslashreplace") for file in files
                if file.name != "lock" and file.is_file()}

    def owners(self) -> dict[str, str]:
        """Address to content, without everything that is no lease."""
        return {name: content for name, content in self.all().items()
                if not name.startswith((".", "last_reserved_ip."))}

    def broken_invariants(self) -> str:
        """What must never be, whenever a writer died; empty when all is well."""
        for name, content in self.all().items():
            if name == ".culvert.kept":
                for line in content.splitlines():
                    fields = line.split("\t")
                    if len(fields) != 4 or fields[1] not in ("reserved", "allocated"):
                        return f"half a line in .culvert.kept: {line!r}"
            elif name in (".culvert.new", ".culvert.kept.new") or name.startswith("last_reserved_ip."):
                continue
            else:
                owner, separator, _ = content.partition("\r\n")
                if not separator or (owner != RESERVED and not CONTAINER.fullmatch(owner)):
                    return f"half a lease {name}: {content!r}"
        return ""


def report(outcome: Outcome) -> dict[str, Any]:
    """A document on stdout."""
    return json.loads(outcome.stdout)
