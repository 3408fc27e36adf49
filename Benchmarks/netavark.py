# SPDX-License-Identifier: Apache-2.0
"""netavark, podman's other network stack, which does a whole network's work in one program."""

import ipaddress
import json
import os

from contestants import PATH
from launcher import Call

PROGRAM = "/usr/lib/podman/netavark"
CONFIG_DIRECTORY = "/run/netavark"


def is_installed():
    return os.path.exists(PROGRAM)


class Netavark:
    """A bridge network with masquerade and published ports; no name server.

    It is told each container's address: podman keeps the leases for it, and no time is counted for that.
    """

    name = "netavark"

    def __init__(self, site, network, bridge, subnet):
        self.site = site
        self._network = network
        self._bridge = bridge
        self._subnet = ipaddress.ip_network(subnet)
        os.makedirs(CONFIG_DIRECTORY, exist_ok=True)

    def add(self, container, ports=()):
        """Returns the time in nanoseconds, and what it said."""
        outcome = self._run("setup", container, ports)
        return outcome.nanoseconds, json.loads(outcome.output)

    def delete(self, container, result, ports=()):
        """Returns the time in nanoseconds."""
        return self._run("teardown", container, ports).nanoseconds

    def _run(self, verb, container, ports):
        words = [PROGRAM, "--config", CONFIG_DIRECTORY, verb, container.path]
        return self.site.run(Call(words, {"PATH": PATH}, json.dumps(self._request(container, ports)).encode()))

    def _request(self, container, ports):
        return {
            "container_id": container.id,
            "container_name": container.namespace,
            "port_mappings": [
                {"host_ip": "", "host_port": port, "container_port": port, "range": 1, "protocol": "tcp"}
                for port in ports
            ],
            "networks": {
                self._network: {
                    "interface_name": container.interface,
                    "static_ips": [str(self._subnet[container.number + 2])],
                }
            },
            "network_info": {self._network: self._description()},
        }

    def _description(self):
        return {
            "name": self._network,
            "id": self._network.encode().hex().ljust(64, "0"),
            "driver": "bridge",
            "network_interface": self._bridge,
            "subnets": [{"subnet": str(self._subnet), "gateway": str(self._subnet[1])}],
            "ipv6_enabled": False,
            "internal": False,
            "dns_enabled": False,
            "ipam_options": {"driver": "host-local"},
        }
