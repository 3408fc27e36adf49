# SPDX-License-Identifier: Apache-2.0
"""Rules of networks of type `vswitch`: what becomes of frames that a container sends."""
from __future__ import annotations

import contextlib
import re
import signal
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from host import Container, Host
from implementations import REPOSITORY, Implementation
from kernel_state import lease_files, link_names
from runtime import Network, Runtime, host_local, network
from switching import Switch, new_switch, until

pytestmark = pytest.mark.needs_culvert

#: Listens at several ports of TCP, and answers with a word.
LISTENER = """
import selectors, socket, sys
waiting = selectors.DefaultSelector()
for port in sys.argv[2:]:
    waiting.register(socket.create_server((sys.argv[1], int(port))), selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in waiting.select():
        connection, _ = key.fileobj.accept()
        connection.sendall(b"hello")
        connection.close()
"""
#: Says which ports answer.
CALLER = """
import socket, sys
for port in sys.argv[3:]:
    try:
        with socket.create_connection((sys.argv[1], int(port)), float(sys.argv[2])) as connection:
            print(port if connection.recv(9) == b"hello" else "")
    except OSError:
        pass
"""

#: Prints what datagrams to port 53 say that came before one to port 54.
HEARER = """
import socket, sys
doubtful, last = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
doubtful.bind((sys.argv[1], 53))
last.bind((sys.argv[1], 54))
print("ready", flush=True)
while True:
    last.recv(100)
    heard = []
    try:
        while True:
            heard.append(doubtful.recv(100, socket.MSG_DONTWAIT).decode())
    except BlockingIOError:
        print(*heard, flush=True)
"""
#: Sends frames as they are given.
FORGER = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
for frame in sys.argv[1:]:
    link.send(bytes.fromhex(frame))
"""


def listed(*rules: dict[str, Any], name: str = "net", **members: Any) -> Network:
    """A network with rules."""
    return network({"type": "vswitch", "ipam": host_local("10.78.0.0/24"), "rules": list(rules), **members}, name=name,
                   version="1.1.0")


def attach(runtime: Runtime, *names: str) -> list[tuple[Container, str]]:
    """New containers with their addresses."""
    containers = runtime.host.add_containers(names)
    return [(container, runtime.add(container).result()["ips"][0]["address"].split("/")[0])
            for container in containers]


@contextlib.contextmanager
def listening(host: Host, container: Container, address: str, *ports: int) -> Iterator[None]:
    """Has a container listen for one `with` block."""
    process = host.start(["/usr/bin/python3", "-c", LISTENER, address, *map(str, ports)], netns=container.netns)
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()


def answering(host: Host, container: Container, address: str, *ports: int, silent: bool = False) -> set[int]:
    """Which ports answer a container; `silent`: which are not waited for as long as it takes."""
    seconds = "1.5" if silent else "20"
    outcome = host.run(["/usr/bin/python3", "-c", CALLER, address, seconds, *map(str, ports)], netns=container.netns)
    assert outcome.ok, outcome.stderr
    return {int(port) for port in outcome.stdout.split()}


def packet(source: str, target: str, port: int, sender: str = "020000000001") -> str:
    """The beginning of a segment of TCP, as `trace` wants it."""
    def octets(text: str) -> bytes:
        return bytes(int(part) for part in text.split("."))

    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, octets(source), octets(target))
    return "020000000002" + sender + "0800" + (header + struct.pack(">HHIIBBHHH", 4000, port, 0, 0, 0x50, 2, 0, 0, 0)
                                               ).hex()


def test_ports_of_tcp(host: Host, ours: Implementation) -> None:
    """The rule of the highest priority decides, for real connections, and the next daemon does the same."""
    rules = ({"action": "deny", "protocol": "tcp"},
             {"priority": 9, "action": "permit", "protocol": "tcp", "destinationPort": "7000-7009"},
             {"priority": 99, "action": "deny", "protocol": "tcp", "destinationPort": 7003},
             # What answers a connection has to pass as well: rules know no connections.
             {"priority": 50, "action": "permit", "protocol": "tcp", "sourcePort": "7000-7100"})
    runtime = Runtime(host, ours, listed(*rules))
    with new_switch(host, ours) as switch:
        (one, here), (two, there) = attach(runtime, "c1", "c2")
        for _ in range(2):
            with listening(host, two, there, 7000, 7003, 7009, 7010):
                assert answering(host, one, there, 7000, 7009) == {7000, 7009}
                assert answering(host, one, there, 7003, 7010, silent=True) == set()
            assert host.run(["ping", "-n", "-q", "-c", "1", "-W", "20", there], netns=one.netns).ok
            assert switch.dropped(one, "deniedByRule") >= 2
            assert switch.ports()["c1:eth0"]["flags"] == ["rules"] and runtime.check(one).ok
            switch.stop(signal.SIGKILL)
            switch.start()
        verdict = switch.ask("trace", port="c1:eth0", frame=packet(here, there, 7003))["result"]
        assert verdict["reason"] == "deniedByRule" and "a rule says: it is dropped" in verdict["steps"], verdict
        assert "a rule says: it may pass" in switch.ask(
            "trace", port="c1:eth0", frame=packet(here, there, 7001))["result"]["steps"]


def datagram(source: str, target: str, stations: str, port: int, *tags: int) -> str:
    """A datagram whose text is how many tags it is behind, none of which names a VLAN."""
    header = bytearray(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 29, 0, 0, 64, 17, 0, socket.inet_aton(source),
                                   socket.inet_aton(target)))
    total = sum(struct.unpack(">10H", header))
    header[10:12] = struct.pack(">H", 0xFFFF - (total % 0x10000 + (total >> 16)))
    octets = header + struct.pack(">HHHH", 4000, port, 9, 0) + str(len(tags)).encode()
    return stations + "".join(f"{tag:04x}0000" for tag in tags) + "0800" + octets.hex()


def test_behind_any_number_of_tags(host: Host, ours: Implementation) -> None:
    """A receiver takes off any number of tags without a VLAN: what a rule denies does not come behind them either."""
    denying = Runtime(host, ours, listed({"action": "deny", "protocol": "udp", "destinationPort": 53}))
    plain = Runtime(host, ours, listed(name="plain"))
    with new_switch(host, ours) as switch:
        ((denied, here),) = attach(denying, "c1")
        ((free, there), (hearer, target)) = attach(plain, "c2", "c3")
        process = host.start(["/usr/bin/python3", "-c", HEARER, target], netns=hearer.netns)
        assert process.stdout and process.stdout.readline() == "ready\n"
        behind = [(0x8100,) * count for count in range(6)] + [(0x88A8, 0x8100, 0x8100)]
        station = plain.results["c3", "eth0"]["interfaces"][0]["mac"].replace(":", "")
        heard = []
        for container, address in ((free, there), (denied, here)):
            stations = station + host.links(container.netns)[1]["address"].replace(":", "")
            frames = [datagram(address, target, stations, 53, *tags) for tags in behind]
            frames.append(datagram(address, target, stations, 54))
            assert host.run(["/usr/bin/python3", "-c", FORGER, *frames], netns=container.netns).ok
            heard.append(process.stdout.readline().split())
        process.kill()
        assert heard == [["0", "1", "2", "3", "4", "5", "3"], []]
        assert switch.dropped(denied, "deniedByRule") == len(behind)
        steps = switch.ask("trace", port="c1:eth0", frame=frames[3])["result"]["steps"]
        assert any("cannot be read" in step for step in steps), steps


def test_every_field(host: Host, ours: Implementation) -> None:
    """Each field alone tells frames that it is about from others."""
    arp = "ffffffffffff0200000000010806" + "00010800060400010200000000010a4e00020000000000000a4e0003"
    plain = packet("10.78.0.2", "10.78.0.3", 80)
    tagged = plain[:24] + "81000009" + plain[24:]
    six = "0200000000020200000000018" + "6dd" + "6000000000143a40" + "fd78" + "00" * 13 + "02" + "fd78" + "00" * 13 + \
        "03" + "8000" + "00" * 18
    fields = [
        ({"etherType": "arp"}, arp, plain), ({"etherType": 0x86DD}, six, plain), ({"vlan": 9}, tagged, plain),
        ({"sourceMAC": "02:00:00:00:00:01"}, plain, packet("10.78.0.2", "10.78.0.3", 80, "020000000009")),
        ({"sourceMAC": "06:00:00:00:00:00/ff:00:00:00:00:00"}, packet("10.78.0.2", "10.78.0.3", 80, "060000000009"),
         plain),
        ({"destinationMAC": "ff:ff:ff:ff:ff:ff"}, arp, plain), ({"source": "10.78.0.2"}, plain, arp),
        ({"destination": "10.78.0.2/31"}, plain, packet("10.78.0.2", "10.78.0.4", 80)),
        ({"etherType": "arp", "destination": "10.78.0.3"}, arp, plain),
        ({"source": "fd78::/64"}, six, plain), ({"protocol": "icmpv6"}, six, plain), ({"protocol": 6}, plain, six),
        ({"protocol": "tcp", "destinationPort": "79-81"}, plain, packet("10.78.0.2", "10.78.0.3", 82)),
        ({"protocol": "tcp", "sourcePort": 4000, "destinationPort": 80}, plain, packet("10.78.0.2", "10.78.0.3", 81)),
    ]
    with new_switch(host, ours) as switch:
        for number, (members, meant, other) in enumerate(fields):
            runtime = Runtime(host, ours, listed({"action": "deny", **members}, name=f"n{number}",
                                                 vlanTrunk=[{"id": 9}]))
            ((container, _),) = attach(runtime, f"f{number}")
            reasons = [switch.ask("trace", port=f"f{number}:eth0", frame=frame)["result"]["reason"]
                       for frame in (meant, other)]
            assert reasons[0] == "deniedByRule" != reasons[1], (members, reasons)
            assert runtime.delete(container).ok


def test_others_get_frames(host: Host, ours: Implementation) -> None:
    """Frames go to a port that may come later, and nowhere before; copies go to one that may leave."""
    meant = {"protocol": "tcp", "destinationPort": 80}
    redirecting = Runtime(host, ours, listed({"action": "redirect", "to": "late:eth0", **meant}))
    copying = Runtime(host, ours, listed({"action": "mirror", "to": "late:eth0", **meant}, name="other"))
    plain = Runtime(host, ours, listed(name="plain"))
    with new_switch(host, ours) as switch:
        attach(redirecting, "c1")
        attach(copying, "c2")
        attach(plain, "c3")

        def outputs(port: str) -> list[str]:
            answer = switch.ask("trace", port=f"{port}:eth0", frame=packet("10.78.0.2", "10.78.0.3", 80))["result"]
            return sorted(output["port"] + ("*" if output["copy"] else "") for output in answer["outputs"])

        assert (outputs("c1"), outputs("c2"), outputs("c3")) == (
            [], ["c1:eth0", "c3:eth0"], ["c1:eth0", "c2:eth0"])
        ((late, _),) = attach(plain, "late")
        assert outputs("c1") == ["late:eth0"]
        assert outputs("c2") == ["c1:eth0", "c3:eth0", "late:eth0", "late:eth0*"]
        switch.stop(signal.SIGKILL)
        switch.start()
        assert outputs("c1") == ["late:eth0"]
        assert plain.delete(late).ok
        assert outputs("c1") == [] and outputs("c2") == ["c1:eth0", "c3:eth0"]
        # Numbers of ports are given again, rules are not.
        ((_, _),) = attach(plain, "c4")
        assert outputs("c1") == [] and outputs("c4") == ["c1:eth0", "c2:eth0", "c3:eth0"]


BAD: list[tuple[Any, str]] = [
    (5, "rules"), ([5], "rules[0]"), ([{}], "an action"), ([{"action": 5}], "rules[0].action"),
    ([{"action": "dance"}], "permit, deny"), ([{"action": "redirect"}], "`to`"), ([{"action": "mirror", "to": ""}], "`to`"),
    ([{"action": "mirror", "to": 5}], "rules[0].to"), ([{"action": "deny"}] * 65, "at most 64"),
    *(([{"action": "deny"}, {"action": "deny", key: value}], f"rules[1].{key}") for key, values in {
        "priority": (-1, 65536, "5"), "vlan": (0, 4095, "5"), "etherType": (1535, 65536, "ip", True),
        "sourceMAC": (5, "green", "02:00:00:00:00:01/", "/ff:ff:ff:ff:ff:ff"), "destinationMAC": ("02:00:00:00:00:01/8",),
        "source": (5, "10.1.0.0/33", "here"), "destination": ("fd78::/129", ""), "protocol": (256, "ftp", []),
        "sourcePort": (-1, 65536, "80-", "-80", "90-80", "80-90-99", "70000", ""), "destinationPort": ("ssh", True),
    }.items() for value in values),
    ([{"action": "deny", "source": "10.1.0.0/16", "destination": "fd78::/64"}], "one family"),
    ([{"action": "deny", "destinationPort": 80}], "a protocol with ports"),
    ([{"action": "deny", "protocol": 47, "sourcePort": 80}], "a protocol with ports"),
    ([{"action": "deny", "protocol": "tcp", "sourcePort": "1-9", "destinationPort": "1-9"}], "one port at one end"),
    ([{"action": "deny", "etherType": "ipv6", "source": "10.1.0.0/16"}], "an etherType"),
    ([{"action": "deny", "etherType": "arp", "protocol": "tcp"}], "an etherType"),
    ([{"action": "deny", "etherType": "ipv4", "protocol": "icmpv6", "source": "fd78::/64"}], "an etherType"),
]


def test_bad_rules(host: Host, ours: Implementation) -> None:
    """Each is one error that says where, and nothing is made; every key of the page is tried."""
    page = (REPOSITORY / "docs" / "vswitch.md").read_text().partition("\n## Rules\n")[2].partition("\n## ")[0]
    keys = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert keys and keys <= set(re.findall(r"\w+", str(BAD)))
    container = host.add_container("c1")
    with new_switch(host, ours) as switch:
        for rules, words in BAD:
            runtime = Runtime(host, ours, network(
                {"type": "vswitch", "ipam": host_local("10.78.0.0/24"), "rules": rules}, version="1.1.0"))
            error = runtime.add(container).error()
            assert error["code"] == 6 and words in f"{error['msg']} {error.get('details', '')}", (rules, error)
            assert link_names(host, container.netns) == {"lo"} and lease_files(host) == {}, rules
            assert runtime.delete(container).ok, rules
        assert switch.ports() == {}


def test_memory_is_bounded(host: Host, ours: Implementation) -> None:
    """Rules beyond those that a switch can have are refused with their container, and make room when they go."""
    # Thirty for each range and family, sixty-four times.
    rules = [{"priority": number, "action": "deny", "protocol": "udp", "destinationPort": "1-65534"}
             for number in range(64)]
    runtime = Runtime(host, ours, listed(*rules))
    with new_switch(host, ours) as switch:
        containers = [container for container, _ in attach(runtime, "c1", "c2", "c3", "c4")]
        last = host.add_container("c5")
        error = runtime.add(last).error()
        assert error["code"] == 100 and "rules" in str(error), error
        assert link_names(host, last.netns) == {"lo"} and len(switch.ports()) == 4
        assert runtime.delete(containers[0]).ok and runtime.add(last).ok
        until(lambda: len(switch.ports()) == 4, "it has a port")
