# SPDX-License-Identifier: Apache-2.0
"""A host that belongs to an ordinary user: its root is nobody outside, as in podman's rootless networks."""
from __future__ import annotations

import pathlib
import subprocess

from host import Host
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
        self.at_once = at_once
        super().__init__(preparation)
        try:
            self.copy(implementation)
        except BaseException:
            self.close()
            raise

    def beginning(self) -> list[str]:
        """Who makes the namespaces must not be root."""
        again = [] if self.at_once else ["unshare"]
        return [*AS_USER, "unshare", "--user", "--map-root-user", *again, "--net", "--mount"]

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
