# SPDX-License-Identifier: Apache-2.0
"""culvert switch: what switches know, asked in the same words whoever carries the frames."""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from host import Host
from implementations import Implementation
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network
from shortcut import KEY, awaited, counter, detach, filters_frames, host_end
from switching import new_switch, until

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
    end = tool.attachments()["web:eth0"]["hostInterface"]["name"]
    assert web["port"] == end and web["ageSeconds"] < 300
    # One that somebody wrote down is behind its port; a port's own address is the host's.
    tool.host.must(f"bridge fdb add 02:00:00:00:00:77 dev {end} master static")
    stations = tool.document("switch", "fdb", "cni0")["stations"]
    every = json.loads(tool.host.must("bridge -j fdb show br cni0"))
    shown = [entry for entry in every if "self" not in entry["flags"]]
    theirs = {(entry["mac"], "" if entry["state"] == "permanent" else entry["ifname"], entry.get("vlan", 0))
              for entry in shown}
    assert {(each["mac"], each["port"], each["vlan"]) for each in stations} == theirs
    own = json.loads(tool.host.must(f"ip -j link show {end}"))[0]["address"]
    owners = {each["mac"]: (each["port"], each.get("containerID")) for each in stations}
    assert owners[own] == ("", None) and owners["02:00:00:00:00:77"] == (end, "web")
    assert any(own in line and " itself " in line and " web " not in line
               for line in tool.must("switch", "fdb").splitlines())
    table = tool.must("switch", "fdb")
    assert any(mac in line and " web " in line for line in table.splitlines())
    assert mac in tool.must("switch", "fdb", "-o", "name").split()
    assert "no such station" in tool.run("switch", "fdb", "--vlan", "99").stderr


def test_a_bridge_tells_who_goes_past_it(host: Host, ours: Implementation) -> None:
    """Ports with the shortcut, the stations that it leads to, and what came to them that way."""
    fast = network(bridge(host_local("10.77.0.0/24"), isGateway=True, **KEY), name="fast", version="1.1.0")
    tool, runtime = Operator(host, ours, fast), Runtime(host, ours, fast)
    filters_frames(host, False)
    web, db = connected(runtime, "web"), connected(runtime, "db")
    awaited(host)
    host.must("ping -q -c 60 -i 0.002 -W 20 10.77.0.3", netns=web.netns)

    def ports() -> dict[str, dict[str, Any]]:
        [switch] = tool.document("switch", "show")["switches"]
        return {port["containerID"]: port for port in switch["ports"]}

    shown = ports()
    assert [shown[name]["flags"] for name in ("web", "db")] == [["shortcut"], ["shortcut"]]
    # The link alone has counted next to nothing: the echo requests went past.
    assert shown["db"]["counters"]["sentFrames"] >= 60 > counter(host, host_end(runtime, db), "tx_packets")
    macs = {tool.attachments()[f"{name}:eth0"]["mac"] for name in ("web", "db")}
    stations = tool.document("switch", "fdb", "cni0")["stations"]
    assert {each["mac"] for each in stations if each.get("shortcut")} == macs
    assert sum(" shortcut " in line for line in tool.must("switch", "fdb").splitlines()) == len(
        [each for each in stations if each["mac"] in macs])
    detach(host, host_end(runtime, db))
    assert [ports()[name]["flags"] for name in ("web", "db")] == [["shortcut"], ["shortcut-to"]]


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


@pytest.fixture
def switched(host: Host, ours: Implementation) -> Iterator[Operator]:
    """Two containers on a switch in user space that talked, beside a bridge."""
    listed = network({"type": "vswitch", "ipam": host_local("10.78.0.0/24")}, name="user", version="1.1.0")
    with new_switch(host, ours):
        runtime = Runtime(host, ours, listed)
        for name in ("web", "db"):
            connected(runtime, name)
        host.must("ip link add br9 type bridge")
        host.must("ping -c 1 -W 20 10.78.0.3", netns="/run/netns/web")
        yield Operator(host, ours, listed)


def test_who_may_not_ask_is_told_so(switched: Operator) -> None:
    """The daemon listens, but not to everybody."""
    octets = "ffffffffffff 020000000001 0806" + "00" * 46
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    records = {"CULVERT_RUN_DIR": "/run/empty"}
    switched.host.must("mkdir -m 755 /run/empty")
    for searchable in (False, True):
        switched.host.must(f"chmod {'711' if searchable else '700'} /run/culvert")
        for words in (["show"], ["show", "vs0"], ["fdb"], ["fdb", "vs0"], ["trace", "web", "--frame", octets],
                      ["mirror", "web", "--off"], ["mirror", "web", "--to", "db"],
                      ["mirror", "web", "--pcap", "/dev/null"]):
            refused = switched.run("switch", *words, wrapper=nobody, env=records)
            assert refused.status == 1 and refused.stdout == "", (words, refused)
            assert f"whoever may open {SOCKET}" in refused.stderr and "Permission denied" in refused.stderr, refused
            assert "run this as root" in refused.stderr and "systemctl start" not in refused.stderr, refused
    refused = switched.run("dhcp", "status", "--socket", SOCKET, wrapper=nobody, env=records)
    assert refused.status == 1 and f"whoever may open {SOCKET}" in refused.stderr, refused
    assert "run this as root" in refused.stderr and "nobody prolongs" not in refused.stderr, refused


def test_a_switch_in_user_space_is_shown_beside_bridges(switched: Operator) -> None:
    """In the same words."""
    switches = {each["name"]: each for each in switched.document("switch", "show")["switches"]}
    assert {name: each["kind"] for name, each in switches.items()} == {"br9": "kernel", "vs0": "daemon"}
    ports = {port["containerID"]: port for port in switches["vs0"]["ports"]}
    assert set(ports) == {"web", "db"} and ports["web"]["counters"]["receivedFrames"] > 0
    assert [each["name"] for each in switched.document("switch", "show", "vs0")["switches"]] == ["vs0"]
    table = switched.must("switch", "show", "vs0")
    assert "vs0     daemon      2" in table and " web:eth0 " in table
    macs = {entry["containerID"]: entry["mac"] for entry in switched.attachments().values()}
    stations = switched.document("switch", "fdb", "vs0", "--vlan", "1")["stations"]
    assert {each["containerID"]: each["mac"] for each in stations} == macs


def test_a_frame_is_traced_by_the_daemon(switched: Operator) -> None:
    """To a container that is known, to one that is not, and with a tag that is not taken."""
    known = switched.document("switch", "trace", "web", "--to", "db")
    assert known["verdict"] == "forward" and [each["port"] for each in known["outputs"]] == ["db:eth0"]
    assert len(known["steps"]) > 1 and known["port"] == "web:eth0" and known["switch"] == "vs0"
    unknown = switched.document("switch", "trace", "web", "--to", "02:00:00:00:00:99")
    assert (unknown["verdict"], unknown["reason"]) == ("flood", "unknown")
    lines = switched.must("switch", "trace", "web", "--to", "db", "--vlan", "20").splitlines()
    assert lines[0].startswith("from web:eth0 of vs0") and ": drop, " in lines[0]
    frame = "ffffffffffff 020000000001 0806" + "00" * 46
    assert switched.must("switch", "trace", "web", "--frame", frame, "-o", "name") == "db:eth0\n"
    refused = switched.run("switch", "trace", "nobody", "--frame", frame)
    assert refused.status == 1 and "no port nobody" in refused.stderr


def test_a_port_is_looked_for_before_its_container(switched: Operator) -> None:
    """What is no port is said to be none, and a number is as good as a name."""
    ports = {port["name"]: port for port in switched.document("switch", "show", "vs0")["switches"][0]["ports"]}
    number = str(ports["web:eth0"]["number"])
    assert switched.document("switch", "trace", number, "--to", "db")["port"] == "web:eth0"
    assert switched.document("switch", "trace", number, "--to", "db") == switched.document(
        "switch", "trace", "web", "--to", "db")
    refused = switched.run("switch", "trace", "9999", "--to", "db")
    assert refused.status == 1 and "there is no port 9999" in refused.stderr and "--from" not in refused.stderr


@pytest.mark.parametrize("words", [["trace", "f1", "--to", "web"], ["trace", "f1", "--frame", "00" * 14],
                                   ["trace", "f1", "--switch", "br9", "--from", "db", "--to", "web"],
                                   ["mirror", "f1", "--off"], ["mirror", "f1", "--pcap", "-"],
                                   ["mirror", "web", "--to", "f1"]], ids=" ".join)
def test_a_port_of_a_bridge_is_said_to_be_one(switched: Operator, words: list[str]) -> None:
    """And which tools do the same there; with and without a daemon."""
    switched.host.must("ip link add f1 type veth peer name f2; ip link set f1 master br9")
    for more in ([], ["--socket", "/run/nobody.sock"]):
        refused = switched.run("switch", *words, *more)
        assert refused.status == 1 and refused.stdout == ""
        assert "f1 is a port of br9, a bridge of the kernel" in refused.stderr
        assert "culvert explain" in refused.stderr and "tcpdump -i f1" in refused.stderr
    assert "no port f3" in switched.run("switch", "trace", "f3", "--frame", "00" * 14).stderr


def test_copies_go_to_a_port_or_into_a_capture(switched: Operator) -> None:
    """And end when they are to."""
    def mirror() -> str:
        [switch] = switched.document("switch", "show", "vs0")["switches"]
        return next(port["mirror"] for port in switch["ports"] if port["containerID"] == "web")
    assert switched.must("switch", "mirror", "web", "--to", "db") == "" and mirror() == "db:eth0"
    assert switched.must("switch", "mirror", "web", "--off") == "" and mirror() == ""
    capture = switched.host.path("/run/web.pcap")
    recorder = switched.host.start([switched.binary, "switch", "mirror", "web", "--pcap", "/run/web.pcap"])
    try:
        until(mirror, "somebody looks on")
        switched.host.must("ping -c 2 -W 20 10.78.0.3", netns="/run/netns/web")
        shown = until(lambda: capture.exists() and capture.stat().st_size > 24 and (
            text := switched.host.run(["tcpdump", "-n", "-r", "/run/web.pcap", "icmp"]).stdout)
            and "echo reply" in text and text, "a ping and its answer")
        assert "10.78.0.2 > 10.78.0.3: ICMP echo request" in shown
    finally:
        recorder.terminate()
        recorder.wait()
    until(lambda: mirror() == "", "nobody looks on any more")
