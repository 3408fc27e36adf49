# SPDX-License-Identifier: Apache-2.0
"""macspoofchk and ipspoofchk frame by frame: the kernel lets pass what module Forwarding lets pass, and nothing else."""
from __future__ import annotations

import json
import struct
from ipaddress import ip_address
from typing import Any

import pytest

from host import Host
from implementations import Implementation
from runtime import Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

#: Says what arrives of numbered frames, until the last one does: of those sent before it none can come later.
LISTENER = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 0))
wire.settimeout(30)
print("ready", flush=True)
heard = []
while True:
    frame = wire.recv(4096)
    if frame[:4] == bytes.fromhex("02cafe00"):
        heard.append(int.from_bytes(frame[4:6], "big"))
        if heard[-1] == int(sys.argv[1]):
            break
print(*heard, flush=True)
"""
#: Sends the frames of its standard input, each in hexadecimal digits on a line.
SENDER = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0))
for line in open(0):
    wire.send(bytes.fromhex(line))
"""
#: Nobody's: the bridge floods what is for it. Its last two octets are the frame's number.
NOBODY = "02:ca:fe:00:00:00"
#: Somebody else's, and one that an address of a link could be made from.
OTHER = "02:00:00:00:00:99"
GROUP = "ff02::1"


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ethernet(source: str, kind: int, payload: bytes, tag: int | None = None) -> bytes:
    header = mac(NOBODY) + mac(source) + (b"" if tag is None else struct.pack("!HH", 0x8100, tag))
    return header + struct.pack("!H", kind) + payload


def arp(source: str, sender_mac: str, sender: str, tag: int | None = None) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac(sender_mac) + ip_address(sender).packed
    return ethernet(source, 0x0806, body + bytes(6) + ip_address("10.77.0.77").packed, tag)


def packet(source: str, sender: str, number: int, body: bytes, tag: int | None = None) -> bytes:
    address = ip_address(sender)
    if address.version == 4:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, number, 0) + address.packed
        header += ip_address("10.77.0.77").packed
        total = sum(struct.unpack("!10H", header))
        while total > 0xFFFF:
            total = (total & 0xFFFF) + (total >> 16)
        # Where br_netfilter is, packets with a wrong checksum go nowhere (RFC 791, 3.1).
        return ethernet(source, 0x0800, header[:10] + struct.pack("!H", total ^ 0xFFFF) + header[12:] + body, tag)
    header = struct.pack("!IHBB", 0x60000000, len(body), number, 255) + address.packed + ip_address(GROUP).packed
    return ethernet(source, 0x86DD, header + body, tag)


def udp(source: str, sender: str, port: int, tag: int | None = None) -> bytes:
    return packet(source, sender, 17, struct.pack("!HHHH", 68, port, 8, 0), tag)


def advertisement(source: str, sender: str, target: str, tag: int | None = None) -> bytes:
    return packet(source, sender, 58, struct.pack("!BBHI", 136, 0, 0, 0) + ip_address(target).packed, tag)


def cases(own: str) -> list[tuple[bytes, bool, bool]]:
    """Frames, whether their source is the container's, and whether their packet's is."""
    report = struct.pack("!BBHI", 143, 0, 0, 0)
    return [
        (ethernet(own, 0x88B5, b"hello"), True, False), (ethernet(OTHER, 0x88B5, b"hello"), False, False),
        (arp(own, own, "10.77.0.2"), True, True), (arp(own, own, "0.0.0.0"), True, True),
        (arp(own, own, "10.77.0.9"), True, False), (arp(OTHER, OTHER, "10.77.0.2"), False, True),
        (udp(own, "10.77.0.2", 9), True, True), (udp(own, "10.77.0.9", 9), True, False),
        (udp(OTHER, "10.77.0.2", 9), False, True), (udp(own, "0.0.0.0", 67), True, True),
        (udp(own, "0.0.0.0", 9), True, False), (packet(own, "0.0.0.0", 6, bytes(20)), True, False),
        (udp(own, "fd77::2", 9), True, True), (udp(own, "fd77::9", 9), True, False),
        (udp(own, "fe80::5", 9), True, True), (packet(own, "::", 58, report), True, True),
        (udp(own, "::", 9), True, False), (advertisement(own, "fd77::2", "fd77::2"), True, True),
        (advertisement(own, "fd77::2", "fd77::9"), True, False),
        (advertisement(own, "::", "fd77::9"), True, False), (advertisement(own, "fe80::5", "fe80::5"), True, True),
        # What a tag hides is looked at all the same.
        (udp(own, "10.77.0.2", 9, tag=5), True, True), (udp(own, "10.77.0.9", 9, tag=5), True, False),
        (arp(own, own, "10.77.0.2", tag=5), True, True), (arp(own, own, "10.77.0.9", tag=5), True, False),
        (advertisement(own, "fd77::2", "fd77::9", tag=5), True, False),
    ]


@pytest.mark.parametrize("members", [{}, {"macspoofchk": True}, {"ipspoofchk": True},
                                     {"macspoofchk": True, "ipspoofchk": True}], ids=["none", "mac", "ip", "both"])
def test_every_kind_of_frame(host: Host, ours: Implementation, members: dict[str, Any]) -> None:
    """Of each kind of frame, those arrive that may have the source that they have."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24", "fd77::/64"), **members), name="net"))
    sender, receiver = host.add_containers(["c1", "c2"])
    outcome = runtime.add(sender)
    assert outcome.ok, outcome.stdout
    interfaces = outcome.result()["interfaces"]
    own = next(each["mac"] for each in interfaces if each.get("sandbox"))
    assert runtime.add(receiver).ok
    story = cases(own)
    # One that everybody may send, to know when all others have had their chance.
    last = len(story)
    frames = [frame for frame, _, _ in story] + [udp(own, "10.77.0.2", 9)]
    listener = host.start(["/usr/bin/python3", "-c", LISTENER, str(last)], netns="/run/netns/c2")
    assert listener.stdout and listener.stdout.readline() == "ready\n"
    lines = [(frame[:4] + number.to_bytes(2, "big") + frame[6:]).hex() for number, frame in enumerate(frames)]
    host.must("/usr/bin/python3 -c '" + SENDER + "'", stdin="\n".join(lines) + "\n", netns="/run/netns/c1")
    heard = [int(word) for word in listener.stdout.readline().split()]
    wanted = [number for number, (_, mac_is_own, address_is_own) in enumerate(story)
              if (mac_is_own or "macspoofchk" not in members) and (address_is_own or "ipspoofchk" not in members)]
    assert heard == wanted + [last], [story[number] for number in set(heard) ^ set(wanted + [last]) if number < last]
    assert runtime.check(sender).ok


@pytest.mark.parametrize("checks", [False, True])
def test_the_only_station(host: Host, ours: Implementation, checks: bool) -> None:
    """Who may have no other address is written down at its port, and nobody else can draw its frames away."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24"), macspoofchk=checks), name="net"))
    (container,) = host.add_containers(["c1"])
    interfaces = runtime.add(container).result()["interfaces"]
    own = next(each["mac"] for each in interfaces if each.get("sandbox"))
    port = next(each["name"] for each in interfaces if each["name"].startswith("veth"))
    entries = json.loads(host.must(f"bridge -j fdb show dev {port}"))
    states = [each.get("state") for each in entries if each["mac"] == own]
    assert ("static" in states) is checks, entries
    assert runtime.delete(container).ok
    assert own not in host.must("bridge fdb show br cni0")
