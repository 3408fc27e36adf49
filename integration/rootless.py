# SPDX-License-Identifier: Apache-2.0
"""A host that belongs to an ordinary user: its root is nobody outside, as in podman's rootless networks."""
from __future__ import annotations

import pathlib
import subprocess

from host import HOLDER, WAITING, Host
from implementations import Implementation

#: `nobody`, who owns nothing on this machine.
USER = 65534
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--")
PLUGINS = "/run/plugins"
#: As some container around it has it: what its namespaces would let it change stays as it is all the same.
SETTLED = """
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
"""


class Copied(Implementation):
    """Plugins where only their host sees them."""

    def executable(self, plugin: str) -> str:
        """Without looking whether it is there."""
        return f"{self.directory}/{plugin}"


class RootlessHost(Host):
    """User, network and mount namespaces that an ordinary user has made; root in there is that user."""

    def __init__(self, implementation: Implementation, preparation: str = "", *, at_once: bool = False) -> None:
        """`at_once`: the network namespace is made before the user namespace has a root, as by `unshare -Urn`."""
        # Not as Host begins: who makes the namespaces must not be root.
        words = ["unshare", "--user", "--map-root-user", *([] if at_once else ["unshare"]), "--net", "--mount"]
        self.holder = subprocess.Popen(
            [*AS_USER, *words, "--propagation", "private", "sh", "-c", f"{HOLDER}{preparation}{WAITING}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        )
        assert self.holder.stdout and self.holder.stdout.readline() == "ready\n", "no new host"
        self.pid = self.holder.pid
        self.root = pathlib.Path(f"/proc/{self.pid}/root")
        self.sleepers = []
        with Host.guard:
            Host.living.add(self)
        try:
            self.copy(implementation)
        except BaseException:
            self.close()
            raise

    def enter(self, netns: str | None = None) -> list[str]:
        """As every host, by the user whose it is."""
        words = super().enter(netns)
        return [*AS_USER, words[0], f"--user=/proc/{self.pid}/ns/user", "--preserve-credentials", "--wd=/", *words[1:]]

    def copy(self, implementation: Implementation) -> None:
        """Plugins of the user's own: those of a checkout may be where only root gets to."""
        self.must(f"mkdir {PLUGINS}")
        packing = ["tar", "-C", str(implementation.directory), "-c", "."]
        unpacking = [*self.enter(), "tar", "-C", PLUGINS, "--no-same-owner", "-x"]
        with subprocess.Popen(packing, stdout=subprocess.PIPE) as packed:
            subprocess.run(unpacking, stdin=packed.stdout, check=True)
        assert packed.returncode == 0
        self.implementation = Copied(implementation.name, pathlib.Path(PLUGINS))
