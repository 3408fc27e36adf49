# SPDX-License-Identifier: Apache-2.0
"""What the kernel and the lease directory hold, as plain values that compare."""
from __future__ import annotations

import json
import pathlib
import stat
import time
from collections.abc import Sequence
from typing import Any

from host import Container, Host

State = dict[str, Any]
LEASES = "/var/lib/cni/networks"
RECORDS = "/run/culvert/attachments"

#: Kinds of links whose operational state follows another link's, through the kernel's link watch.
HANGING_ON_ANOTHER = ("veth", "vlan", "macvlan", "ipvlan")
#: Members of a link which a configuration decides about.
LINK_MEMBERS = ("mtu", "operstate", "txqlen", "group", "allmulti", "promiscuity")
#: How the kernel came by a MAC address (/sys/class/net/*/addr_assign_type): 1 at random, 3 on request.
MAC_ORIGINS = {"0": "permanent", "1": "random", "2": "stolen", "3": "set"}
BRIDGE_MEMBERS = (
    "ageing_time", "forward_delay", "group_addr", "group_fwd_mask", "hello_time", "max_age", "mcast_querier",
    "mcast_router", "mcast_snooping", "nf_call_arptables", "nf_call_ip6tables", "nf_call_iptables",
    "no_linklocal_learn", "priority", "stp_state", "vlan_filtering",
)
PORT_MEMBERS = (
    "bcast_flood", "cost", "fastleave", "flood", "group_fwd_mask", "guard", "hairpin", "isolated", "learning",
    "locked", "mcast_flood", "mcast_to_unicast", "multicast_router", "neigh_suppress", "priority", "proxy_arp",
    "proxy_arp_wifi", "root_block", "state", "vlan_tunnel",
)
GLOBAL_SYSCTLS = ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/accept_dad")
LINK_SYSCTLS = {
    "ipv4": ("arp_notify", "forwarding", "proxy_arp", "route_localnet", "rp_filter"),
    "ipv6": ("accept_dad", "accept_ra", "addr_gen_mode", "autoconf", "disable_ipv6", "enhanced_dad", "forwarding",
             "keep_addr_on_down", "ndisc_notify", "proxy_ndp"),
}
MARK = "---\n"


def reading_script() -> str:
    """A shell script that prints links, addresses, routes, neighbours and sysctls of the namespace it runs in."""
    files = [f"/proc/sys/net/{name}" for name in GLOBAL_SYSCTLS]
    files += [f"/proc/sys/net/{family}/conf/*/{name}" for family, names in LINK_SYSCTLS.items() for name in names]
    return (
        "printf 'addr show\\nroute show table all\\nneigh show\\n' | ip -d -j -batch -\n"
        f"echo {MARK.strip()}\ngrep -H . {' '.join(files)}\necho {MARK.strip()}\n"
        "grep -sH . /sys/class/net/*/addr_assign_type\n"
    )


def read_link(link: dict[str, Any]) -> State:
    """One link of `ip -d -j addr show`, without numbers and counters."""
    details = link.get("linkinfo", {})
    found: State = {key: link[key] for key in LINK_MEMBERS if key in link}
    found["index"] = link["ifindex"]
    found["flags"] = sorted(link["flags"])
    found["mac"] = link.get("address")
    found["kind"] = details.get("info_kind", link["link_type"])
    found["master"] = link.get("master")
    found["alias"] = link.get("ifalias")
    if found["kind"] == "bridge":
        found["bridge"] = {key: details["info_data"][key] for key in BRIDGE_MEMBERS if key in details["info_data"]}
    if details.get("info_slave_kind") == "bridge":
        port = details["info_slave_data"]
        found["port"] = {key: port[key] for key in PORT_MEMBERS if key in port}
    found["addresses"] = sorted((read_address(entry) for entry in link.get("addr_info", [])), key=json.dumps)
    return found


def read_address(entry: dict[str, Any]) -> State:
    """One address; lifetimes become one word."""
    kept = {key: value for key, value in entry.items() if not key.endswith("life_time")}
    kept["permanent"] = entry.get("valid_life_time") == 4294967295
    return kept


def parse(text: str) -> State:
    """The output of the reading script, as a value."""
    listings, sysctls, origins = text.split(MARK)
    decoder = json.JSONDecoder()
    documents, rest = [], listings.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        documents.append(document)
        rest = rest[end:].strip()
    links, routes, neighbours = documents
    found = {link["ifname"]: read_link(link) for link in links if link}
    for line in origins.splitlines():
        name, value = line.removeprefix("/sys/class/net/").split("/addr_assign_type:")
        if found.get(name, {}).get("kind") == "bridge":
            found[name]["mac origin"] = MAC_ORIGINS[value]
    return {
        "links": found,
        "routes": sorted((route for route in routes if route.get("table") != "local"), key=json.dumps),
        "neighbours": sorted((entry for entry in neighbours if "PERMANENT" in entry.get("state", [])), key=json.dumps),
        "sysctls": {
            name.removeprefix("/proc/sys/net/"): value
            for name, value in (line.split(":", 1) for line in sysctls.splitlines())
        },
    }


def read_network(host: Host, netns: str | None = None) -> State:
    """The state of the host's namespace, or of one inside it, once the kernel has settled what state links are in."""
    end = time.monotonic() + 5
    while True:
        state = parse(host.run(["sh", "-c", reading_script()], netns=netns).stdout)
        # The state of a link that hangs on another follows its carrier a moment later.
        unsettled = [name for name, link in state["links"].items() if link["kind"] in HANGING_ON_ANOTHER
                     and ("LOWER_UP" in link["flags"]) != (link["operstate"] == "UP")]
        if not unsettled or time.monotonic() > end:
            return state
        time.sleep(0.02)


def read_tree(top: pathlib.Path) -> State:
    """Names, modes and contents of everything below a directory; empty when there is none."""
    found: State = {}
    for path in sorted(top.rglob("*")) if top.is_dir() else ():
        status = path.lstat()
        content = None if stat.S_ISDIR(status.st_mode) else path.read_bytes().decode("utf-8", "backslashreplace")
        found[str(path.relative_to(top))] = {"mode": oct(stat.S_IMODE(status.st_mode)), "content": content}
    return found


def snapshot(host: Host, containers: Sequence[Container] = (), leases: str = LEASES) -> State:
    """Everything a plugin may have changed."""
    return {
        "host": read_network(host),
        "containers": {container.id: read_network(host, container.netns) for container in containers},
        "leases": read_tree(host.path(leases)),
        "records": read_tree(host.path(RECORDS)),
    }


def link_names(host: Host, netns: str | None = None) -> set[str]:
    """Only the names of the links, for tests which read them very often."""
    return {link["ifname"] for link in host.links(netns)}


def lease_files(host: Host, name: str = "net", leases: str = LEASES) -> dict[str, str]:
    """The network's leases: address to content, without the files that only help to keep them."""
    found: dict[str, str] = {}
    directory = host.path(f"{leases}/{name}")
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name != "lock" and not path.name.startswith("last_reserved_ip."):
            found[path.name] = path.read_bytes().decode()
    return found


def left_behind(host: Host, containers: Sequence[Container] = (), bridges: Sequence[str] = ("cni0",),
                name: str = "net") -> dict[str, Any]:
    """What belongs to containers and is still there; empty after every attachment was deleted."""
    remains: dict[str, Any] = {
        "links": sorted(link_names(host) - {"lo", *bridges}),
        "leases": lease_files(host, name),
        "records": [path for path, entry in read_tree(host.path(RECORDS)).items() if entry["content"] is not None],
    }
    for container in containers:
        remains[f"links of {container.id}"] = sorted(link_names(host, container.netns) - {"lo"})
    return {what: which for what, which in remains.items() if which}
