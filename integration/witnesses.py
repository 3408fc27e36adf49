# SPDX-License-Identifier: Apache-2.0
"""Scripts in the place of plugins, which call them and write down how they were called themselves."""
from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator

from containerd import PLUGINS, ContainerdHost

WITNESSES, CALLS = "/run/witnesses", "/run/calls"
#: Runs a plugin, and writes a file about it: one line, as the members of `Call`.
WITNESS = """#!/bin/sh
began=$(date +%s%N)
asked=$(cat)
answer=$(printf '%s' "$asked" | {plugin})
status=$?
case $asked in *'"prevResult"'*) knows=yes ;; *) knows=no ;; esac
printf '%s\\t' {plugin.name} "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$knows" "$status" \\
    "$began" "$(date +%s%N)" >{calls}/$began.$$.new
printf '%s\\n' "$(printf '%s' "$answer" | tr '\\t\\n' '  ')" >>{calls}/$began.$$.new
mv {calls}/$began.$$.new {calls}/$began.$$
printf '%s' "$answer"
exit $status
"""


@dataclasses.dataclass(frozen=True)
class Call:
    """How containerd called a plugin, and what came of it."""

    plugin: str
    verb: str
    container: str
    netns: str
    interface: str
    knows_result: str
    status: str
    began: str
    ended: str
    answer: str


@contextlib.contextmanager
def witnessed(node: ContainerdHost) -> Iterator[list[Call]]:
    """Within, plugins are called by scripts that write down how; the list is filled at the end."""
    directory, calls = node.path(WITNESSES), node.path(CALLS)
    plugins = os.readlink(node.path(PLUGINS))
    for path in (directory, calls):
        path.mkdir(exist_ok=True)
    for plugin in pathlib.Path(plugins).iterdir():
        script = directory / plugin.name
        script.write_text(WITNESS.format(plugin=plugin, calls=CALLS))
        script.chmod(0o755)
    seen: list[Call] = []
    node.install(WITNESSES)
    try:
        yield seen
    finally:
        node.install(plugins)
        for path in sorted(calls.iterdir()):
            seen.append(Call(*path.read_text(encoding="utf-8").rstrip("\n").split("\t")))
            path.unlink()
