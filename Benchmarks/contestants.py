# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared, and the proof that each did what it was asked."""

import ipaddress
import json
import os
from dataclasses import dataclass

import host
from launcher import Call

LEASES = "/var/lib/cni/networks"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Network:
    """A bridge network with host-local addresses; the first address of each subnet is the bridge's."""

    name: str
    bridge: str
    subnets: tuple

    def configuration(self):
        routes = [{"dst": "::/0" if ":" in subnet else "0.0.0.0/0"} for subnet in self.subnets]
        return {
            "cniVersion": "1.0.0",
            "name": self.name,
            "type": "bridge",
            "bridge": self.bridge,
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": subnet}] for subnet in self.subnets],
                "routes": routes,
            },
        }

    def address(self, number):
        """The address that the floor gives its container `number`; others choose by themselves."""
        subnet = ipaddress.ip_network(self.subnets[0])
        return f"{subnet[number + 2]}/{subnet.prefixlen}"

    def gateway(self):
        return str(ipaddress.ip_network(self.subnets[0])[1])


@dataclass(frozen=True)
class Container:
    number: int
    namespace: str
    interface: str = "eth0"

    @property
    def id(self):
        return f"{self.number:064x}"

    @property
    def path(self):
        return f"/run/netns/{self.namespace}"


class Plugins:
    """A directory of CNI plugins, called as a runtime calls them."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = directory

    def call(self, command, container, configuration, path, more=None):
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": container.id,
            "CNI_NETNS": path,
            "CNI_IFNAME": container.interface,
            "CNI_ARGS": "",
            "CNI_PATH": self.directory,
            "PATH": PATH,
        } | (more or {})
        program = f"{self.directory}/{configuration['type']}"
        return Call([program], environment, json.dumps(configuration, separators=(",", ":")).encode())

    def add(self, network, container):
        return self.call("ADD", container, network.configuration(), container.path)

    def delete(self, network, container, result):
        return self.call("DEL", container, network.configuration() | {"prevResult": result}, container.path)

    def delete_unknown(self, network, container):
        """Without a namespace, as runtimes do once the container is gone."""
        return self.call("DEL", container, network.configuration(), "")

    def version(self):
        environment = {"CNI_COMMAND": "VERSION", "CNI_PATH": self.directory, "PATH": PATH}
        return Call([f"{self.directory}/bridge"], environment, b'{"cniVersion":"1.0.0"}')


class PluginList:
    """A network's plugins from one directory, called one after the other as libcni calls them for podman."""

    def __init__(self, name, site, plugins, network, configurations, previous=None):
        self.name = name
        self.site = site
        self._plugins = plugins
        self._network = network
        self._configurations = configurations
        self._previous = previous  # what plugins before these said

    def add(self, container, ports=()):
        """Returns the time of all plugins together in nanoseconds, and the last result."""
        nanoseconds, result = 0, self._previous
        for configuration in self._configurations:
            outcome = self._run("ADD", container, configuration, ports, result)
            nanoseconds += outcome.nanoseconds
            result = json.loads(outcome.output)
        return nanoseconds, result

    def delete(self, container, result, ports=()):
        """Returns the time of all plugins together in nanoseconds."""
        configurations = reversed(self._configurations)
        return sum(self._run("DEL", container, one, ports, result).nanoseconds for one in configurations)

    def _run(self, command, container, configuration, ports, result):
        words = self._network | configuration
        if result:
            words["prevResult"] = result
        if ports and configuration.get("capabilities", {}).get("portMappings"):
            words["runtimeConfig"] = {"portMappings": [port_mapping(port) for port in ports]}
        environment = self.site.environment | {"CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAME={container.namespace}"}
        return self.site.run(self._plugins.call(command, container, words, container.path, environment))


def port_mapping(port):
    """Every port is the same inside and outside, as `podman run -p 8000-8019:8000-8019` has it."""
    return {"hostPort": port, "containerPort": port, "protocol": "tcp"}


class Floor:
    """The bare kernel work; it is told what the plugins have to find out."""

    name = "floor"

    def __init__(self, program):
        self.program = program

    def _call(self, verb, network, container, words):
        environment = {"CNI_CONTAINERID": container.id, "PATH": PATH}
        return Call([self.program, verb, *words], environment, json.dumps(network.configuration()).encode())

    def add(self, network, container):
        words = [container.path, container.interface, network.bridge, f"floor{container.number}"]
        words += [network.address(container.number), network.gateway(), f"{LEASES}/{network.name}"]
        return self._call("add", network, container, words)

    def delete(self, network, container, result):
        words = [f"floor{container.number}", network.address(container.number), f"{LEASES}/{network.name}"]
        return self._call("del", network, container, words)

    def version(self):
        return Call([self.program, "version"])


def lease_of(network, address):
    return f"{LEASES}/{network.name}/{address.split('/')[0]}"


def require_added(outcome, network):
    """Returns the result of an ADD after checking that the host shows what it says."""
    result = json.loads(outcome.output)
    addresses = [ip["address"] for ip in result.get("ips", [])]
    if len(addresses) != len(network.subnets):
        raise RuntimeError(f"{outcome.call.words[0]}: ADD returned the addresses {addresses}")
    for address, subnet in zip(sorted(addresses), sorted(network.subnets)):
        if ipaddress.ip_interface(address).ip not in ipaddress.ip_network(subnet):
            raise RuntimeError(f"{outcome.call.words[0]}: ADD returned {address}, which is not in {subnet}")
        if not os.path.exists(lease_of(network, address)):
            raise RuntimeError(f"{outcome.call.words[0]}: ADD returned {address} and left no lease")
    ports = [link["name"] for link in result["interfaces"] if not link.get("sandbox")]
    ports.remove(network.bridge)
    if len(ports) != 1 or host.bridge_of(ports[0]) != network.bridge:
        raise RuntimeError(f"{outcome.call.words[0]}: ADD returned the ports {ports}, not one of {network.bridge}")
    return result


def require_deleted(outcome, network, result):
    leases = [lease_of(network, ip["address"]) for ip in result["ips"]]
    links = [link["name"] for link in result["interfaces"] if not link.get("sandbox")]
    left = [path for path in leases if os.path.exists(path)]
    left += [name for name in links if name != network.bridge and host.link_exists(name)]
    if left:
        raise RuntimeError(f"{outcome.call.words[0]}: DEL succeeded and left {left}")


def require_working(network, container, result):
    """Looks into the container and sends a packet: what was measured has to be of use to somebody."""
    inside = host.addresses_inside(container.namespace, container.interface)
    told = [ip["address"] for ip in result["ips"] if ":" not in ip["address"]]
    if inside != told:
        raise RuntimeError(f"{container.namespace} has the addresses {inside}, the result says {told}")
    host.knock(container.namespace, network.gateway())
