# SPDX-License-Identifier: Apache-2.0
"""Networks whose plugins tell packet filters what to do, as podman 4 writes them, and who is to run them."""

import itertools

from contestants import PluginList
from sites import Site

BRIDGE = "cni-podman0"
SUBNET = "10.88.0.0/16"
GATEWAY = "10.88.0.1"
NEIGHBOUR_PORT = 9999

BRIDGE_PLUGIN = {
    "type": "bridge",
    "bridge": BRIDGE,
    "isGateway": True,
    "ipMasq": True,
    "hairpinMode": True,
    "ipam": {
        "type": "host-local",
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": SUBNET, "gateway": GATEWAY}]],
    },
    "capabilities": {"ips": True},
}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
FIREWALL = {"type": "firewall", "backend": ""}
CHAIN = [BRIDGE_PLUGIN, PORTMAP, FIREWALL, {"type": "tuning"}]
PLAIN_BRIDGE = BRIDGE_PLUGIN | {"ipMasq": False}


def plugin_list(bench, plugins, configurations, *, name=None, version="0.4.0", site=None, previous=None):
    """A contestant, on a site of its own unless told another."""
    site = site or Site(bench.launcher.program)
    name = name or plugins.name
    network = {"cniVersion": version, "name": f"{site.name}-{name.replace(' ', '-')}"}
    return PluginList(name, site, plugins, network, configurations, previous)


def settle(bench, contestants):
    """One container that stays on each site, with a port, so that what containers share stays too."""
    for contestant, container in zip(contestants, bench.new_containers(len(contestants))):
        contestant.add(container, [NEIGHBOUR_PORT])


def fresh(bench, contestants):
    """For each ADD a container that nobody used before."""
    return {contestant.name: (bench.new_containers(1)[0] for _ in itertools.count()) for contestant in contestants}


def attached(bench, plugins, configuration, *, name=None):
    """A contestant of one plugin that comes after the bridge, and the container that is attached to that bridge.

    A neighbour for whom the plugin has worked already stays for good, so that chains and tables stay too.
    """
    site = Site(bench.launcher.program)
    neighbour, container = bench.new_containers(2)
    plugin_list(bench, plugins, [PLAIN_BRIDGE, configuration], name=name, site=site).add(neighbour, [NEIGHBOUR_PORT])
    _, result = plugin_list(bench, plugins, [PLAIN_BRIDGE], name=name, site=site).add(container)
    return plugin_list(bench, plugins, [configuration], name=name, site=site, previous=result), container


def split(pairs):
    """The contestants, and the one container for all ADDs of each."""
    contestants = [contestant for contestant, _ in pairs]
    return contestants, {contestant.name: itertools.repeat(container) for contestant, container in pairs}
