# SPDX-License-Identifier: Apache-2.0
"""What has to be true of a host, whatever has been done to it, as soon as nobody works on it."""
from __future__ import annotations

import ipaddress
import json
import pathlib
import re
from collections import Counter
from collections.abc import Iterable

from host import Host
from ipam_tool import RESERVED
from kernel_state import LEASES, RECORDS, link_names
from operator_tool import Operator
from soak_networks import BRIDGES, Attachment

#: The host's own links: loopback, the end of the wire that `macvlan` is upon, and bridges, which stay.
OWN_LINKS = {"lo", "up0", *BRIDGES.values()}
ADDRESS = re.compile(r"(?<![0-9a-f:.])(?:10\.\d+\.\d+\.\d+|fd[0-9a-f]{2}:[0-9a-f:]+)(?![0-9a-f:./])")
OWNER = re.compile(r"net: (\S+), if: (\S+), id: (\S+?)\"")
GUARDED = re.compile(r"\"macspoofchk-(\S+)-(eth0|net1)\"")
PUBLISHED = re.compile(r"tcp \. (\d+)")
HOST_PORTS = "/run/culvert/host-ports"
#: Names that only exist while somebody writes.
TEMPORARY = re.compile(r".*(\.tmp|\.new|-journal)$")


def files(host: Host, *tops: str) -> dict[str, int]:
    """Every file below some directories of the host, and its size on its file system; but for the journal of calls.

    That one has a bound of its own.
    """
    found = {}
    for top in tops:
        for path in sorted(host.path(top).rglob("*")):
            try:
                if path.is_file() and not {"netns", "journal"} & set(path.parts):
                    found[str(pathlib.Path("/") / path.relative_to(host.root))] = path.stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return found


def temporary(host: Host) -> list[str]:
    """What writers left that died."""
    return [name for name in files(host, "/run/culvert", "/var/lib/cni") if TEMPORARY.match(name)]


def processes(host: Host) -> list[str]:
    """The processes that see the host's files and network, but for the one that holds it."""
    found = []
    here = [(host.path("/proc") / str(host.pid) / "ns" / kind).readlink() for kind in ("mnt", "net")]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if [(process / "ns" / kind).readlink() for kind in ("mnt", "net")] == here:
                if int(process.name) != host.pid:
                    found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


class Invariants:
    """Compares a host with the attachments that should be on it, and with nothing else."""

    def __init__(self, host: Host, tool: Operator) -> None:
        self.host = host
        self.tool = tool

    def broken(self, whole: Iterable[Attachment]) -> list[str]:
        """Everything that is wrong; all other attachments have been ended."""
        expected = list(whole)
        return [*self.leases(expected), *self.records(expected), *self.links(expected), *self.rules(expected),
                *self.ports(expected), *self.tools(expected), *(f"left: {name}" for name in temporary(self.host)),
                *(f"still running: {line}" for line in processes(self.host))]

    def leases(self, expected: list[Attachment]) -> list[str]:
        """One file for each address that an ADD answered, and no address twice."""
        owners = {(each.network, address): f"{each.container.id} {each.ifname}"
                  for each in expected if each.network != "fixed" for address in each.addresses}
        every = [address for each in expected for address in each.addresses]
        trouble = [f"{address} is owned {times} times" for address, times in Counter(every).items() if times > 1]
        found = {}
        for path in self.host.path(LEASES).glob("*/*"):
            if not path.name.startswith((".", "lock", "last_reserved_ip.")):
                owner = " ".join(path.read_text().split())
                if owner != RESERVED:
                    found[path.parent.name, path.name] = owner
        return trouble + difference("lease", owners, found)

    def records(self, expected: list[Attachment]) -> list[str]:
        """A record for each plugin that keeps one, saying that all is done."""
        wanted = {}
        for each in expected:
            stem = f"{each.network}/{each.container.id}:{each.ifname}"
            wanted[f"{stem}.json"] = "attached"
            types = {entry["type"] for entry in each.runtime.network["plugins"]}
            if "firewall" in types:
                wanted[f"{stem}:firewall.json"] = "attached"
            if each.ports:
                wanted[f"{stem}:portmap.json"] = "attached"
        root = self.host.path(RECORDS)
        found = {str(path.relative_to(root)): json.loads(path.read_text() or "{}").get("state")
                 for path in root.glob("*/*")}
        return difference("record", wanted, found)

    def links(self, expected: list[Attachment]) -> list[str]:
        """The host's ends of the attachments, and what is the host's own."""
        wanted = {interface["name"] for each in expected for interface in each.result["interfaces"]
                  if not interface.get("sandbox")}
        found = link_names(self.host)
        trouble = [f"missing: link {name} of the host" for name in sorted(wanted - found)]
        return trouble + [f"unknown: link {name} of the host" for name in sorted(found - wanted - OWN_LINKS)]

    def rules(self, expected: list[Attachment]) -> list[str]:
        """Rules and elements for whom there should be some, and none for anybody else."""
        text = self.host.must("nft -s list ruleset")
        filtered = [each for each in expected if each.network not in ("station", "tight")]
        owners = {f"{each.network} {each.ifname} {each.container.id}" for each in filtered}
        named = {" ".join(found) for found in OWNER.findall(text)}
        guarded = {f"{each.container.id} {each.ifname}" for each in expected if each.network == "lan"}
        addresses = {str(ipaddress.ip_address(address)) for each in filtered for address in each.addresses}
        ports = {str(port) for each in expected for port in each.ports}
        watched = {" ".join(pair) for pair in GUARDED.findall(text)}
        return [
            *difference("owner of rules", dict.fromkeys(owners), dict.fromkeys(named)),
            *difference("guard", dict.fromkeys(guarded), dict.fromkeys(watched)),
            *difference("address in rules", dict.fromkeys(addresses), dict.fromkeys(ADDRESS.findall(text))),
            *difference("published port", dict.fromkeys(ports), dict.fromkeys(PUBLISHED.findall(text))),
        ]

    def ports(self, expected: list[Attachment]) -> list[str]:
        """No count of the registry is too low."""
        held = Counter(port for each in expected for port in each.ports)
        if not held:
            return []
        counts = self.host.path(HOST_PORTS).read_bytes()
        return [f"port {port} is held {times} times and counted {counts[port]} times"
                for port, times in held.items() if counts[port] < times]

    def tools(self, expected: list[Attachment]) -> list[str]:
        """The operator's tools see the same, and nothing to do."""
        listed = {f"{entry['network']}/{name}": (entry["state"], entry["container"])
                  for name, entry in self.tool.attachments().items()}
        trouble = difference("in culvert list", {str(each): ("whole", "alive") for each in expected}, listed)
        for words in (("reload", "--dry-run"), ("reconcile", "--dry-run"), ("ipam", "check")):
            outcome = self.tool.run(*words)
            if not outcome.ok:
                trouble.append(f"culvert {' '.join(words)}: {outcome.stdout} {outcome.stderr}")
        return trouble

    def answers(self, sample: Iterable[Attachment]) -> list[str]:
        """CHECK passes, and packets come back."""
        trouble = []
        for each in sample:
            checked = each.runtime.check(each.container, each.ifname, **each.options)
            if not checked.ok:
                trouble.append(f"CHECK of {each}: {checked.stdout} {checked.stderr}")
            target = self.target(each)
            # A bridge that was made again by an ADD has another address, which neighbours learn within a minute.
            command = ["ping", "-n", "-q", "-I", each.ifname, "-c", "1", "-W", "2", target]
            if not any(self.host.run(command, netns=each.container.netns).ok for _ in range(35)):
                trouble.append(f"{each} does not reach {target}")
        return trouble

    def target(self, each: Attachment) -> str:
        """An address that answers the containers of a network."""
        if each.network == "wire":
            return str(each.result["ips"][0]["gateway"])
        return {"lan": "10.77.0.1", "station": "10.79.0.1", "six": "fd80::1", "fixed": "10.81.0.1",
                "tight": "10.82.0.1"}[each.network]


def difference(what: str, wanted: dict[object, object] | dict[str, object], found: dict[object, object]) -> list[str]:
    """What is missing, unknown, or otherwise than it should be."""
    trouble = [f"missing: {what} {key}" for key in sorted(wanted.keys() - found.keys(), key=str)]
    trouble += [f"unknown: {what} {key} ({found[key]})" for key in sorted(found.keys() - wanted.keys(), key=str)]
    return trouble + [f"wrong: {what} {key} is {found[key]} instead of {wanted[key]}"
                      for key in sorted(wanted.keys() & found.keys(), key=str) if wanted[key] != found[key]]
