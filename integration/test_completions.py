# SPDX-License-Identifier: Apache-2.0
"""Shells complete our command lines: each types a few keys and a tabulator, and runs what came of it."""
from __future__ import annotations

import os
import pathlib
import pty
import select
import signal
import subprocess
import time

import pytest

from implementations import Implementation, build_directory

pytestmark = pytest.mark.needs_culvert
PATIENCE_SECONDS = 60.0
#: What is typed before the tabulator, and what is on the line after it.
TYPED = [
    ("culvert doct", "culvert doctor"), ("culvert recon", "culvert reconcile"), ("culvert gc --ye", "culvert gc --yes"),
    ("culvert keys host-l", "culvert keys host-local"), ("culvert ipam usa", "culvert ipam usage"),
    ("ipam unre", "ipam unreserve"), ("ipam gc --no-h", "ipam gc --no-headers"),
]
#: Runs where a shell is ready, so that the answer is not the echo of the question.
SAYING = "culvert() { echo GOT: culvert $* END; }; ipam() { echo GOT: ipam $* END; }"
PROMPT = "type>"
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ". {0}/culvert; . {0}/ipam; bind 'set bell-style none'"),
    "zsh": (["zsh", "-f", "-i"], "fpath=({0} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep"),
}


class Terminal:
    """An interactive shell, and somebody who types."""

    def __init__(self, command: list[str]) -> None:
        self.ours, theirs = pty.openpty()
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TERM": "xterm", "PS1": PROMPT, "HOME": "/nonexistent"}
        self.shell = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env,
                                      start_new_session=True)
        os.close(theirs)
        self.seen = ""

    def type(self, text: str) -> None:
        """Presses keys."""
        os.write(self.ours, text.encode())

    def waits_for(self, words: str) -> str:
        """Reads until something is seen; returns what was before."""
        end = time.monotonic() + PATIENCE_SECONDS
        while words not in self.seen:
            assert time.monotonic() < end, f"no {words!r} in {self.seen!r}"
            if select.select([self.ours], [], [], 0.2)[0]:
                self.seen += os.read(self.ours, 65536).decode(errors="replace")
        seen, self.seen = self.seen.split(words, 1)
        return seen

    def close(self) -> None:
        """Hangs up."""
        self.shell.send_signal(signal.SIGHUP)
        os.close(self.ours)
        self.shell.kill()
        self.shell.wait()


def write_scripts(ours: Implementation, shell: str, directory: pathlib.Path) -> None:
    """The completions of both tools, under the names that shells look for."""
    names = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish"}
    for tool, command in (("culvert", [build_directory() / "culvert"]), ("ipam", [ours.directory / "ipam"])):
        script = subprocess.run([*command, "completions", shell], capture_output=True, text=True, check=True).stdout
        (directory / names[shell].format(tool)).write_text(script)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_tabulator_completes(ours: Implementation, tmp_path: pathlib.Path, shell: str) -> None:
    """Commands of both tools, options, and names of plugins."""
    write_scripts(ours, shell, tmp_path)
    command, preparation = SHELLS[shell]
    terminal = Terminal(command)
    try:
        terminal.waits_for(PROMPT)
        terminal.type(f"{preparation.format(tmp_path)}; {SAYING}; echo REA''DY\n")
        terminal.waits_for("READY")
        for typed, whole in TYPED:
            terminal.waits_for(PROMPT)
            terminal.type(f"{typed}\t\n")
            terminal.waits_for("GOT: ")
            assert terminal.waits_for(" END") == whole
    finally:
        terminal.close()


def test_fish_completes(ours: Implementation, tmp_path: pathlib.Path) -> None:
    """fish says by itself what it would offer."""
    write_scripts(ours, "fish", tmp_path)
    offers = "\n".join(f"complete -C '{typed}' | string replace -r '\\t.*' ''; echo END" for typed, _ in TYPED)
    script = f"source {tmp_path}/culvert.fish; source {tmp_path}/ipam.fish\n{offers}"
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)}
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    offered = [part.split() for part in done.stdout.split("END\n")][:-1]
    assert [[whole.split()[-1]] for _, whole in TYPED] == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_well_formed(ours: Implementation, tmp_path: pathlib.Path, shell: str) -> None:
    """The shell reads them without running anything."""
    write_scripts(ours, shell, tmp_path)
    for path in tmp_path.iterdir():
        done = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stderr == "", done.stderr
