# SPDX-License-Identifier: Apache-2.0
"""culvert switch: what switches know, asked in the same words whoever carries the frames."""
from __future__ import annotations

import json

import pytest

from host import Host
from implementations import Implementation
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

SOCKET = "/run/culvert/switchd.sock"


@pytest.fixture
def tool(host: Host, ours: Implementation) -> Operator:
    """Two containers on a bridge that talked, and a stranger's port."""
    lan = network(bridge(host_local("10.77.0.0/24"), isGateway=True, hairpinMode=True), name="lan", version="1.1.0")
    runtime = Runtime(host, ours, lan)
    for name in ("web", "db"):
        connected(runtime, name)
    host.must("ip netns add elsewhere; ip link add stray type veth peer name far;"
              "ip link set far netns elsewhere; ip link set stray master cni0 up")
    host.must("ping -c 1 -W 20 10.77.0.1", netns="/run/netns/web")
    return Operator(host, ours, lan)


def test_a_bridge_shows_its_ports(tool: Operator) -> None:
    """Whose they are, and what they counted."""
    [switch] = tool.document("switch", "show", "cni0")["switches"]
    assert switch["name"] == "cni0" and switch["kind"] == "kernel" and len(switch["ports"]) == 3
    ports = {port["containerID"]: port for port in switch["ports"]}
    assert ports["web"]["up"] and ports["web"]["flags"] == ["hairpin"] and ports["web"]["network"] == "lan"
    assert ports["web"]["counters"]["receivedFrames"] > 0 and ports["web"]["counters"]["receivedBytes"] > 0
    assert ports[""]["name"] == "stray" and ports[""]["flags"] == ["no-record"] and not ports[""]["up"]
    table = tool.must("switch", "show")
    assert "cni0    kernel      3" in table and " no-record " in table
    assert "COPIES TO" in tool.must("switch", "show", "-o", "wide")
    assert tool.must("switch", "show", "-o", "name") == "cni0\n"


def test_a_bridge_tells_who_is_behind_a_port(tool: Operator) -> None:
    """As the kernel learned it, and as bridge(8) says it."""
    mac = tool.attachments()["web:eth0"]["mac"]
    stations = tool.document("switch", "fdb", "cni0")["stations"]
    [web] = [station for station in stations if station["mac"] == mac]
    assert web["containerID"] == "web" and web["ifname"] == "eth0" and not web["static"] and web["vlan"] == 0
    assert web["port"] == tool.attachments()["web:eth0"]["hostInterface"]["name"] and web["ageSeconds"] < 300
    shown = json.loads(tool.host.must("bridge -j fdb show br cni0"))
    theirs = {(entry["mac"], entry["ifname"], entry.get("vlan", 0)) for entry in shown if "self" not in entry["flags"]}
    assert {(each["mac"], each["port"] or "cni0", each["vlan"]) for each in stations} == theirs
    table = tool.must("switch", "fdb")
    assert any(mac in line and " web " in line for line in table.splitlines())
    assert mac in tool.must("switch", "fdb", "-o", "name").split()
    assert "no such station" in tool.run("switch", "fdb", "--vlan", "99").stderr


def test_where_there_is_no_daemon_the_socket_is_named(tool: Operator) -> None:
    """And how to start it; what the kernel knows is told all the same."""
    for words in (["show", "vs0"], ["fdb", "vs0"], ["trace", "web", "--to", "db"], ["mirror", "web", "--off"],
                  ["mirror", "web", "--pcap", "-"]):
        refused = tool.run("switch", *words)
        assert refused.status == 1 and SOCKET in refused.stderr and "culvert-switchd" in refused.stderr, words
        assert refused.stdout == ""
    assert "there is no bridge vs0" in tool.run("switch", "show", "vs0").stderr
    assert "/run/x.sock" in tool.run("switch", "trace", "web", "--to", "db", "--socket", "/run/x.sock").stderr


def test_what_makes_no_sense_is_said(tool: Operator) -> None:
    """The words of the command line."""
    for words in (["trace", "web"], ["trace", "web", "--to", "db", "--frame", "00" * 14], ["mirror", "web"],
                  ["trace", "web", "--frame", "0x"], ["mirror", "web", "--off", "--to", "db"],
                  ["fdb", "--vlan", "4095"], ["trace", "web", "--to", "db", "--vlan", "0"]):
        assert tool.run("switch", *words).status == 64, words
