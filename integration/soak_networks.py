# SPDX-License-Identifier: Apache-2.0
"""The host of a soak: its networks, one of each kind, and what may be asked of an attachment to each."""
from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

from host import Container, Host, Outcome
from implementations import Implementation
from runtime import Network, Runtime, bridge, host_local, network

PORTS = {"type": "portmap", "capabilities": {"portMappings": True}}
LIMITS = {"type": "bandwidth", "ingressRate": 80_000_000, "ingressBurst": 800_000, "egressRate": 80_000_000,
          "egressBurst": 800_000}
SETTINGS = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}
#: The machine beyond the link that `macvlan` and the host share.
BEYOND = "beyond"


def lan() -> Network:
    """Everything that a bridge can be chained with."""
    entry = bridge(host_local("10.77.0.0/22", "fd77::/64"), isDefaultGateway=True, ipMasq=True, macspoofchk=True,
                   hairpinMode=True)
    return network(entry, SETTINGS, LIMITS, PORTS, {"type": "firewall", "ingressPolicy": "same-bridge"}, name="lan",
                   version="1.1.0")


def wire() -> Network:
    """Point to point, with published ports."""
    entry = {"type": "ptp", "ipMasq": True, "mtu": 1450,
             "ipam": host_local("10.78.0.0/22", "fd78::/64", routes=[{"dst": "0.0.0.0/0"}, {"dst": "::/0"}])}
    return network(entry, PORTS, name="wire", version="1.1.0")


def station() -> Network:
    """A link upon a link of the host."""
    ipam = host_local("10.79.0.0/22", "fd79::/64")
    ipam["ranges"][0][0]["rangeStart"] = "10.79.0.10"
    return network({"type": "macvlan", "master": "up0", "mode": "bridge", "ipam": ipam}, SETTINGS, name="station",
                   version="1.1.0")


def six() -> Network:
    """IPv6 alone, every container for itself."""
    entry = bridge(host_local("fd80::/64"), bridge="cni6", isDefaultGateway=True, ipMasq=True)
    return network(entry, {"type": "firewall", "ingressPolicy": "isolated"}, name="six", version="1.1.0")


def fixed() -> Network:
    """Addresses that whoever calls has chosen."""
    entry = bridge({"type": "static"}, bridge="cni5", isGateway=True, ipMasq=True)
    return network(entry, name="fixed", version="1.1.0")


def tight() -> Network:
    """Fewer addresses than are asked for."""
    return network(bridge(host_local("10.82.0.0/27"), bridge="cni2", isGateway=True), name="tight", version="1.1.0")


#: Networks, and how often containers want each.
NETWORKS = ((lan, 8), (wire, 4), (station, 3), (six, 3), (fixed, 2), (tight, 2))
BRIDGES = {"lan": "cni0", "six": "cni6", "fixed": "cni5", "tight": "cni2"}
#: Networks whose links `culvert reconcile` makes anew with all that belongs to them: nobody is chained who forgets.
REPAIRABLE = ("six", "tight", "fixed")
#: Those that publish ports.
PUBLISHING = ("lan", "wire")
FIXED = "10.81.{}.{}"


@dataclasses.dataclass
class Attachment:
    """One interface of one container, as its runtime remembers it."""

    runtime: Runtime
    container: Container
    ifname: str
    options: dict[str, Any]
    ports: tuple[int, ...] = ()
    #: `absent`; `whole` when ADD has succeeded; `unsure` when a call was cut off or failed.
    state: str = "absent"
    #: Whether its container's namespace is gone.
    is_dead: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What the runtime knows it by."""
        return self.container.id, self.ifname

    @property
    def network(self) -> str:
        """The network's name."""
        return str(self.runtime.network["name"])

    @property
    def result(self) -> dict[str, Any]:
        """What its ADD answered."""
        return dict(self.runtime.results[self.key])

    @property
    def addresses(self) -> list[str]:
        """Its addresses, without prefixes."""
        return [entry["address"].split("/")[0] for entry in self.result["ips"]]

    def __str__(self) -> str:
        return f"{self.network}/{self.container.id}:{self.ifname}"


class Networks:
    """All networks of one host, and a choice among them."""

    def __init__(self, host: Host, ours: Implementation, chance: random.Random) -> None:
        self.host = host
        self.chance = chance
        host.must(f"""
            ip link add up0 type veth peer name up1
            ip netns add {BEYOND}
            ip link set up1 netns {BEYOND}
            ip link set up0 up
            ip -n {BEYOND} link set up1 up
            ip -n {BEYOND} address add 10.79.0.1/22 dev up1
        """)
        self.runtimes = {made()["name"]: Runtime(host, ours, made()) for made, _ in NETWORKS}
        self.weights = [weight for _, weight in NETWORKS]
        self.next_address = 0
        self.next_port = 0

    def choose(self, container: Container, ifname: str) -> Attachment:
        """An attachment that may be made, with what a runtime would say of it."""
        name = self.chance.choices(list(self.runtimes), self.weights)[0]
        options: dict[str, Any] = {"args": f"IgnoreUnknown=1;K8S_POD_NAME={container.id}"}
        ports: tuple[int, ...] = ()
        if name == "fixed":
            self.next_address = self.next_address % 60_000 + 1
            high, low = divmod(self.next_address, 250)
            address = FIXED.format(high, low + 2)
            options["args"] += f";IP={address}/16;GATEWAY=10.81.0.1"
        elif name in PUBLISHING:
            ports = tuple(self.port() for _ in range(self.chance.choice((0, 0, 1, 3))))
            options["capabilities"] = {"portMappings": [
                {"hostPort": port, "containerPort": 80, "protocol": "tcp"} for port in ports]}
        if name == "lan" and self.chance.random() < 0.1:
            # Beyond what is given in order; whoever asks second for the same is refused.
            options["args"] += f";IP=10.77.3.{self.chance.randrange(200, 220)}"
        return Attachment(self.runtimes[name], container, ifname, options, ports)

    def port(self) -> int:
        """A port of the host that has not been published for long."""
        self.next_port = (self.next_port + 1) % 20_000
        return 10_000 + self.next_port


def refusal(outcome: Outcome) -> Mapping[str, Any] | None:
    """The error object of a call that was refused; nothing when it said none, or was no refusal."""
    try:
        return outcome.error()
    except (AssertionError, ValueError):
        return None
