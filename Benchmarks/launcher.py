# SPDX-License-Identifier: Apache-2.0
"""Talks to `spawn`, the little program that starts the programs to be measured."""

import subprocess
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """One program to start: whole path and arguments, whole environment, standard input."""

    words: list
    environment: dict = field(default_factory=dict)
    input: bytes = b""

    def encoded(self):
        strings = [*self.words, *(f"{key}={value}" for key, value in self.environment.items())]
        head = f"{len(self.words)} {len(self.environment)} {len(self.input)}\n"
        return head.encode() + b"".join(text.encode() + b"\0" for text in strings) + self.input


@dataclass(frozen=True)
class Outcome:
    """How a program ended, and what it cost from start to exit."""

    call: Call
    nanoseconds: int
    peak_kib: int
    status: int  # as wait(2) reports it
    output: bytes
    complaint: bytes

    def require_success(self):
        if self.status != 0:
            said = (self.output + self.complaint).decode(errors="replace").strip()
            verb = self.call.environment.get("CNI_COMMAND", "")
            raise RuntimeError(f"{' '.join(self.call.words)} {verb}: wait status {self.status:#x}: {said}")
        return self


class Launcher:
    def __init__(self, program):
        self.program = program
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})

    def run(self, call):
        """Runs one program; an unsuccessful one raises."""
        return self.together([call])[0][0]

    def together(self, calls):
        """Starts all programs at once. Returns their outcomes and the nanoseconds until the last one ended."""
        self._process.stdin.write(f"{len(calls)}\n".encode() + b"".join(call.encoded() for call in calls))
        self._process.stdin.flush()
        outcomes = [self._outcome(call) for call in calls]
        wall = int(self._line())
        return [outcome.require_success() for outcome in outcomes], wall

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the launcher ended with status {self._process.wait()}")
        return line

    def _outcome(self, call):
        nanoseconds, peak, status, written, complained = map(int, self._line().split())
        output = self._process.stdout.read(written)
        return Outcome(call, nanoseconds, peak, status, output, self._process.stdout.read(complained))
