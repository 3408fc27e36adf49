# SPDX-License-Identifier: Apache-2.0
"""Measures of the plugins that give a container an interface of some kind: ADD and DEL beside the floor of the kind.

Each contestant has a link of its own that interfaces rest upon, and at its other end a neighbour, which has the
address of the gateway. Where this kernel lacks a kind of link, all of it is measured in a guest, and held to the same:
its milliseconds are no other machine's, but all contestants take turns on it.
"""

import functools
import ipaddress
import itertools
import json
import os
from dataclasses import dataclass, field, replace

import guest
import host
from contestants import LEASES, PATH, lease_of
from launcher import Call
from measures import MILLISECOND, series, turns
from report import Row

# Of 100 rounds that are asked for, how many are taken here, and how many in a guest.
SHARE = 25
GUEST_SHARE = 16
VLAN = 5
LOWER = "$lower"  # in a configuration: the contestant's own link
SUBNETS = {"4": "10.21{}.0.0/16", "6": "fd00:21{}::/64"}


@dataclass(frozen=True)
class Case:
    """One kind of interface."""

    name: str
    plugin: dict
    families: str = "4"
    # How a link of the kind is made upon a link `lower`, where a kernel may lack it.
    link: str = ""
    # Of what kind the container's link is, as the kernel calls it, if it is not called like the plugin.
    kind: str = ""
    # The neighbour's link that packets come to; empty where nobody is to be reached.
    neighbour: str = "low"
    # Ours that was there before, if this plugin does not make the container's link itself.
    behind: dict = field(default_factory=dict)
    # Times the reference has to be slower by, and how many rounds it takes part in.
    faster: float = 3.5
    reference_rounds: int = 1000

    @property
    def type(self):
        return self.plugin["type"]


# The reference waits for its own IPv6 addresses on both ends of the wire.
CASES = [
    Case("ptp", {"type": "ptp"}, kind="veth", neighbour=""),
    Case("ptp-6", {"type": "ptp"}, "6", kind="veth", neighbour="", faster=500, reference_rounds=5),
    Case("ptp-46", {"type": "ptp"}, "46", kind="veth", neighbour="", faster=500, reference_rounds=5),
    Case("macvlan", {"type": "macvlan", "master": LOWER}, link="link lower type macvlan"),
    Case("tap", {"type": "tap"}, kind="tun", neighbour=""),
    Case("ipvlan", {"type": "ipvlan", "master": LOWER}, link="link lower type ipvlan"),
    Case("vlan", {"type": "vlan", "master": LOWER, "vlanId": VLAN}, link=f"link lower type vlan id {VLAN}",
         neighbour=f"low.{VLAN}"),
    Case("dummy", {"type": "dummy"}, link="type dummy", neighbour=""),
    # Moving a link is two thirds of what the reference needs, which moves it twice: nobody can be much faster.
    Case("host-device", {"type": "host-device", "device": LOWER}, kind="veth", faster=1),
    Case("vrf", {"type": "vrf", "vrfname": "blue", "table": 5}, link="type vrf table 5", kind="veth", neighbour="",
         behind={"type": "ptp"}),
]


@dataclass(frozen=True)
class InterfaceNetwork:
    """A network of one contestant."""

    case: Case
    contestant: str
    number: int
    previous: dict = field(default_factory=dict)  # what the plugin before said

    @property
    def name(self):
        return f"{self.case.name}-{self.contestant}"

    @property
    def lower(self):
        return f"low{self.number}"

    @property
    def subnets(self):
        return tuple(SUBNETS[family].format(self.number) for family in self.case.families)

    def gateways(self):
        return [str(ipaddress.ip_network(subnet)[1]) for subnet in self.subnets]

    def configuration(self):
        plugin = {key: self.lower if value == LOWER else value for key, value in self.case.plugin.items()}
        words = {"cniVersion": "1.0.0", "name": self.name, **plugin}
        if self.previous:
            return words | {"prevResult": self.previous}
        routes = [{"dst": "::/0" if ":" in subnet else "0.0.0.0/0"} for subnet in self.subnets]
        ranges = [[{"subnet": subnet}] for subnet in self.subnets]
        return words | {"ipam": {"type": "host-local", "ranges": ranges, "routes": routes}}


class LinkFloor:
    """The bare kernel work for one kind; it is told what the plugins have to find out."""

    name = "floor"

    def __init__(self, program):
        self.program = program

    def _call(self, verb, network, container, addresses):
        case = network.case
        link = f"floor{container.number}" if case.type == "ptp" else network.lower
        if LOWER not in case.plugin.values() and case.type != "ptp":
            link = "-"
        words = [self.program, verb, case.type, container.path, container.interface, link, f"{LEASES}/{network.name}"]
        environment = {"CNI_CONTAINERID": container.id, "PATH": PATH}
        return Call([*words, *addresses], environment, json.dumps(network.configuration()).encode())

    def addresses(self, network, container):
        if network.previous:
            return []
        subnets = map(ipaddress.ip_network, network.subnets)
        return [f"{subnet[container.number % 250 + 2]}/{subnet.prefixlen}" for subnet in subnets]

    def add(self, network, container):
        pairs = zip(self.addresses(network, container), network.gateways())
        return self._call("add", network, container, itertools.chain.from_iterable(pairs))

    def delete(self, network, container, result):
        return self._call("del", network, container, self.addresses(network, container))


def contestants_of(bench, case):
    """Who can take part: of some kinds there is no reference."""
    plugins = [one for one in bench.plugins if os.path.exists(f"{one.directory}/{case.type}")]
    return [*plugins, LinkFloor(bench.link_floor)]


def furnish(network):
    """The contestant's own link, and its neighbour, who has the gateways' addresses."""
    name = f"lan{network.number}"
    host.add_namespaces([name])
    host.run("ip", "link", "add", network.lower, "type", "veth", "peer", "name", "low", "netns", name)
    host.run("ip", "link", "set", network.lower, "up")
    lines = ["link set lo up", "link set low up"]
    where = network.case.neighbour
    if where not in ("", "low"):
        lines += [f"link add link low name {where} type vlan id {VLAN}", f"link set {where} up"]
    if where:
        for subnet, gateway in zip(network.subnets, network.gateways()):
            lines.append(f"address add {gateway}/{subnet.split('/')[1]} dev {where}" + " nodad" * (":" in subnet))
    host.run("ip", "-n", name, "-batch", "-", input="\n".join(lines))


def clear(network):
    host.delete_link(network.lower)
    host.run("ip", "netns", "delete", f"lan{network.number}")


def require_added(outcome, network, container):
    """Returns the result of an ADD after checking that it is true."""
    result = json.loads(outcome.output)
    program = outcome.call.words[0]
    # Addresses of the plugin before are none of this one's.
    told = [] if network.previous else [ip["address"] for ip in result.get("ips", [])]
    if not network.previous and len(told) != len(network.subnets):
        raise RuntimeError(f"{program}: ADD returned the addresses {told}")
    missing = [address for address in told if not os.path.exists(lease_of(network, address))]
    if missing:
        raise RuntimeError(f"{program}: ADD returned {missing} and left no lease")
    if container.interface not in host.links_inside(container.namespace):
        raise RuntimeError(f"{program}: ADD succeeded and made no interface")
    return result


def require_deleted(outcome, network, container, result):
    left = [ip["address"] for ip in result.get("ips", []) if os.path.exists(lease_of(network, ip["address"]))]
    if network.previous:
        left = []  # another plugin's
    elif container.interface in host.links_inside(container.namespace):
        left.append(container.interface)
    if left:
        raise RuntimeError(f"{outcome.call.words[0]}: DEL succeeded and left {left}")


def require_working(network, container, result):
    """Looks at the interface, and sends packets where somebody is to be reached."""
    shown = json.loads(host.run("ip", "-n", container.namespace, "-d", "-j", "address", "show"))
    link = next(link for link in shown if link.get("ifname") == container.interface)
    kind, wanted = link.get("linkinfo", {}).get("info_kind"), network.case.kind or network.case.type
    if kind != wanted:
        raise RuntimeError(f"{network.name}: the interface is of kind {kind}, not {wanted}")
    has = {f"{entry['local']}/{entry['prefixlen']}" for entry in link["addr_info"]}
    lacking = [ip["address"] for ip in result.get("ips", []) if ip["address"] not in has]
    if lacking:
        raise RuntimeError(f"{network.name}: the interface lacks {lacking}")
    if network.case.neighbour or network.case.type == "ptp":
        for gateway in network.gateways():
            host.knock(container.namespace, gateway)


def one_round(bench, order, networks, containers, proves=False):
    """An ADD of each contestant, then a DEL of each. Returns milliseconds: verb -> contestant."""
    jobs = [(contestant, networks[contestant.name], containers[contestant.name]) for contestant in order]
    # Looked at only when all are done: to start other programs in between would cost the next one its caches.
    added = [bench.run(contestant.add(network, container)) for contestant, network, container in jobs]
    results = [require_added(outcome, network, container) for outcome, (_, network, container) in zip(added, jobs)]
    if proves:
        for (_, network, container), result in zip(jobs, results):
            require_working(network, container, result)
    deleted = [
        bench.run_deletion(contestant.delete(network, container, result))
        for (contestant, network, container), result in zip(jobs, results)
    ]
    for outcome, (_, network, container), result in zip(deleted, jobs, results):
        require_deleted(outcome, network, container, result)
    names = [contestant.name for contestant in order]
    return {
        verb: {name: outcome.nanoseconds / MILLISECOND for name, outcome in zip(names, outcomes)}
        for verb, outcomes in (("add", added), ("del", deleted))
    }


def attached(bench, network, container):
    """The network as the plugin finds it behind another one."""
    case = replace(network.case, plugin=network.case.behind)
    before = InterfaceNetwork(case, f"{network.contestant}-", network.number)
    return replace(network, previous=json.loads(bench.run(bench.ours.add(before, container)).output))


def measured(bench, case, count):
    """Milliseconds: verb -> contestant -> one per round, of this very kernel."""
    contestants = contestants_of(bench, case)
    networks = {one.name: InterfaceNetwork(case, one.name, 1 + n) for n, one in enumerate(contestants)}
    for network in networks.values():
        furnish(network)
    values = {"add": series(contestants), "del": series(contestants)}
    containers = {}
    for number in range(-1, count):
        order = [
            one for one in turns(contestants, number) if one.name != "reference" or number < case.reference_rounds
        ]
        # One that another plugin has attached already can be used again; all others come for the first time.
        if not (case.behind and containers):
            containers = dict(zip(networks, bench.new_containers(len(contestants))))
        if case.behind and number < 0:
            networks = {name: attached(bench, one, containers[name]) for name, one in networks.items()}
        taken = one_round(bench, order, networks, containers, proves=number < 0)
        for verb, times in taken.items():
            for name, time in times.items():
                if number >= 0:
                    values[verb][name].append(time)
    for network in networks.values():
        clear(network)
    return values


@functools.cache
def is_known(link):
    """Whether this kernel has such links."""
    try:
        host.run("unshare", "--net", "sh", "-c", f"ip link add lower type veth && ip link add probe {link}")
    except RuntimeError:
        return False
    return True


def measure_case(case, bench):
    families = {"4": "", "6": ", IPv6", "46": ", IPv4 and IPv6"}[case.families]
    title = f"ADD, {case.type}{families}"
    is_here = not case.link or is_known(case.link)
    place = "" if is_here else ", in a guest"
    count = max(1, bench.rounds * (SHARE if is_here else GUEST_SHARE) // 100)
    if not is_here and not guest.is_possible():
        row = Row(case.name, title, "ms", {})
        row.miss("this kernel has no such links, and there is no qemu-system-x86_64")
        return [row]
    values = measured(bench, case, count) if is_here else guest.measured(case.name, count)
    add = Row(case.name, title + place, "ms", values["add"])
    add.hold_below("ours", "floor", 2)
    if "reference" in values["add"]:
        add.hold_above("reference", "ours", case.faster)
    else:
        add.note = "no reference"
    return [add, Row(f"{case.name}-del", f"DEL{place}", "ms", values["del"])]


# Which rows a measure yields, and how to take it.
MEASURES = [((case.name, f"{case.name}-del"), functools.partial(measure_case, case)) for case in CASES]
