# SPDX-License-Identifier: Apache-2.0
"""The floor under the chain that podman writes."""

import json

from contestants import Network
from launcher import Call
from networks import BRIDGE, SUBNET
from sites import Site


class FilterFloor:
    """The bare kernel work of the chain: a port of a bridge, and two programs that tell nf_tables one thing each."""

    def __init__(self, bench, name):
        self.name = name
        self.site = Site(bench.launcher.program)
        self._bench = bench
        self._network = Network(f"{self.site.name}-floor", BRIDGE, (SUBNET,))
        self.site.tool("nft", "add table inet floor; add set inet floor addresses { type ipv4_addr; }")

    def add(self, container, ports=()):
        outcome = self.site.run(self._bench.floor.add(self._network, container))
        return outcome.nanoseconds + self._tell("add", container), json.loads(outcome.output)

    def delete(self, container, result, ports=()):
        outcome = self.site.run(self._bench.floor.delete(self._network, container, result))
        return outcome.nanoseconds + self._tell("del", container)

    def _tell(self, verb, container):
        address = self._network.address(container.number).split("/")[0]
        # Elements of one set, in a network that nobody else has.
        elements = [f"{number}.{address.split('.', 1)[1]}" for number in range(1, 3)]
        calls = [Call([self._bench.filter_floor, verb, element]) for element in elements]
        return sum(self.site.run(call).nanoseconds for call in calls)
