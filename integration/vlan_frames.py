# SPDX-License-Identifier: Apache-2.0
"""Frames of every kind of tag, who on a bridge should get them and how, and who did."""
from __future__ import annotations

import dataclasses
import json
import subprocess

from host import Host

#: 802.1Q and 802.1ad.
CUSTOMER, SERVICE = 0x8100, 0x88A8
VID = 0x0FFF
Tag = tuple[int, int]
Tags = tuple[Tag, ...]

#: Writes down which numbered frames of ours come by, and with which tags, until all that it is told to wait for have
#: come or its time is over. The kernel keeps a frame's outermost tag aside.
LISTENER = """
import ctypes, json, select, socket, struct, sys, time
catcher = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
catcher.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
catcher.setsockopt(263, 8, 1)
catcher.bind((sys.argv[1], 3))
print("ready", flush=True)
seen, wanted, end = {}, None, None
while True:
    if wanted is not None and (wanted <= set(seen) or time.monotonic() > end):
        break
    ready = select.select([catcher] + ([0] if wanted is None else []), [], [], 0.2)[0]
    if 0 in ready:
        told = json.loads(sys.stdin.readline() or "[[], 0]")
        wanted, end = set(told[0]), time.monotonic() + told[1]
    if catcher not in ready:
        continue
    data, ancillary, flags, sender = catcher.recvmsg(4096, 256)
    if sender[2] == 4:
        continue  # our own
    tags, place = [], 12
    for level, kind, value in ancillary:
        status, length, snapped, mac, net, tag, protocol = struct.unpack_from("IIIHHHH", value)
        if status & 16:
            tags.append((protocol if status & 64 else 0x8100, tag))
    while struct.unpack_from("!H", data, place)[0] in (0x8100, 0x88a8):
        tags.append(struct.unpack_from("!HH", data, place))
        place += 4
    if struct.unpack_from("!H", data, place)[0] == 0x88b5:
        seen.setdefault(struct.unpack_from("!I", data, place + 2)[0], []).append(tags)
print(json.dumps(seen), flush=True)
"""
#: Sends frames: their numbers, tags and destinations.
SENDER = """
import json, socket, struct, sys
thrower = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
thrower.bind((sys.argv[1], 0))
for number, tags, destination in json.load(sys.stdin):
    head = bytes.fromhex(destination) + thrower.getsockname()[4] + b"".join(struct.pack("!HH", *tag) for tag in tags)
    thrower.send(head + struct.pack("!HI", 0x88b5, number) + bytes(60))
"""

#: What frames may begin with: nothing, a priority alone, a VLAN, one of a provider, one behind another.
KINDS: tuple[Tags, ...] = (
    (), ((CUSTOMER, 5 << 13),), ((CUSTOMER, 1),), ((CUSTOMER, 7),), ((CUSTOMER, 3 << 13 | 100),), ((CUSTOMER, 101),),
    ((CUSTOMER, 200),), ((CUSTOMER, 4095),), ((SERVICE, 100),), ((CUSTOMER, 0), (CUSTOMER, 200)),
    ((CUSTOMER, 100), (CUSTOMER, 200)), ((CUSTOMER, 1), (CUSTOMER, 200)), ((SERVICE, 200), (CUSTOMER, 100)),
)
EVERYBODY, NOBODY = "ffffffffffff", "02000000fe01"


@dataclasses.dataclass(frozen=True)
class Port:
    """A place on the bridge, and its VLANs as IEEE 802.1Q knows them."""

    netns: str | None
    link: str
    native: int
    members: frozenset[int]
    untagged: frozenset[int]
    #: An operator's uplink, which nobody keeps to anything.
    is_uplink: bool = False

    def enters(self, tags: Tags) -> Tags | None:
        """The tags within the bridge of a frame that comes from here; None when it is dropped."""
        if self.is_uplink:
            return tags
        tagged = bool(tags) and tags[0][0] == CUSTOMER
        vlan = tags[0][1] & VID if tagged else 0
        priority = tags[0][1] & ~VID if tagged else 0
        rest = tags[1:] if tagged else tags
        if not vlan:
            if self.native == 1:
                return tags
            return ((CUSTOMER, priority | self.native), *rest) if self.native else None
        if vlan not in self.members:
            return None
        return ((CUSTOMER, priority), *rest) if vlan == 1 else tags

    def leaves(self, tags: Tags) -> Tags | None:
        """The tags with which a frame of the bridge arrives here."""
        if self.is_uplink:
            return tags
        tagged = bool(tags) and tags[0][0] == CUSTOMER
        vlan = tags[0][1] & VID if tagged else 0
        rest = tags[1:] if tagged else tags
        if (vlan or 1) not in self.members:
            return None
        if (vlan or 1) in self.untagged:
            return rest
        return tags if vlan > 1 else ((CUSTOMER, (tags[0][1] & ~VID if tagged else 0) | 1), *rest)


def access(netns: str, vlan: int, *also: int) -> Port:
    """A container in one VLAN, and others whose frames reach it without a tag."""
    vlans = frozenset((vlan, *also))
    return Port(f"/run/netns/{netns}", "eth0", vlan, vlans, vlans)


def exchange(host: Host, ports: dict[str, Port], patience: float = 60) -> dict[str, list[str]]:
    """Everybody sends a frame of every kind, to all and to a stranger; what differs from the standard, by sender."""
    listeners: dict[str, subprocess.Popen[str]] = {}
    for name, port in ports.items():
        command = ["/usr/bin/python3", "-c", LISTENER, port.link]
        listeners[name] = host.start(command, netns=port.netns)
    for process in listeners.values():
        assert process.stdout and process.stdout.readline().strip() == "ready"
    expected: dict[str, dict[int, list[Tags]]] = {name: {} for name in ports}
    senders: dict[int, str] = {}
    for name, port in ports.items():
        frames = []
        for tags in KINDS:
            for destination in (EVERYBODY, NOBODY):
                number = len(senders)
                senders[number] = f"{name} {tags} {destination}"
                frames.append((number, tags, destination))
                inside = port.enters(tags)
                for other, there in ports.items():
                    if other != name and inside is not None and (arriving := there.leaves(inside)) is not None:
                        expected[other][number] = [arriving]
        host.must(f"/usr/bin/python3 -c '{SENDER}' {port.link}", netns=port.netns, stdin=json.dumps(frames))
    wrong: dict[str, list[str]] = {}
    for name, process in listeners.items():
        assert process.stdin
        process.stdin.write(json.dumps([sorted(expected[name]), patience]) + "\n")
        process.stdin.flush()
    for name, process in listeners.items():
        told, _ = process.communicate()
        seen = {int(number): [tuple(map(tuple, tags)) for tags in copies]
                for number, copies in json.loads(told).items()}
        for number in sorted({*seen, *expected[name]}):
            if seen.get(number) != expected[name].get(number):
                wrong.setdefault(name, []).append(
                    f"{senders[number]}: {seen.get(number)} instead of {expected[name].get(number)}")
    return wrong
