# SPDX-License-Identifier: Apache-2.0
"""What the tests of all plugins that give a container an interface have in common."""
from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
from typing import Any

from faults import Bench
from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import LEASES, RECORDS, lease_files, left_behind, link_names, read_tree
from runtime import Network, Runtime, host_local, network, valid_attachments

DUAL = host_local("10.77.0.0/24", "fd77::/64")
ADDRESSES = ("10.77.0.2/24", "fd77::2/64")
ROUTES = [
    {"dst": "192.0.2.0/24", "mtu": 1300, "advmss": 1200, "priority": 77},
    {"dst": "198.51.100.0/24", "gw": "203.0.113.9", "onlink": True},
    {"dst": "2001:db8::/32", "mtu": 1290},
]
#: A link of the host that leads to a neighbour, and the neighbour.
WIRE, NEIGHBOUR = "wire", "neighbour"
NEIGHBOURS = ("10.77.0.200", "fd77::200")
LAN = f"""
    ip netns add {NEIGHBOUR}
    ip link add {WIRE} type veth peer name eth0 netns {NEIGHBOUR}
    ip link set {WIRE} up
    ip -n {NEIGHBOUR} link set lo up
    ip -n {NEIGHBOUR} link set eth0 up
"""


def lan(host: Host, where: str = "eth0") -> None:
    """A neighbour on the wire, which has its addresses on the link `where`."""
    host.must(LAN)
    if where != "eth0":
        name, _, kind = where.partition(" ")
        host.must(f"ip -n {NEIGHBOUR} link add link eth0 name {name} {kind}; ip -n {NEIGHBOUR} link set {name} up")
        where = name
    for address, prefix, option in zip(NEIGHBOURS, (24, 64), ("", "nodad")):
        host.must(f"ip -n {NEIGHBOUR} address add {address}/{prefix} dev {where} {option}")


def interface(host: Host, container: Container, name: str = "eth0") -> dict[str, Any]:
    """A link of a container with its addresses, as `ip -d -j address` shows it."""
    shown = json.loads(host.must(f"ip -d -j address show dev {name}", netns=container.netns))
    return next(link for link in shown if link)


def addresses(link: dict[str, Any]) -> tuple[str, ...]:
    """The addresses of a link, without those that the kernel gives to any."""
    return tuple(f"{entry['local']}/{entry['prefixlen']}" for entry in link["addr_info"] if entry["scope"] == "global")


def routes(host: Host, container: Container) -> dict[str, dict[str, Any]]:
    """The routes of a container by their destination."""
    found: dict[str, dict[str, Any]] = {}
    for family in ("-4", "-6"):
        for route in json.loads(host.must(f"ip -d -j {family} route show", netns=container.netns) or "[]"):
            found[route["dst"]] = route
    return found


def reaches(host: Host, container: Container | None, *targets: str, through: str = "", seconds: int = 5) -> list[str]:
    """Those of some addresses that do not answer a ping within some seconds, from a container or the host.

    `through` is what the ping is bound to.
    """
    bound = f"-I {through} " if through else ""
    pings = " & ".join(
        f"ping -n -q {bound}-c 1 -w {seconds} {target} >/dev/null || echo {target}" for target in targets)
    silent = host.must(f"{pings} & wait", netns=container.netns if container else None).split()
    return [target for target in targets if target in silent]


def assert_master_in_the_container(host: Host, ours: Implementation, entry: dict[str, Any]) -> None:
    """A plugin makes its link upon one that the container has, reaches the neighbour, and takes it away."""
    container = host.add_container("c1")
    host.must(f"ip link set {WIRE} netns c1 && ip -n c1 link set {WIRE} up")
    runtime = Runtime(host, ours, network({**entry, "linkInContainer": True}, version="1.1.0"))
    runtime.add(container).result()
    assert runtime.check(container).ok and reaches(host, container, *NEIGHBOURS) == []
    assert runtime.delete(container).ok and link_names(host, container.netns) == {"lo", WIRE}
    runtime.add(container).result()
    host.must("ip netns del c1")
    assert runtime.delete(container).ok


class InterfaceBench(Bench):
    """As its parent, on a host with a wire and without rules, which the kernel of a guest does not have.

    It looks by files alone, since every program that is started takes a guest a tenth of a second.
    """

    def __init__(self, host: Host, implementation: Implementation, listed: Network) -> None:
        self.host = host
        self.runtime = Runtime(host, implementation, listed)
        self.container = host.add_container("c1")
        self.env = {"CULVERT_LOCK_TIMEOUT": "0.3"}
        self.inside = host.start(["cat"], netns=self.container.netns)
        self.prepare()
        self.links = self.names(host.pid)

    def prepare(self) -> None:
        """Makes what plugins need of the host."""
        lan(self.host)

    @staticmethod
    def names(process: int) -> set[str]:
        """The links that a process sees."""
        listed = pathlib.Path(f"/proc/{process}/net/dev").read_text().splitlines()[2:]
        return {line.partition(":")[0].strip() for line in listed}

    def reset(self) -> None:
        """Takes away what survives a DEL on purpose."""
        for directory in (LEASES, RECORDS):
            shutil.rmtree(self.host.path(directory), ignore_errors=True)

    def remains(self) -> str:
        """What is left of the attachment; empty when nothing is."""
        found = {
            "links": sorted(self.names(self.host.pid) - self.links),
            "links of c1": sorted(self.names(self.inside.pid) - {"lo"}),
            "leases": sorted(lease_files(self.host)),
            "records": records(self.host),
        }
        left = {what: which for what, which in found.items() if which}
        return f"left: {left}" if left else ""

    def remains_of_last(self) -> str:
        """There is one plugin only."""
        return self.remains()


@dataclasses.dataclass(frozen=True)
class Bad:
    """Members of a configuration that have to be refused, with a code and words."""

    members: dict[str, Any]
    code: int
    says: tuple[str, ...]
    prepare: str = ""
    args: str = ""


def assert_refused(host: Host, ours: Implementation, entry: dict[str, Any], table: list[Bad]) -> None:
    """Each bad input is one error with code and words, and leaves nothing."""
    container = host.add_container("bad")
    before = link_names(host)
    for bad in table:
        if bad.prepare:
            host.must(bad.prepare)
            before = link_names(host)
        runtime = Runtime(host, ours, network({**entry, **bad.members}, version="1.1.0"))
        outcome = runtime.call("ADD", runtime.network["plugins"][0], container, args=bad.args)
        error = outcome.error()
        text = f"{error['msg']} {error.get('details', '')}"
        assert error["code"] == bad.code, (bad, error)
        assert all(words in text for words in bad.says), (bad, text)
        assert link_names(host) == before and link_names(host, container.netns) == {"lo"}, bad
        assert not lease_files(host) and not records(host), bad


def records(host: Host) -> list[str]:
    """The attachments that are recorded."""
    return [path for path, entry in read_tree(host.path(RECORDS)).items() if entry["content"] is not None]


def assert_lacking(host: Host, ours: Implementation, entry: dict[str, Any], option: str) -> None:
    """A kernel without such links says so by ADD and STATUS, and no address is taken."""
    container = host.add_container("c1")
    runtime = Runtime(host, ours, network(entry, version="1.1.0"))
    before = link_names(host)
    refused = runtime.add(container).error()
    assert refused["code"] == 2 and option in refused["details"], refused
    status = runtime.status().error()
    assert status["code"] == 50 and option in status["details"], status
    assert link_names(host) == before and link_names(host, container.netns) == {"lo"}
    assert not lease_files(host) and not records(host)


class Story:
    """One attachment's life with one plugin, told in steps that all plugins share."""

    def __init__(self, host: Host, ours: Implementation, entry: dict[str, Any], kind: str) -> None:
        self.host = host
        self.kind = kind
        self.runtime = Runtime(host, ours, network(entry, version="1.1.0"))
        self.entry = self.runtime.network["plugins"][0]
        self.links = tuple(link_names(host))
        self.container = host.add_container("c1")

    def left(self, container: Container | None = None) -> dict[str, Any]:
        """What belongs to a container and is still there."""
        return left_behind(self.host, [container or self.container], self.links)

    def call(self, verb: str, container: Container | None = None, **options: Any) -> Outcome:
        """One verb, without a previous result."""
        return self.runtime.call(verb, self.entry, container or self.container, **options)

    def attach(self) -> dict[str, Any]:
        """STATUS, ADD, CHECK, and a second ADD; what the kernel has is what the result says."""
        assert self.runtime.status().ok
        result = self.runtime.add(self.container).result()
        listed = next(entry for entry in result["interfaces"] if entry.get("sandbox"))
        link = interface(self.host, self.container)
        assert (listed["name"], listed["sandbox"]) == ("eth0", self.container.netns)
        if link["link_type"] == "ether":
            assert listed["mac"] == link["address"]
        assert listed["mtu"] == link["mtu"]
        assert link["linkinfo"]["info_kind"] == self.kind and "UP" in link["flags"]
        if "ips" in result:
            place = result["interfaces"].index(listed)
            assert [entry["interface"] for entry in result["ips"]] == [place] * len(result["ips"])
            assert addresses(link) == tuple(entry["address"] for entry in result["ips"])
        assert self.runtime.check(self.container).ok
        again = self.call("ADD").error()
        assert again["code"] == 101, again
        return result

    def assert_check_sees(self) -> None:
        """CHECK names each thing that is changed behind the plugin's back."""
        for spoil, repair, words in (
            ("ip link set eth0 down", "ip link set eth0 up", "eth0 is down"),
            ("ip address del 10.77.0.2/24 dev eth0", "ip address add 10.77.0.2/24 broadcast + dev eth0",
             "lacks address 10.77.0.2/24"),
        ):
            self.host.must(spoil, netns=self.container.netns)
            error = self.runtime.check(self.container).error()
            assert error["code"] == 105 and words in error["details"], error
            self.host.must(repair, netns=self.container.netns)

    def assert_every_way_out(self) -> None:
        """DEL needs no result, no configuration that makes sense, no living namespace; GC removes what nobody lists."""
        host, container = self.host, self.container
        assert self.runtime.delete(container).ok and self.left() == {}
        assert self.call("DEL").ok
        self.runtime.add(container).result()
        spoiled = {**self.entry, **dict.fromkeys(("mtu", "mode", "master", "mac", "vlanId", "ipMasq"), ["nonsense"])}
        assert self.runtime.call("DEL", spoiled, container).ok and self.left() == {}
        self.runtime.add(container).result()
        assert self.call("DEL", env={"CNI_NETNS": ""}).ok and self.left() == {}
        self.runtime.add(container).result()
        assert self.runtime.sweep(valid_attachments(("c1", "eth0"))).ok and self.runtime.check(container).ok
        assert self.runtime.sweep(valid_attachments()).ok and self.left() == {}
        for way in ("gone", "plain"):
            victim = host.add_container("c2")
            self.runtime.add(victim).result()
            host.must(f"ip netns del {victim.id}")
            if way == "plain":
                host.must(f"touch {victim.netns}")
            assert self.runtime.delete(victim, remembering=False).ok
            assert lease_files(host) == {} and records(host) == [], way
            host.must(f"rm -f {victim.netns}")
        victim = host.add_container("c2")
        self.runtime.add(victim).result()
        host.must("ip netns del c2")
        assert self.runtime.sweep(valid_attachments()).ok
        assert lease_files(host) == {} and records(host) == []

    def assert_refused_addresses_take_the_link_back(self) -> None:
        """An address that IPAM refuses leaves neither link nor record."""
        self.host.must(f"rm -rf {LEASES}")
        full = {**self.entry, "ipam": {"type": "host-local", "ranges": [[
            {"subnet": "10.99.0.0/30", "rangeStart": "10.99.0.2", "rangeEnd": "10.99.0.2"}]]}}
        other = self.host.add_container("c3")
        # Only the address: another VLAN of this number on the master would be refused by the kernel.
        alone = {"type": "host-local", "ipam": full["ipam"]}
        assert self.runtime.call("ADD", alone, other).ok
        error = self.runtime.call("ADD", full, self.container).error()
        assert error["code"] == 103, error
        assert link_names(self.host, self.container.netns) == {"lo"}
        assert self.runtime.call("DEL", alone, other).ok
        assert lease_files(self.host) == {} and records(self.host) == []
