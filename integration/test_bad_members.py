# SPDX-License-Identifier: Apache-2.0
"""Bad input for every key of the plugins that make an interface: one table for each, and none may miss a key."""
from __future__ import annotations

import re
from typing import Any

import pytest

from host import Host
from implementations import REPOSITORY, Implementation
from interfaces import records
from kernel_state import lease_files, link_names
from runtime import Runtime, host_local, network

pytestmark = pytest.mark.needs_culvert

IPAM = host_local("10.77.0.0/24")
#: Key, bad value, code, and a word of the message.
Row = tuple[str, Any, int, str]
MTU: list[Row] = [
    ("mtu", "1500", 7, "auto"), ("mtu", 1500.5, 6, "mtu"), ("mtu", True, 6, "mtu"), ("mtu", [], 6, "mtu"),
    ("mtu", -1, 6, "0 to 65535"), ("mtu", 67, 6, "68 to 65535"), ("mtu", 65536, 6, "0 to 65535"),
]
NEEDED: list[Row] = [("ipam", None, 7, "needs addresses"), ("ipam", {}, 7, "needs addresses")]
IPAMS: list[Row] = [
    ("ipam", "host-local", 6, "ipam"), ("ipam", [], 6, "ipam"), ("ipam", {"type": 7}, 6, "ipam.type"),
    ("ipam", {"type": "no-such-ipam"}, 107, "no-such-ipam"), ("ipam", {"type": "a/b"}, 7, "a/b"),
]
NAMES: list[Row] = [
    ("dns", 5, 6, "dns"), ("dns", {"nameservers": "192.0.2.1"}, 6, "dns.nameservers"),
    ("dns", {"domain": 5}, 6, "dns.domain"), ("dns", {"search": [5]}, 6, "dns.search"),
]
MASTER: list[Row] = [
    ("master", 5, 6, "master"), ("master", "a/b", 6, "the name of a link"), ("master", "x" * 16, 6, "master"),
    ("master", "nowhere", 7, "nowhere"), ("linkInContainer", "yes", 6, "linkInContainer"),
    ("linkInContainer", 1, 6, "linkInContainer"), ("linkInContainer", True, 7, "in the container"),
    ("mtu", 9000, 7, "1500"),
]
MAC: list[Row] = [
    ("mac", 5, 6, "mac"), ("mac", "green", 7, "green"), ("mac", "01:00:00:00:00:01", 7, "single station"),
    ("mac", "00:00:00:00:00:00", 7, "single station"), ("runtimeConfig", {"mac": "green"}, 7, "green"),
    ("runtimeConfig", {"mac": 5}, 6, "mac"), ("args", {"cni": {"mac": "green"}}, 7, "green"),
]
MASQUERADE: list[Row] = [
    ("ipMasq", 1, 6, "ipMasq"), ("ipMasq", "yes", 6, "ipMasq"), ("ipMasqBackend", "smoke", 6, "nftables or iptables"),
    ("ipMasqBackend", True, 6, "ipMasqBackend"),
]


def tags(key: str, *values: Any) -> list[Row]:
    """A trunk with a bad number of a VLAN."""
    rest = {"minID": {"maxID": 9}, "maxID": {"minID": 1}}.get(key, {})
    return [("vlanTrunk", [{**rest, key: value}], 6, f"vlanTrunk[0].{key}") for value in values]


TABLES: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "ptp": ({"ipam": IPAM}, [*MTU, *MASQUERADE, *IPAMS, *NEEDED, *NAMES]),
    "dummy": ({"ipam": IPAM}, [*IPAMS, *NEEDED, *NAMES]),
    "tap": ({"ipam": IPAM}, [
        *MTU, *MAC, *IPAMS, *NAMES,
        ("multiQueue", 1, 6, "multiQueue"), ("multiQueue", "yes", 6, "multiQueue"), ("owner", -1, 6, "owner"),
        ("owner", "root", 6, "owner"), ("owner", 2**32 - 1, 6, "owner"), ("group", -1, 6, "group"),
        ("group", "root", 6, "group"), ("group", 1.5, 6, "group"), ("selinuxContext", 5, 6, "selinuxContext"),
        ("selinuxContext", "no:such:label", 2, "SELinux"), ("bridge", 5, 6, "bridge"),
        ("bridge", "a b", 6, "the name of a link"), ("bridge", "br7", 7, "br7"), ("bridge", "lo", 7, "lo"),
    ]),
    "macvlan": ({"master": "wire", "ipam": IPAM}, [
        *MTU, *MASTER, *MAC, *IPAMS, *NAMES, ("master", "", 7, "no default route"),
        ("master", None, 7, "no default route"), ("mode", "sideways", 6, "passthru"), ("mode", 4, 6, "mode"),
        ("bcqueuelen", -1, 6, "bcqueuelen"), ("bcqueuelen", 2**32, 6, "bcqueuelen"), ("bcqueuelen", "9", 6, "bcqueuelen"),
    ]),
    "ipvlan": ({"master": "wire", "ipam": IPAM}, [
        *MTU, *MASTER, *IPAMS, *NEEDED, *NAMES, ("master", None, 7, "no default route"), ("mode", "l4", 6, "l3s"),
        ("mode", 2, 6, "mode"),
    ]),
    "vlan": ({"master": "wire", "vlanId": 5, "ipam": IPAM}, [
        *MTU, *MASTER, *IPAMS, *NEEDED, *NAMES, ("master", "", 7, "required"), ("master", None, 7, "required"),
        ("vlanId", 4095, 6, "0 to 4094"), ("vlanId", -1, 6, "vlanId"), ("vlanId", "5", 6, "vlanId"),
        ("vlanId", 5.5, 6, "vlanId"),
    ]),
    "bridge": ({"ipam": IPAM}, [
        *MTU, ("vlan", 4095, 6, "0 to 4094"), ("vlan", -1, 6, "vlan"), ("vlan", "5", 6, "vlan"), ("vlan", True, 6, "vlan"),
        ("vlanTrunk", {}, 6, "vlanTrunk"), ("vlanTrunk", 5, 6, "vlanTrunk"), ("vlanTrunk", "5", 6, "vlanTrunk"),
        ("vlanTrunk", [5], 6, "vlanTrunk[0]"), ("vlanTrunk", [{}], 6, "vlanTrunk[0]"),
        ("vlanTrunk", [{"id": 5}, {"minID": 3}], 6, "vlanTrunk[1]"), ("vlanTrunk", [{"maxID": 3}], 6, "vlanTrunk[0]"),
        ("vlanTrunk", [{"minID": 9, "maxID": 3}], 6, "N <= M"), *tags("id", 0, 4095, -1, "5", True),
        *tags("minID", 0, 4095, "5"), *tags("maxID", 0, 4095, "5"),
        ("preserveDefaultVlan", 1, 6, "preserveDefaultVlan"), ("preserveDefaultVlan", "no", 6, "preserveDefaultVlan"),
        ("fastPath", True, 6, "fastPath"), ("fastPath", 1, 6, "fastPath"), ("fastPath", "xdp", 7, "fastPath"),
        ("fastPath", "EBPF", 7, "fastPath"),
    ]),
    "vswitch": ({"ipam": IPAM}, [
        *MTU, *(row for row in MAC if row[0] != "mac"), *MASQUERADE, *IPAMS, *NAMES, ("switch", 5, 6, "switch"), ("switch", "a b", 6, "switch"),
        ("switch", "x" * 16, 6, "switch"), ("uplink", 5, 6, "uplink"), ("uplink", "a/b", 6, "uplink"),
        ("daemonSocketPath", 5, 6, "daemonSocketPath"), ("vlan", 4095, 6, "0 to 4094"), ("vlan", "5", 6, "vlan"),
        ("vlanTrunk", 5, 6, "vlanTrunk"), ("vlanTrunk", [{"minID": 9, "maxID": 3}], 6, "N <= M"),
        *tags("id", 0, 4095, "5"), *tags("minID", 0, 4095), *tags("maxID", 0, 4095),
        ("rules", 5, 6, "rules"), ("rules", [{}], 6, "rules[0]"),
        *((key, value, 6, key) for value in (1, "yes") for key in (
            "preserveDefaultVlan", "portIsolation", "hairpinMode", "macspoofchk", "ipspoofchk", "isGateway",
            "isDefaultGateway", "forceAddress")),
    ]),
}
#: Keys of a bridge that `test_bad_input.py` has.
ELSEWHERE = {"bridge": {
    "bridge", "isGateway", "isDefaultGateway", "forceAddress", "hairpinMode", "promiscMode", "macspoofchk", "ipam", "dns",
    "ipspoofchk", "enabledad", "disableContainerInterface", "portIsolation", "ipMasq", "ipMasqBackend"}}


def documented(kind: str) -> set[str]:
    """The keys in the first table of a plugin's page."""
    page = (REPOSITORY / "docs" / f"{kind}.md").read_text().partition("\n## Keys\n")[2].partition("\n## ")[0]
    first = [line.split("|")[1] for line in page.splitlines() if line.startswith("|")]
    return {key for cell in first for key in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("kind", TABLES)
def test_no_key_is_missing(kind: str) -> None:
    """Every key of the plugin's page has bad values here."""
    tried = {row[0] for row in TABLES[kind][1]} | ELSEWHERE.get(kind, set())
    assert documented(kind) - tried == set()


@pytest.mark.parametrize("kind", TABLES)
def test_bad_values(kind: str, host: Host, ours: Implementation) -> None:
    """One error with its code and a word that helps, nothing is made of it, and DEL does not mind."""
    host.must("ip link add wire type veth peer name far; ip link set wire up")
    container, before = host.add_container("c1"), link_names(host)
    entry, table = TABLES[kind]
    for key, value, code, word in table:
        runtime = Runtime(host, ours, network({"type": kind, **entry, key: value}, version="1.1.0"))
        document = runtime.network["plugins"][0]
        error = runtime.call("ADD", document, container).error()
        assert error["code"] == code, (key, value, error)
        assert word in f"{error['msg']} {error.get('details', '')}", (key, value, error)
        assert link_names(host) == before and link_names(host, container.netns) == {"lo"}, (key, value)
        assert not lease_files(host) and not records(host), (key, value)
        if key != "ipam":
            assert runtime.call("DEL", document, container).ok, (key, value)
    assert lease_files(host) == {} and link_names(host) == before
