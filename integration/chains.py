# SPDX-License-Identifier: Apache-2.0
"""The networks that podman, nerdctl and containerd write, and the way in which each of them calls the plugins."""
from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from host import Container, Outcome
from runtime import DONE, Network, Runtime, network

LOOPBACK = {"cniVersion": "0.3.1", "name": "cni-loopback", "type": "loopback"}
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}


def subnet(number: int, family: int) -> str:
    """The subnet of the network of that number."""
    return f"10.{80 + number}.0.0/24" if family == 4 else f"fd{80 + number}::/64"


def address(number: int, family: int, last: int) -> str:
    """An address of the network of that number; the gateway's is 1, the first container's 2."""
    return f"10.{80 + number}.0.{last}" if family == 4 else f"fd{80 + number}::{last:x}"


@dataclasses.dataclass(frozen=True)
class Port:
    """A published port."""

    host_port: int
    container_port: int
    protocol: str = "tcp"
    host_address: str = ""

    def camel(self) -> dict[str, Any]:
        """As podman writes it: no address where none was asked for."""
        written = {"hostPort": self.host_port, "containerPort": self.container_port, "protocol": self.protocol}
        return {**written, **({"hostIP": self.host_address} if self.host_address else {})}

    def capitalised(self, anywhere: str = "") -> dict[str, Any]:
        """As go-cni writes it: its structure has no names for JSON."""
        return {"HostPort": self.host_port, "ContainerPort": self.container_port, "Protocol": self.protocol,
                "HostIP": self.host_address or anywhere}


@dataclasses.dataclass(frozen=True)
class Member(Container):
    """A container of a runtime: its namespace has a short name, its id is the runtime's."""

    name: str
    ports: tuple[Port, ...] = ()

    @property
    def plain(self) -> Container:
        """The namespace as the rest of the tests knows it."""
        return Container(self.name, self.netns)


class Caller(Runtime):
    """A runtime with its own ids, arguments and capabilities."""

    def member(self, name: str, *ports: Port) -> Member:
        """A new container of that runtime, not yet on a network."""
        return Member(self.identify(name), self.host.add_container(name).netns, name, ports)

    def identify(self, name: str) -> str:
        """The id that the runtime gives to a container."""
        return hashlib.sha256(name.encode()).hexdigest()

    def options(self, member: Member) -> dict[str, Any]:
        """CNI_ARGS and capabilities of a container."""
        raise NotImplementedError

    def attach(self, member: Member) -> Outcome:
        """Everything the runtime calls when a container starts."""
        return self.add(member, **self.options(member))

    def detach(self, member: Member) -> Outcome:
        """Everything the runtime calls when it stops."""
        return self.delete(member, **self.options(member))


class Podman(Caller):
    """podman 4 with its CNI backend."""

    def options(self, member: Member) -> dict[str, Any]:
        """Names of pods, and aliases that no plugin asks for."""
        return {
            "args": f"IgnoreUnknown=1;K8S_POD_NAME={member.name}",
            "capabilities": {"aliases": {self.network["name"]: [member.id[:12]]},
                             "portMappings": [port.camel() for port in member.ports]},
        }


class Nerdctl(Caller):
    """nerdctl: knows no namespace at DEL, and sends one before each ADD in case the container runs again."""

    def identify(self, name: str) -> str:
        """The containerd namespace is a part of it."""
        return f"default-{super().identify(name)}"

    def options(self, member: Member) -> dict[str, Any]:
        """A mapping to no address is one to all of IPv4."""
        ports = [port.capitalised("0.0.0.0") for port in member.ports]
        return {"args": f"IgnoreUnknown=1;NERDCTL_CNI_DHCP_HOSTNAME={member.name}",
                "capabilities": {"portMappings": ports} if ports else {}}

    def attach(self, member: Member) -> Outcome:
        """A DEL of what may have been, then the ADD."""
        cleared = self.detach(member)
        return super().attach(member) if cleared.ok else cleared

    def detach(self, member: Member) -> Outcome:
        """No namespace, but the result that libcni remembers."""
        return self.delete(member, env={"CNI_NETNS": ""}, **self.options(member))


class Containerd(Caller):
    """containerd's CRI service: loopback at the same time, keys in capitals, and one DEL too many."""

    def options(self, member: Member) -> dict[str, Any]:
        """What go-cni makes of a pod's annotations and ports."""
        return {
            "args": ("K8S_POD_INFRA_CONTAINER_ID={0};K8S_POD_UID=4b1c;IgnoreUnknown=1;K8S_POD_NAMESPACE=default;"
                     "K8S_POD_NAME={1}").format(member.id, member.name),
            "capabilities": {
                "portMappings": [port.capitalised() for port in member.ports],
                "bandwidth": {"IngressRate": 400_000_000, "IngressBurst": 4294967295, "EgressRate": 0,
                              "EgressBurst": 0},
                "cgroupPath": "/kubepods/besteffort", "dns": {"Servers": [], "Searches": [], "Options": []},
                "io.kubernetes.cri.pod-annotations": {},
            },
        }

    def loopback(self, verb: str, member: Member, **variables: str) -> Outcome:
        """One call of loopback."""
        side = self.implementation
        return self.host.plugin(side.executable("loopback"), verb, LOOPBACK, container=member, ifname="lo",
                                cni_path=side.cni_path, args=self.options(member)["args"], env=variables)

    def attach(self, member: Member) -> Outcome:
        """Both networks at once, in the same namespace."""
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            lo = both.submit(self.loopback, "ADD", member)
            added = super().attach(member)
            return added if lo.result().ok else lo.result()

    def detach(self, member: Member) -> Outcome:
        """StopPodSandbox, then RemovePodSandbox, which has no namespace and no result any more."""
        calls: tuple[Callable[[], Outcome], ...] = (
            lambda: self.loopback("DEL", member),
            lambda: super(Containerd, self).detach(member),
            lambda: self.loopback("DEL", member, CNI_NETNS=""),
            lambda: self.delete(member, remembering=False, env={"CNI_NETNS": ""}, **self.options(member)),
        )
        return next((failed for call in calls if not (failed := call()).ok), DONE)


def addresses_of(number: int, families: tuple[int, ...], *, gateway: bool = True,
                 routes: bool = True) -> dict[str, Any]:
    """The ipam object that podman and nerdctl write."""
    ranges = [
        [{"subnet": subnet(number, family), **({"gateway": address(number, family, 1)} if gateway else {})}]
        for family in families
    ]
    listed = {"routes": [{"dst": EVERYWHERE[family]} for family in families]} if routes else {}
    return {"type": "host-local", **listed, "ranges": ranges}


def podman_network(number: int, families: tuple[int, ...] = (4, 6), *, isolate: bool = False,
                   internal: bool = False) -> Network:
    """What `podman network create` writes, with `-o isolate=true` or `--internal`."""
    bridge: dict[str, Any] = {"type": "bridge", "bridge": f"cni-podman{number}", "isGateway": not internal}
    bridge |= {} if internal else {"ipMasq": True}
    bridge |= {"hairpinMode": True, "capabilities": {"ips": True},
               "ipam": addresses_of(number, families, gateway=not internal, routes=not internal)}
    firewall = {"type": "firewall", "backend": "", **({"ingressPolicy": "same-bridge"} if isolate else {})}
    listed = network(bridge, PORTMAP, firewall, {"type": "tuning"}, name=f"t{number}", version="0.4.0")
    return {"args": {"podman_options": {"isolate": "true"}}, **listed} if isolate else listed


def nerdctl_network(number: int, policy: str = "same-bridge") -> Network:
    """What `nerdctl network create --ipv6` writes, with `-o icc=false` where the policy is `isolated`."""
    name = f"n{number}"
    identity = hashlib.sha256(name.encode()).hexdigest()
    bridge = {"type": "bridge", "bridge": f"br-{identity[:12]}", "isGateway": True, "ipMasq": True,
              "hairpinMode": True, "ipam": addresses_of(number, (4, 6)), "capabilities": {"ips": True}}
    firewall = {"type": "firewall", "ingressPolicy": policy}
    listed = network(bridge, PORTMAP, firewall, {"type": "tuning"}, name=name)
    return {**listed, "nerdctlID": identity, "nerdctlLabels": {}}


def containerd_network(number: int, *more: dict[str, Any], **portmap: Any) -> Network:
    """The network that containerd's own installation script writes; more plugins behind it, more of portmap."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": subnet(number, family)}] for family in (4, 6)],
            "routes": [{"dst": EVERYWHERE[4]}, {"dst": EVERYWHERE[6]}]}
    bridge = {"type": "bridge", "bridge": f"cni{number}", "isGateway": True, "ipMasq": True, "promiscMode": True,
              "ipam": ipam}
    return network(bridge, {**PORTMAP, **portmap}, *more, name=f"containerd-net{number}")


def flannel_network(number: int) -> Network:
    """What flannel makes of its own configuration and passes on; flanneld masquerades, and no result comes back."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": subnet(number, family)}] for family in (4, 6)],
            "routes": [{"dst": "10.80.0.0/12"}, {"dst": "fd80::/9"}]}
    bridge = {"type": "bridge", "bridge": f"cni{number}", "mtu": 1450, "hairpinMode": True, "ipMasq": False,
              "isGateway": True, "isDefaultGateway": True, "ipam": ipam}
    return network(bridge, PORTMAP, name=f"cbr{number}", version="0.3.1")


def by_iptables(listed: Network) -> Network:
    """The network with its rules in iptables, where every release of the reference finds them."""
    changed = copy.deepcopy(listed)
    member = {"bridge": "ipMasqBackend", "portmap": "backend", "firewall": "backend"}
    for entry in changed["plugins"]:
        if entry["type"] in member:
            entry[member[entry["type"]]] = "iptables"
    return changed


@dataclasses.dataclass(frozen=True)
class Chain:
    """A kind of network, and who calls it."""

    name: str
    caller: type[Caller]
    make: Callable[[int], Network]
    families: tuple[int, ...] = (4, 6)
    #: Shell run on the host before all else.
    prepare: str = ""
    #: The network whose containers are strangers to it; an ordinary one of the same runtime unless said otherwise.
    other: Callable[[int], Network] | None = None

    def ordinary(self, number: int) -> Network:
        """The network of containers that the policy of this kind is about."""
        make = self.other or next(chain.make for chain in CHAINS if chain.caller is self.caller)
        return make(number)


BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
SYSCTL = {"type": "tuning", "sysctl": {"net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_filter": "1"}}
CHAINS = (
    Chain("podman", Podman, podman_network),
    Chain("podman isolated", Podman, lambda number: podman_network(number, isolate=True)),
    Chain("podman internal", Podman, lambda number: podman_network(number, (4,), internal=True), (4,)),
    Chain("nerdctl", Nerdctl, nerdctl_network),
    Chain("nerdctl icc=false", Nerdctl, lambda number: nerdctl_network(number, "isolated")),
    Chain("containerd", Containerd, containerd_network),
    Chain("containerd shaped and tuned", Containerd,
          lambda number: containerd_network(number, BANDWIDTH, SYSCTL, {"type": "firewall"})),
)
#: Other forms of the same.
VARIANTS = (
    Chain("podman, IPv6 only", Podman, lambda number: podman_network(number, (6,)), (6,)),
    Chain("containerd with flannel", Containerd, flannel_network),
    Chain("podman isolated, by iptables", Podman, lambda number: by_iptables(podman_network(number, isolate=True)),
          other=lambda number: by_iptables(podman_network(number))),
    Chain("nerdctl icc=false, by iptables", Nerdctl, lambda number: by_iptables(nerdctl_network(number, "isolated")),
          other=lambda number: by_iptables(nerdctl_network(number))),
)
#: The same on hosts that have rules of their own: of one that forwards nothing, and of kube-proxy.
FORWARDS_NOTHING = "iptables -P FORWARD DROP; ip6tables -P FORWARD DROP"
KUBE_PROXY = """
for command in iptables ip6tables; do
    $command -t nat -N KUBE-MARK-MASQ
    $command -t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
    $command -t nat -N KUBE-POSTROUTING
    $command -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
    $command -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
    $command -t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully
    $command -t nat -I POSTROUTING -j KUBE-POSTROUTING
done
"""
GUARDED = (
    Chain("podman, nothing is forwarded", Podman, podman_network, prepare=FORWARDS_NOTHING),
    Chain("podman isolated, nothing is forwarded", Podman, lambda number: podman_network(number, isolate=True),
          prepare=FORWARDS_NOTHING),
    Chain("containerd with kube-proxy", Containerd,
          lambda number: containerd_network(number, externalSetMarkChain="KUBE-MARK-MASQ"), prepare=KUBE_PROXY),
)


def told(chain: Chain, *values: Any, name: str = "", marks: Iterable[pytest.MarkDecorator] = ()) -> Any:
    """Parameters of a test that asks for the stories of a chain: one worker takes all of them, and tells them once."""
    return pytest.param(chain, *values, id=name or chain.name,
                        marks=[pytest.mark.xdist_group(f"chain {chain.name}"), *marks])
