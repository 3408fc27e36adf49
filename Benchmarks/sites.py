# SPDX-License-Identifier: Apache-2.0
"""A host of its own for each contestant, so that nobody meets another's packet-filter rules, and ways to look at it."""

import random
import time

import host
from launcher import Launcher

HOST_ADDRESS = "192.0.2.1"
WORLD_ADDRESS = "192.0.2.2"
WORLD_PORT = 80
# A deleted link and a replaced ruleset are waited for by the kernel's read-copy-update, whose grace periods otherwise
# run into the next measurement; uneven pauses keep the programs from falling into step with them.
PAUSE_SECONDS = (0.015, 0.035)


class Site:
    """A network namespace that stands for a whole host, a launcher in it, and a world outside that it is wired to.

    The world knows no way to the containers: what it is to answer has to come from the host's own address.
    """

    made = 0

    def __init__(self, spawn):
        self.name, self.world = f"site{Site.made}", f"world{Site.made}"
        Site.made += 1
        self._chance = random.Random(Site.made)
        host.add_namespaces([self.name, self.world])
        host.wire(self.name, HOST_ADDRESS, self.world, WORLD_ADDRESS)
        self._visitors = host.listen(self.world, WORLD_PORT)
        # What plugins remember of a host, such as whose its ports are.
        self.environment = {"CULVERT_RUN_DIR": f"/run/culvert-{self.name}"}
        self.around = None  # what to make of each call before it is run
        with host.inside(self.name):
            self._launcher = Launcher(spawn)

    def run(self, call):
        return self._launcher.run(self.around(call) if self.around else call)

    def rest(self):
        """Lets the kernel come to an end with what was started."""
        time.sleep(self._chance.uniform(*PAUSE_SECONDS))

    def tool(self, *words, **options):
        """Runs a tool of the host, such as nft, on this site."""
        with host.inside(self.name):
            return host.run(*words, **options)

    def rules(self):
        """Everything that packet filters were told on this site, without counters."""
        return self.tool("nft", "--stateless", "list", "ruleset")

    def require_published(self, port, listener):
        """Reaches a container from the world, through a port of this host."""
        if host.reach(self.world, HOST_ADDRESS, port, listener) is None:
            raise RuntimeError(f"{self.name}: port {port} of the host does not lead to the container")

    def require_closed(self, port, listener):
        if host.reach(self.world, HOST_ADDRESS, port, listener) is not None:
            raise RuntimeError(f"{self.name}: port {port} of the host still leads to the container")

    def require_masquerade(self, container):
        """Reaches the world from a container, which has to look like this host."""
        seen = host.reach(container.namespace, WORLD_ADDRESS, WORLD_PORT, self._visitors)
        if seen != HOST_ADDRESS:
            raise RuntimeError(f"{self.name}: the world sees {container.namespace} as {seen}, not as {HOST_ADDRESS}")
