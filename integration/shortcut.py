# SPDX-License-Identifier: Apache-2.0
"""The shortcut past bridges as the kernel has it, and hosts built by chance on which its frames are looked for."""
from __future__ import annotations

import dataclasses
import itertools
import json
import random
import subprocess
import threading
from typing import Any

from host import Container, Host
from implementations import Implementation, build_directory
from runtime import Runtime, bridge, host_local, network
from traffic import OUTSIDE, add_outside, netns

#: What asks for it.
KEY = {"fastPath": "ebpf"}
PINS = "/sys/fs/bpf/culvert"
#: Looks at programs and maps by bpf(2), and takes them away; says what it saw. Who is about to attach a program holds the
#: directory of its name, and is waited for.
EYE = """
import ctypes, fcntl, glob, json, os, platform, struct, subprocess, sys
GET_NEXT_KEY, OBJECT_GET, DETACH, QUERY, INFO, TCX_INGRESS = 4, 7, 9, 16, 15, 46
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(number, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result, buffer.raw
def opened(path):
    name = ctypes.create_string_buffer(path.encode())
    return bpf(OBJECT_GET, struct.pack("QII", ctypes.addressof(name), 0, 0))[0]
def keys(path):
    map, found, key = opened(path), [], ctypes.create_string_buffer(64)
    here = 0
    while True:
        next = ctypes.create_string_buffer(64)
        try:
            bpf(GET_NEXT_KEY, struct.pack("I4xQQ", map, here, ctypes.addressof(next)))
        except FileNotFoundError:
            return found
        found.append(next.raw)
        key, here = next, ctypes.addressof(next)
def filters(name):
    # Of a kernel that has no other place for programs.
    command = ["tc", "filter", "show", "dev", name, "ingress"]
    words = subprocess.run(command, capture_output=True, text=True).stdout.split()
    return [int(number) for word, number in zip(words, words[1:]) if word == "id" and number.isdigit()]
def programs(link):
    numbers = (ctypes.c_uint32 * 64)()
    told = bpf(QUERY, struct.pack("IIIIQII", link, TCX_INGRESS, 0, 0, ctypes.addressof(numbers), 64, 0))[1]
    return list(numbers)[:struct.unpack_from("I", told, 24)[0]]
def own(program):
    information = ctypes.create_string_buffer(256)
    bpf(INFO, struct.pack("IIQ", program, 256, ctypes.addressof(information)))
    return struct.unpack_from("I", information.raw, 4)[0]
def pins(name):
    return sorted(glob.glob("/sys/fs/bpf/culvert/*/" + name))
for directory in glob.glob("/sys/fs/bpf/culvert/*"):
    fcntl.flock(os.open(directory, os.O_RDONLY), fcntl.LOCK_EX)
links = {int(open(f"/sys/class/net/{name}/ifindex").read()): name for name in os.listdir("/sys/class/net")}
if sys.argv[1] == "detach":
    for link, name in links.items():
        for program in pins("program") + pins("filter") if name in sys.argv[2:] else ():
            if own(opened(program)) in filters(name):
                subprocess.run(["tc", "qdisc", "del", "dev", name, "clsact"], check=True)
            else:
                bpf(DETACH, struct.pack("IIII", link, opened(program), TCX_INGRESS, 0))
else:
    mine = {own(opened(program)) for program in pins("program") + pins("filter")}
    print(json.dumps({
        "ports": sorted(links.get(struct.unpack_from("I", key)[0], "?") for pin in pins("ports") for key in keys(pin)),
        "stations": sum(len(keys(pin)) for pin in pins("stations")),
        "programs": sorted(name for link, name in links.items() if mine & {*programs(link), *filters(name)}),
    }))
"""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What there is of the shortcut on a host."""

    #: Links that may use it.
    ports: list[str]
    #: How many containers it leads to.
    stations: int
    #: Links where its program is.
    programs: list[str]


def seen(host: Host) -> Seen:
    """Looks."""
    return Seen(**json.loads(host.must(f"/usr/bin/python3 -c '{EYE}' look")))


def awaited(host: Host) -> None:
    """Waits until nobody is about to attach the program any more."""
    seen(host)


def detach(host: Host, *links: str) -> None:
    """Takes the program off links, as an administrator may."""
    host.must(f"/usr/bin/python3 -c '{EYE}' detach {' '.join(links)}")


def filters_frames(host: Host, on: bool) -> None:
    """Whether rules of IP are shown what bridges forward; nothing where the kernel cannot do that."""
    host.must(f"for file in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $file ] || echo {int(on)} >$file; done")


def host_end(runtime: Runtime, container: Container, ifname: str = "eth0") -> str:
    """The host's end of a container's pair."""
    interfaces = runtime.results[container.id, ifname]["interfaces"]
    return next(entry["name"] for entry in interfaces if entry["name"].startswith("veth"))


def counter(host: Host, link: str, name: str, container: Container | None = None) -> int:
    """What the kernel counts of a link."""
    text = host.must(f"ip -s -j link show dev {link}", netns=container.netns if container else None)
    direction, what = name.split("_")
    return json.loads(text)[0]["stats64"][direction][what]


# Hosts by chance

#: Answers, and asks whom it is told to, all at the same time; ends when its stdin does. A datagram that was not answered
#: is sent again: in the end what counts is which of them get through at all.
AGENT = """
import errno, json, os, socket, struct, sys, threading, time
MANY = 8
def opened(family, kind, port):
    server = socket.socket(family, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind == socket.SOCK_DGRAM:
        # IP_PKTINFO, IPV6_RECVPKTINFO
        server.setsockopt(*((socket.IPPROTO_IP, 8) if family == socket.AF_INET else (socket.IPPROTO_IPV6, 49)), 1)
    server.bind(("", port))
    if kind == socket.SOCK_STREAM:
        server.listen(128)
    return server
def serve_tcp(listener):
    while True:
        threading.Thread(target=echo_tcp, args=(listener.accept()[0],), daemon=True).start()
def echo_tcp(connection):
    connection.settimeout(60)
    try:
        while data := connection.recv(4096):
            connection.sendall(data)
    except OSError:
        pass
    connection.close()
def serve_udp(server, family):
    while True:
        data, ancillary, flags, peer = server.recvmsg(2048, 128)
        # Answers come from the address that was asked; by itself the kernel takes the one that the route says.
        level, kind, told = ancillary[0]
        own = told[:16] + bytes(4) if family == socket.AF_INET6 else bytes(4) + told[8:12] + bytes(4)
        try:
            server.sendmsg([data], [(level, kind, own)], 0, peer)
        except OSError:
            pass
def datagrams(client, end):
    missing = set(range(MANY))
    while missing and time.monotonic() < end:
        for number in missing:
            client.send(bytes([number]) * 40)
        pause = time.monotonic() + 0.25
        while missing and (left := min(end, pause) - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                missing.discard(client.recv(100)[0])
            except TimeoutError:
                break
    return f"{MANY - len(missing)} of {MANY}"
def stream(client):
    for number in range(MANY):
        data, text = b"", bytes([number]) * 1000
        client.sendall(text)
        while len(data) < len(text):
            part = client.recv(4096)
            if not part:
                return "cut off"
            data += part
    return "whole"
def attempt(ask):
    family = socket.AF_INET6 if ":" in ask["address"] else socket.AF_INET
    is_tcp = ask["protocol"] == "tcp"
    end = time.monotonic() + ask["patience"]
    with socket.socket(family, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(ask["patience"])
        step = "bind"
        try:
            if ask["source"]:
                client.bind((ask["source"], 0))
            step = "connect"
            client.connect((ask["address"], ask["port"]))
            step = "talk"
            return stream(client) if is_tcp else datagrams(client, end)
        except TimeoutError:
            return f"nothing ({step})"
        except OSError as error:
            return f"{errno.errorcode.get(error.errno)} ({step})"
guard = threading.Lock()
def answer(ask):
    result = attempt(ask)
    with guard:
        print(json.dumps([ask["id"], result]), flush=True)
if sys.argv[1:] == ["serve"]:
    for family in (socket.AF_INET, socket.AF_INET6):
        threading.Thread(target=serve_tcp, args=(opened(family, socket.SOCK_STREAM, 80),), daemon=True).start()
        threading.Thread(target=serve_udp, args=(opened(family, socket.SOCK_DGRAM, 53), family), daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
os._exit(0)
"""


@dataclasses.dataclass(frozen=True)
class Talk:
    """Somebody who talks to somebody."""

    #: A container's id, `host` or `outside`.
    origin: str
    address: str
    port: int
    protocol: str
    #: Another address than the one that the routes say.
    source: str = ""

    def __str__(self) -> str:
        source = f" from {self.source}" if self.source else ""
        return f"{self.origin}{source} to {self.address} port {self.port} ({self.protocol})"


class Agent:
    """Somebody in a namespace who answers, and talks to whom he is told."""

    def __init__(self, host: Host, name: str, serves: bool) -> None:
        self.guard = threading.Lock()
        self.numbers = itertools.count()
        self.waiting: dict[int, tuple[threading.Event, list[str]]] = {}
        words = ["/usr/bin/python3", "-c", AGENT, *(["serve"] if serves else [])]
        self.process: subprocess.Popen[str] = host.start(words, netns=netns(None if name == "host" else name))

    def ready(self) -> None:
        """Waits until he is; from then on he is listened to."""
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        """Hands results to who waits for them."""
        assert self.process.stdout
        for line in self.process.stdout:
            number, result = json.loads(line)
            event, found = self.waiting.pop(number)
            found.append(result)
            event.set()

    def begin(self, talk: Talk, patience: float) -> tuple[threading.Event, list[str]]:
        """Has him talk; the event says when the list holds what came of it."""
        handle = threading.Event(), list[str]()
        with self.guard:
            number = next(self.numbers)
            self.waiting[number] = handle
            ask = {"id": number, "address": talk.address, "port": talk.port, "protocol": talk.protocol,
                   "source": talk.source, "patience": patience}
            assert self.process.stdin
            self.process.stdin.write(json.dumps(ask) + "\n")
            self.process.stdin.flush()
        return handle


#: Others' rules, with the addresses of two containers, {0} and {1} (IPv4), {2} and {3} (IPv6), and their ports, {4} and {5}.
RULES = (
    "table bridge mine {{ chain f {{ type filter hook forward priority 0; ip daddr {0} drop; }} }}",
    "table bridge mine {{ chain f {{ type filter hook prerouting priority 0; ip6 saddr {2} drop; }} }}",
    "table bridge mine {{ chain f {{ type filter hook postrouting priority 0; oifname {4} udp dport 53 drop; }} }}",
    "table bridge mine {{ chain f {{ type filter hook forward priority 0; iifname {4} oifname {5} drop; }} }}",
    "table netdev mine {{ chain f {{ type filter hook ingress device {4} priority 0; tcp dport 80 drop; }} }}",
    "table netdev mine {{ chain f {{ type filter hook egress device {5} priority 0; meta l4proto udp drop; }} }}",
    "table inet mine {{ chain f {{ type filter hook forward priority 0; ip saddr {0} drop; ip6 daddr {3} drop; }} }}",
    "table inet mine {{ chain f {{ type filter hook prerouting priority -300; ip daddr {1} udp dport 53 drop; }} }}",
    "table ip mine {{ chain f {{ type filter hook postrouting priority 0; ip daddr {0} tcp dport 80 drop; }} }}",
    "table ip6 mine {{ chain f {{ type filter hook forward priority 0; policy drop; }} }}",
)
#: What else somebody may do to two ports; not every kernel has classifiers.
DEEDS = (
    "ip link set {4} down",
    "ip link set {4} nomaster",
    "bridge link set dev {4} isolated on; bridge link set dev {5} isolated on",
    "bridge link set dev {4} state 0",
    "bridge link set dev {4} learning off flood off",
    "ip link set {4} mtu 1280",
    "tc qdisc add dev {4} clsact; tc filter add dev {4} ingress matchall action drop || :",
    "tc qdisc add dev {5} clsact; tc filter add dev {5} egress protocol ip matchall action drop || :",
    "tc qdisc add dev {4} root tbf rate 100mbit burst 100k latency 50ms",
    "ip link set {6} down",
    "ip link set {6} promisc on",
    "bridge link set dev {4} hairpin on",
    "bridge link set dev {4} locked on; bridge link set dev {4} learning off",
)


class Scene:
    """A host with networks, containers and obstacles; one seed makes the same again, with the key or without."""

    def __init__(self, host: Host, ours: Implementation, seed: int, key: dict[str, Any], calm: bool) -> None:
        self.host, self.chance, self.key = host, random.Random(seed), key
        #: Whether nothing keeps containers from the shortcut at first.
        self.calm = calm
        self.story: list[str] = []
        self.runtimes: list[Runtime] = []
        #: The network's number, by container; and each container's addresses by family.
        self.members: dict[str, int] = {}
        self.containers: dict[str, Container] = {}
        self.addresses: dict[str, dict[int, str]] = {}
        self.spoofed: dict[str, str] = {}
        self.published: list[int] = []
        self.agents: dict[str, Agent] = {}
        add_outside(host)
        filters_frames(host, not calm and self.chance.random() < 0.3)
        for number in range(self.chance.choice((1, 2))):
            self.join(ours, number)
        for name in self.containers:
            self.disguise(name)
        for name in (*self.containers, "host", OUTSIDE):
            self.agents[name] = Agent(host, name, serves=self.chance.random() < 0.9)
        for agent in self.agents.values():
            agent.ready()
        host.settle(*self.containers.values())

    def entry(self, number: int) -> dict[str, Any]:
        """A plugin bridge by chance."""
        chance = self.chance
        likely = (("isGateway", 0.85), ("ipMasq", 0.3), ("hairpinMode", 0.3), ("macspoofchk", 0.4), ("ipspoofchk", 0.4),
                  ("portIsolation", 0.15), ("isDefaultGateway", 0.5))
        members: dict[str, Any] = {name: True for name, chances in likely if chance.random() < chances}
        for name in ("macspoofchk", "ipspoofchk", "portIsolation") if self.calm else ():
            members.pop(name, None)
        if chance.random() < 0.2:
            members["mtu"] = 1400
        subnets = [f"10.{1 + number}.0.0/24", f"fd0{1 + number}::/64"]
        families = subnets if self.calm else chance.choice((subnets, subnets, subnets[:1], subnets[1:]))
        return bridge(host_local(*families), bridge=f"br{number}", **members, **self.key)

    def join(self, ours: Implementation, number: int) -> None:
        """A network, and its containers."""
        chance = self.chance
        entries = [self.entry(number)]
        backend = chance.choice(("nftables", "nftables", "iptables"))
        if policy := chance.choice((None, None, "open", "same-bridge", "isolated")):
            entries.append({"type": "firewall", "ingressPolicy": policy, "backend": backend})
        if chance.random() < 0.5:
            entries.append({"type": "portmap", "capabilities": {"portMappings": True}, "backend": backend})
        if chance.random() < 0.2 and not self.calm:
            entries.append({"type": "bandwidth", "ingressRate": 10**9, "ingressBurst": 10**7})
        self.story.append(json.dumps(entries))
        runtime = Runtime(self.host, ours, network(*entries, name=f"net{number}", version="1.1.0"))
        self.runtimes.append(runtime)
        for place in range(3 - number):
            container = self.host.add_container(f"c{number}{place}")
            port = 8000 + 10 * number + place
            ports = [{"hostPort": port, "containerPort": 80, "protocol": "tcp"},
                     {"hostPort": port, "containerPort": 53, "protocol": "udp"}]
            outcome = runtime.add(container, capabilities={"portMappings": ports})
            assert outcome.ok, outcome
            if any(entry["type"] == "portmap" for entry in entries):
                self.published.append(port)
            found = [entry["address"].split("/")[0] for entry in outcome.result()["ips"]]
            self.addresses[container.id] = {6 if ":" in address else 4: address for address in found}
            self.members[container.id], self.containers[container.id] = number, container

    def disguise(self, name: str) -> None:
        """Some use addresses that are not theirs."""
        where, draw = netns(name), self.chance.random()
        self.host.must("ip link set lo up", netns=where)
        if draw < 0.2:
            self.spoofed[name] = f"10.{1 + self.members[name]}.0.{200 + len(self.spoofed)}"
            self.host.must(f"ip addr add {self.spoofed[name]}/24 dev eth0", netns=where)
            self.story.append(f"{name} also has {self.spoofed[name]}")
        elif draw < 0.3:
            self.host.must(f"ip link set eth0 address 02:00:00:00:0{len(self.story) % 10}:01", netns=where)
            self.story.append(f"{name} has another MAC")

    def port(self, name: str) -> str:
        """The host's end of a container's pair."""
        return host_end(self.runtimes[self.members[name]], self.containers[name])

    def past_bridge(self) -> int:
        """How many frames containers got that no port of a bridge has sent."""
        total = 0
        for name, container in self.containers.items():
            arrived = counter(self.host, "eth0", "rx_packets", container)
            total += max(0, arrived - counter(self.host, self.port(name), "tx_packets"))
        return total

    def obstruct(self) -> None:
        """Somebody does something to the host, afterwards."""
        chance = self.chance
        if chance.random() < 0.3:
            on = chance.random() < 0.5
            filters_frames(self.host, on)
            self.story.append(f"rules of IP are shown frames of bridges: {on}")
            # Of a port whose ADD saw it off, the shortcut does not see it coming.
            self.host.run([str(build_directory() / "culvert"), "reconcile"])
        for kind, most in ((RULES, 2), (DEEDS, 1)):
            for text in chance.sample(kind, chance.choice(range(most + 1))):
                first, second = chance.sample(sorted(name for name, number in self.members.items() if number == 0), 2)
                has = [self.addresses[name] for name in (first, second)]
                words = [*(of.get(4, "192.0.2.99") for of in has), *(of.get(6, "fd99::9") for of in has),
                         self.port(first), self.port(second), "br0"]
                line = text.format(*words).replace(" mine {", f" mine{len(self.story)} {{")
                self.story.append(line)
                if line.startswith("table"):
                    self.host.must("nft -f -", stdin=line.replace("} }", "}\n}"))
                else:
                    self.host.must(line)

    def talks(self) -> list[Talk]:
        """Everybody with everybody."""
        found = []
        for origin in self.agents:
            for name, addresses in self.addresses.items():
                targets = list(addresses.values()) + ([self.spoofed[name]] if name in self.spoofed else [])
                for address in targets if name != origin else ():
                    found += [Talk(origin, address, 80, "tcp"), Talk(origin, address, 53, "udp")]
                    if origin in self.spoofed and ":" not in address:
                        found.append(Talk(origin, address, 53, "udp", self.spoofed[origin]))
            for port in self.published if origin != "host" else ():
                found += [Talk(origin, "192.0.2.1", port, "tcp"), Talk(origin, "192.0.2.1", port, "udp")]
        return found

    def attempt(self, talks: list[Talk], patience: float) -> dict[Talk, str]:
        """What comes of talks at the same time."""
        begun = {talk: self.agents[talk.origin].begin(talk, patience) for talk in talks}
        for event, _ in begun.values():
            assert event.wait(120), "an agent does not answer"
        return {talk: found[0] for talk, (_, found) in begun.items()}
