# SPDX-License-Identifier: Apache-2.0
"""culvert graph: what a host looks like that plugins built, in every form."""
from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree
from typing import Any

import pytest

from host import Host, until
from implementations import Implementation
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network
from shortcut import KEY, awaited, detach, host_end
from switching import new_switch

pytestmark = pytest.mark.needs_culvert

SVG = "{http://www.w3.org/2000/svg}"
#: A name of a link that means something in every form.
HOSTILE = 'a"<b>&\\'


class Site:
    """A bridge with two containers and a stranger, a wire, and somebody who is gone."""

    def __init__(self, host: Host, ours: Implementation) -> None:
        lan = network(bridge(host_local("10.77.0.0/24"), isGateway=True, hairpinMode=True), name="lan",
                      version="1.1.0")
        wire = network({"type": "ptp", "ipam": host_local("10.78.0.0/24")}, name="wire", version="1.1.0")
        self.host, self.lan, self.wire = host, Runtime(host, ours, lan), Runtime(host, ours, wire)
        self.tool = Operator(host, ours, lan, wire)
        self.web, self.db = connected(self.lan, "web"), connected(self.lan, "db")
        self.direct = connected(self.wire, "direct")
        host.remove_container(connected(self.wire, "lost"))
        host.must("ip netns add elsewhere; ip link add stray type veth peer name far;"
                  "ip link set far netns elsewhere; ip link set stray master cni0 up")
        host.must(f"ip link add '{HOSTILE}' type bridge")

    def nodes(self, *words: str) -> dict[str, dict[str, Any]]:
        """What the form for programs has, by the id."""
        found = json.loads(self.tool.must("graph", "--format", "json", *words))["nodes"]
        return {node["id"]: node for node in found}

    def end(self, name: str) -> str:
        """The host's link of a container."""
        return self.tool.attachments()[f"{name}:eth0"]["hostInterface"]["name"]


@pytest.fixture
def site(host: Host, ours: Implementation) -> Site:
    """A host with all of it."""
    return Site(host, ours)


def marks(node: dict[str, Any]) -> set[str]:
    """What is wrong with a node."""
    return {mark["kind"] for mark in node.get("marks", ())}


def test_everything_hangs_where_it_belongs(site: Site) -> None:
    """Ports on their bridge, the rest on the host; and what is wrong is marked."""
    nodes = site.nodes()
    parents = {key: node.get("parent") for key, node in nodes.items() if "reference" not in key}
    assert parents == {
        "host": None, "link/cni0": "host", f"link/{HOSTILE}": "host", "attachment/wire/direct/eth0": "host",
        "attachment/wire/lost/eth0": "host", "attachment/lan/web/eth0": "link/cni0",
        "attachment/lan/db/eth0": "link/cni0", "link/stray": "link/cni0"}
    web = nodes["attachment/lan/web/eth0"]
    assert web["link"] == site.end("web") and web["addresses"] == ["10.77.0.2/24"] and web["plugin"] == "bridge"
    assert web["traits"] == ["hairpin"] and marks(web) == set()
    assert nodes["link/cni0"]["addresses"] == ["10.77.0.1/24"] and nodes["link/cni0"]["kind"] == "bridge"
    assert marks(nodes["attachment/wire/lost/eth0"]) == {"dead", "gone"}
    assert nodes["link/stray"]["role"] == "stranger" and "no-record" in marks(nodes["link/stray"])


def test_what_an_operator_broke_is_marked(site: Site) -> None:
    """A port that was taken away, and one that is down."""
    site.host.must(f"ip link set {site.end('web')} nomaster; ip link set {site.end('db')} down")
    nodes = site.nodes("--network", "lan")
    assert nodes["attachment/lan/web/eth0"]["parent"] == "host"
    assert marks(nodes["attachment/lan/web/eth0"]) == {"not-a-port"}
    assert marks(nodes["attachment/lan/db/eth0"]) == {"link-down"}
    assert "attachment/wire/direct/eth0" not in nodes and "link/stray" in nodes


def test_every_form_is_what_it_says(site: Site) -> None:
    """Parsers of others read it, names and all, and a second look finds the same octets."""
    picture = site.tool.must("graph", "--format", "svg")
    root = xml.etree.ElementTree.fromstring(picture)
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert HOSTILE in texts and "web:eth0" in texts and "10.77.0.2/24" in texts
    assert root.find(f"{SVG}title") is not None and "5 interfaces" not in picture
    assert "4 interfaces of containers" in root.findtext(f"{SVG}desc", "")
    drawn = subprocess.run(["dot", "-Tplain"], input=site.tool.must("graph", "--format", "dot"),
                           capture_output=True, text=True, check=True)
    assert drawn.stderr == ""
    lines = drawn.stdout.splitlines()
    assert len([line for line in lines if line.startswith("node ")]) == 8
    assert len([line for line in lines if line.startswith("edge ")]) == 7
    table = site.tool.run("graph", env={"LC_ALL": "C.UTF-8"}).stdout
    assert "├─ " in table and "└─ " in table and HOSTILE in table
    assert all(ord(letter) < 128 for letter in site.tool.must("graph"))
    site.tool.must("graph", "--format", "svg", "--output", "/run/network.svg")
    assert site.host.path("/run/network.svg").read_text() == picture
    refused = site.tool.run("graph", "--output", "/run/nowhere/network.svg")
    assert refused.status == 1 and "/run/nowhere/network.svg" in refused.stderr


def test_rates_are_those_of_the_traffic(site: Site) -> None:
    """Who talks has a thick line, and octets and packets belong together."""
    ping = site.host.start(["ping", "-q", "-i", "0.02", "-s", "972", "10.77.0.1"], netns=site.web.netns)
    try:
        nodes = site.nodes("--rates", "1")
        rates = nodes["attachment/lan/web/eth0"]["rates"]
        for direction in ("rx", "tx"):
            packets = rates[f"{direction}PacketsPerSecond"]
            # 972 octets behind headers of ICMP, IP and Ethernet; others between them are short.
            assert packets > 1 and 500 < rates[f"{direction}OctetsPerSecond"] / packets <= 1014.5
        assert rates["rxOctetsPerSecond"] > nodes["attachment/lan/db/eth0"]["rates"]["rxOctetsPerSecond"]
        assert "rates" not in nodes["attachment/wire/lost/eth0"]
        assert "pkt/s" in site.tool.must("graph", "--rates", "0.1", "--format", "svg")
    finally:
        ping.terminate()


def test_what_makes_no_sense_is_said(site: Site) -> None:
    """The words of the command line."""
    for words in (["--rates", "0"], ["--format", "png"], ["--output", ""]):
        assert site.tool.run("graph", *words).status == 64
    # Its siblings choose the form by -o.
    for form in ("json", "svg", "dot", "text", "yaml", "table", "wide", "name"):
        for words in (["-o", form], ["--output", form], ["-f", "svg", "-o", form]):
            refused = site.tool.run("graph", *words)
            assert refused.status == 64 and "--format" in refused.stderr and f"./{form}" in refused.stderr, refused
    site.host.must(f"cd /run && {site.tool.binary} graph -f json -o ./json")
    assert json.loads(site.host.path("/run/json").read_text())["nodes"]


def test_interfaces_without_an_end_hang_on_their_parent(host: Host, ours: Implementation) -> None:
    """Where the record does not say on which, the container does."""
    host.must("ip link add up0 type veth peer name far; ip link set up0 up; ip address add 192.0.2.1/24 dev up0;"
              "ip route add default via 192.0.2.254")
    street = network({"type": "macvlan", "ipam": host_local("192.0.2.0/24")}, name="street", version="1.1.0")
    connected(Runtime(host, ours, street), "phone")
    tool = Operator(host, ours, street)
    nodes = {node["id"]: node for node in json.loads(tool.must("graph", "--format", "json"))["nodes"]}
    assert nodes["attachment/street/phone/eth0"]["parent"] == "link/up0"
    assert nodes["attachment/street/phone/eth0"]["kind"] == "macvlan bridge"


@pytest.mark.needs_vlans
def test_vlans_stand_at_their_ports(host: Host, ours: Implementation) -> None:
    """One VLAN without tags, and several with them."""
    plain = network(bridge(host_local("10.77.0.0/24"), vlan=10), name="plain", version="1.1.0")
    trunk = network(bridge(host_local("10.78.0.0/24"), vlanTrunk=[{"minID": 20, "maxID": 30}, {"id": 40}]),
                    name="trunk", version="1.1.0")
    tool = Operator(host, ours, plain, trunk)
    connected(Runtime(host, ours, plain), "one")
    connected(Runtime(host, ours, trunk), "many")
    nodes = {node["id"]: node for node in json.loads(tool.must("graph", "--format", "json"))["nodes"]}
    assert nodes["attachment/plain/one/eth0"]["vlans"]["native"] == 10
    assert [[20, 30], [40, 40]] == nodes["attachment/trunk/many/eth0"]["vlans"]["tagged"]
    assert "VLAN-aware" in nodes["link/cni0"]["traits"]
    assert " 20-30,40 native 1" in tool.must("graph")


def test_who_goes_past_the_bridge_is_marked(host: Host, ours: Implementation) -> None:
    """A port with the shortcut, in every form; one whose program was taken off, and one that never had any, differ."""
    fast = network(bridge(host_local("10.77.0.0/24"), isGateway=True, **KEY), name="fast", version="1.1.0")
    slow = network(bridge(host_local("10.77.1.0/24")), name="slow", version="1.1.0")
    tool = Operator(host, ours, fast, slow)
    runtime = Runtime(host, ours, fast)
    connected(runtime, "web")
    bare = host_end(runtime, connected(runtime, "bare"))
    connected(Runtime(host, ours, slow), "old")

    awaited(host)

    def traits() -> dict[str, list[str]]:
        nodes = json.loads(tool.must("graph", "--format", "json"))["nodes"]
        return {node["containerID"]: node.get("traits", []) for node in nodes if node["role"] == "attachment"}

    assert traits() == {"web": ["shortcut"], "bare": ["shortcut"], "old": []}
    for form in ("svg", "dot", "text"):
        assert tool.must("graph", "--format", form).count("shortcut") == (4 if form == "svg" else 2), form
    detach(host, bare)
    assert traits() == {"web": ["shortcut"], "bare": ["shortcut-to"], "old": []}


def test_a_switch_in_user_space_is_drawn_as_a_bridge_is(host: Host, ours: Implementation) -> None:
    """With its ports, their VLANs and flags; and without its daemon nobody behind it is heard."""
    lan = network({"type": "vswitch", "isGateway": True, "vlan": 20, "portIsolation": True,
                   "ipam": host_local("10.78.0.0/24")}, name="user", version="1.1.0")
    trunk = network({"type": "vswitch", "vlanTrunk": [{"minID": 20, "maxID": 30}],
                     "ipam": host_local("10.79.0.0/24")}, name="trunk", version="1.1.0")
    tool = Operator(host, ours, lan, trunk)

    def nodes() -> dict[str, dict[str, Any]]:
        return {node["id"]: node for node in json.loads(tool.must("graph", "--format", "json"))["nodes"]}

    with new_switch(host, ours):
        connected(Runtime(host, ours, lan), "web")
        connected(Runtime(host, ours, trunk), "many")
        found = nodes()
        assert {name: node["parent"] for name, node in found.items() if name != "host"} == {
            "switch/vs0": "host", "link/vs0.20": "switch/vs0", "attachment/user/web/eth0": "switch/vs0",
            "attachment/trunk/many/eth0": "switch/vs0"}
        web, many = found["attachment/user/web/eth0"], found["attachment/trunk/many/eth0"]
        assert web["vlans"] == {"native": 20} and web["traits"] == ["isolated"]
        assert many["vlans"] == {"native": 1, "tagged": [[20, 30]]}
        assert found["switch/vs0"]["kind"] == "switch" and found["switch/vs0"]["daemon"] == "/run/culvert/switchd.sock"
        assert found["link/vs0.20"]["vlans"] == {"native": 20}
        assert {name: marks(node) for name, node in found.items() if marks(node)} == {}
        assert "1 switch" in tool.must("graph", "--format", "svg")
        assert set(json.loads(tool.must("graph", "--format", "json", "--network", "trunk"))["nodes"][1]) >= {"switch"}
    # The kernel says a moment later that nobody has the gateway open any more.
    until(lambda: marks(nodes()["link/vs0.20"]) == {"no-carrier"}, "the gateway has no carrier")
    assert {name: marks(node) for name, node in nodes().items() if marks(node)} == {
        "switch/vs0": {"no-daemon"}, "link/vs0.20": {"no-carrier"}, "attachment/user/web/eth0": {"no-carrier"},
        "attachment/trunk/many/eth0": {"no-carrier"}}
    for form in ("text", "dot", "svg"):
        assert "no daemon" in tool.must("graph", "--format", form), form
