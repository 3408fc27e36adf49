# SPDX-License-Identifier: Apache-2.0
"""Hosts of several networks with all kinds of obstacles, and somebody in every place who tries to get through."""
from __future__ import annotations

import dataclasses
import itertools
import json
import random
import re
import subprocess
import threading
from typing import Any

from host import Container, Host
from implementations import Implementation
from runtime import Runtime, bridge, host_local, network
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, bracketed, netns

#: Listens at some ports, and connects where it is told to, many at a time; ends when its stdin does.
AGENT = """
import errno, json, os, socket, sys, threading, time
PKTINFO = 8
FAMILIES = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))
def serve_tcp(port, family, everywhere):
    listener = socket.socket(family)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((everywhere, port))
    listener.listen(64)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
def accept(listener):
    while True:
        listener.accept()[0].close()
def serve_udp(port, family, everywhere):
    listener = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        listener.setsockopt(socket.IPPROTO_IP, PKTINFO, 1)
    listener.bind((everywhere, port))
    threading.Thread(target=echo, args=(listener, family), daemon=True).start()
def echo(listener, family):
    while True:
        data, ancillary, flags, peer = listener.recvmsg(2048, 64)
        # Answers come from the address that was asked; by itself the kernel takes the one that the route says.
        if family == socket.AF_INET6:
            own = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, ancillary[0][2][:16] + bytes(4))
        else:
            own = (socket.IPPROTO_IP, PKTINFO, bytes(4) + ancillary[0][2][8:12] + bytes(4))
        try:
            listener.sendmsg([data], [own], 0, peer)
        except OSError:
            pass
def attempt(ask):
    kind = socket.SOCK_STREAM if ask["protocol"] == "tcp" else socket.SOCK_DGRAM
    family, everywhere = FAMILIES[":" in ask["address"]]
    client = socket.socket(family, kind)
    client.settimeout(ask["patience"])
    try:
        if ask["through"]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, ask["through"].encode())
        client.bind((ask["source"] or everywhere, ask["sourcePort"]))
        client.connect((ask["address"], ask["port"]))
        end = time.monotonic() + ask["patience"]
        while kind == socket.SOCK_DGRAM:
            client.settimeout(max(0.01, min(1, end - time.monotonic())))
            client.send(b"hello")
            try:
                client.recv(100)
                break
            except TimeoutError:
                if time.monotonic() >= end:
                    raise
        return "connected"
    except TimeoutError:
        return "dropped"
    except OSError as error:
        if error.errno == errno.EPERM:
            return "dropped"
        return "refused" if error.errno == errno.ECONNREFUSED else f"unreachable {error.errno}"
    finally:
        client.close()
guard = threading.Lock()
def answer(ask):
    result = attempt(ask)
    with guard:
        print(json.dumps({"id": ask["id"], "result": result}), flush=True)
for family in FAMILIES:
    for port in json.loads(sys.argv[1]):
        serve_tcp(port, *family)
    for port in json.loads(sys.argv[2]):
        serve_udp(port, *family)
print("ready", flush=True)
for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
os._exit(0)
"""
#: Where somebody listens, everywhere but in containers whose server was stopped.
TCP, UDP, CLOSED = 80, 53, 81
#: How long to wait for nothing, and how long for what has to come.
IMPATIENCE_SECONDS, PATIENCE_SECONDS = 0.3, 10.0
#: Tables of an operator; nothing there is meant to be sensible. `{0}` is a network's first octets, `{1}` another's.
TABLES = (
    "chain f {{ type filter hook forward priority 10; ip saddr {0}.0/24 tcp dport 80 drop; }}",
    "chain f {{ type filter hook forward priority -5; policy drop; ct state established,related accept; "
    "ip daddr {0}.0/24 accept; ip saddr {0}.0-{0}.2 accept; }}",
    "chain f {{ type filter hook forward priority 0; tcp dport {{ 80, 8000-8100 }} ip daddr {0}.0/24 reject; "
    "udp dport 53 ip saddr {1}.0/24 reject with icmp type admin-prohibited; }}",
    "chain f {{ type filter hook forward priority 0; tcp dport 80 ip saddr {1}.0/24 reject with tcp reset; }}",
    "set s {{ type ipv4_addr . inet_service; flags interval; elements = {{ {0}.0/25 . 1-90, {1}.4 . 53 }}; }} "
    "chain f {{ type filter hook forward priority 0; meta l4proto {{ tcp, udp }} ip daddr . th dport @s drop; }}",
    "map m {{ type ifname : verdict; elements = {{ bra : jump a, brb : goto b }}; }} "
    "chain a {{ udp dport 53 drop; return; }} chain b {{ tcp dport 80 accept; drop; }} "
    "chain f {{ type filter hook forward priority 0; iifname vmap @m; }}",
    "chain i {{ type filter hook input priority 0; iifname \"br*\" tcp dport 80 drop; ip protocol udp reject; }}",
    "chain p {{ type filter hook prerouting priority -150; ip saddr {0}.3 meta mark set 0x7; }} "
    "chain f {{ type filter hook forward priority 0; meta mark & 0xf == 7 drop; }}",
    "chain f {{ type filter hook forward priority 0; ct status dnat accept; ip daddr {0}.0/24 fib saddr type local drop; "
    "ct direction reply accept; ct original ip daddr {1}.3 drop; }}",
    "chain n {{ type nat hook prerouting priority -110; ip daddr {0}.2 tcp dport 81 dnat ip to {0}.3:80; "
    "udp dport 5353 redirect to :53; }}",
    "chain n {{ type nat hook postrouting priority 90; ip saddr {0}.0/24 ip daddr {1}.0/24 masquerade; }}",
    "chain f {{ type filter hook forward priority 0; limit rate 1000/second counter accept; drop; }}",
    "chain r {{ type filter hook prerouting priority raw; ip saddr {0}.2 udp dport 53 notrack; }} "
    "chain f {{ type filter hook forward priority 0; ct state untracked drop; ct state invalid drop; }}",
    "chain f {{ type filter hook prerouting priority -5; fib saddr . iif oif missing drop; }}",
    "chain o {{ type filter hook output priority 0; ip daddr {0}.2 drop; ip daddr {1}.0/24 tcp dport 80 reject; }}",
)
#: Rules in the bridges' own tables.
BRIDGE_TABLES = (
    "chain f {{ type filter hook forward priority 0; ip daddr {0}.2 tcp dport 80 drop; }}",
    "chain f {{ type filter hook prerouting priority 0; ether type arp arp daddr ip {0}.3 drop; }}",
    "chain f {{ type filter hook forward priority 0; ip protocol udp drop; }}",
)
#: What stands in these for IPv4, and what for IPv6.
OTHERS = (
    (r"ip (saddr|daddr)", r"ip6 \1"), ("ipv4_addr", "ipv6_addr"), ("dnat ip to", "dnat ip6 to"),
    ("ip protocol", "meta l4proto"), ("icmp type", "icmpv6 type"),
    (r"ether type arp arp daddr ip \{0\}.3", "ip6 daddr ff02::1:ff00:3"),
    (r"\.0/24", "::/64"), (r"\.0/25", "::/65"), (r"to (\{\d\})\.(\d):", r"to [\1::\2]:"), (r"(\{\d\})\.0-", r"\1::-"),
    (r"(\{\d\})\.(\d)", r"\1::\2"),
)


def for_ipv6(text: str) -> str:
    """The same table for the other family."""
    for pattern, replacement in OTHERS:
        text = re.sub(pattern, replacement, text)
    return text


@dataclasses.dataclass(frozen=True)
class Flow:
    """Somebody who begins to talk to somebody."""

    #: A container's id, `host` or `outside`.
    origin: str
    address: str
    port: int
    protocol: str
    source_port: int
    source: str = ""
    #: The link or VRF that the socket is bound to.
    through: str = ""

    def words(self) -> list[str]:
        """For the command line."""
        common = [f"{bracketed(self.address)}:{self.port}", "--protocol", self.protocol, "--source-port", str(self.source_port)]
        if self.origin == OUTSIDE:
            return ["--in", "wire", OUTSIDER6 if ":" in self.address else OUTSIDER4, *common]
        return [self.origin, *common, *(["--source", self.source] if self.source else []),
                *(["--through", self.through] if self.through else [])]


class Scene:
    """A host with three networks, and obstacles chosen by chance."""

    def __init__(self, host: Host, ours: Implementation, chance: random.Random) -> None:
        self.host, self.chance = host, chance
        self.story: list[str] = []
        #: Of IPv4 and of IPv6.
        self.addresses: dict[str, list[str]] = {}
        self.spoofed: dict[str, list[str]] = {}
        self.published: list[int] = []
        self.agents: dict[str, Agent] = {}
        self.ports = itertools.count(20000)
        add_outside(host)
        host.must("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
                  "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
        # Networks of IPv4, and the same of IPv6.
        self.bases = [["10.1.0", "10.2.0", "10.3.0"], ["fd01", "fd02", "fd03"]]
        self.gateways = [[HOST4, "10.1.0.1", "10.2.0.1", "10.3.0.1"], [HOST6, "fd01::1", "fd02::1", "fd03::1"]]
        containers = [one for letter, *both in zip("abc", *self.bases) for one in self.join(ours, letter, *both)]
        host.settle(*containers)
        self.obstruct()
        for name in (*self.addresses, "host", OUTSIDE):
            stopped = name not in ("host", OUTSIDE) and chance.random() < 0.2
            self.agents[name] = Agent(host, name, [] if stopped else [TCP], [] if stopped else [UDP])

    def join(self, ours: Implementation, letter: str, base: str, base6: str) -> list[Container]:
        """A network, and its containers."""
        chance = self.chance
        keys: dict[str, Any] = {"isGateway": True, "isDefaultGateway": True}
        for key, likely in (("ipMasq", 0.5), ("hairpinMode", 0.4), ("macspoofchk", 0.4), ("ipspoofchk", 0.3),
                            ("portIsolation", 0.25)):
            if chance.random() < likely:
                keys[key] = True
        entries = [bridge(host_local(f"{base}.0/24", f"{base6}::/64"), **{**keys, "bridge": f"br{letter}"})]
        policy = chance.choice((None, None, "open", "same-bridge", "isolated"))
        if policy:
            backend = chance.choice(("nftables", "nftables", "iptables"))
            entries.append({"type": "firewall", "ingressPolicy": policy, "backend": backend})
        masq = chance.random() < 0.2
        backend = chance.choice(("nftables", "nftables", "iptables"))
        entries.append({"type": "portmap", "capabilities": {"portMappings": True}, "masqAll": masq, "backend": backend})
        self.story.append(f"{letter}: {keys} firewall {policy} {entries}")
        runtime = Runtime(self.host, ours, network(*entries, name=f"net{letter}"))
        containers = []
        for number in range(3):
            container = self.host.add_container(f"{letter}{number}")
            mappings = []
            if chance.random() < 0.6:
                port = 8000 + 10 * "abc".index(letter) + number
                self.published.append(port)
                mappings = [{"hostPort": port, "containerPort": TCP, "protocol": "tcp"},
                            {"hostPort": port, "containerPort": UDP, "protocol": "udp"}]
            self.host.must("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad", netns=container.netns)
            outcome = runtime.add(container, capabilities={"portMappings": mappings})
            assert outcome.ok, outcome
            self.addresses[container.id] = [entry["address"].split("/")[0] for entry in outcome.result()["ips"]]
            self.disguise(container)
            containers.append(container)
        return containers

    def disguise(self, container: Container) -> None:
        """Some use addresses that are not theirs."""
        self.host.must("ip link set lo up", netns=container.netns)
        if self.chance.random() < 0.15:
            others = [f"10.99.{len(self.spoofed)}.1", f"fd99:{len(self.spoofed)}::1"]
            self.spoofed[container.id] = others
            self.host.must(f"ip addr add {others[0]}/32 dev eth0; ip addr add {others[1]}/128 dev eth0 nodad",
                           netns=container.netns)
            self.story.append(f"{container.id} also has {others}")
        elif self.chance.random() < 0.1:
            self.host.must(f"ip link set eth0 address 02:00:00:00:0{len(self.addresses)}:01", netns=container.netns)
            self.story.append(f"{container.id} has another MAC")

    def obstruct(self) -> None:
        """Settings and tables of whoever else is on the host."""
        chance, host = self.chance, self.host
        shell = [f"echo {chance.choice((0, 1))} >/proc/sys/net/bridge/bridge-nf-call-{family}tables || true"
                 for family in ("ip", "ip6")]
        mode = chance.choice((0, 0, 1, 2))
        shell.append(f"for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo {mode} >$f; done")
        if chance.random() < 0.1:
            shell.append("echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding")
        if chance.random() < 0.2:
            shell.append(f"ip link set dev br{chance.choice('abc')} down")
        if chance.random() < 0.3:
            victim = chance.choice(sorted(self.addresses))
            host.must("ip link set eth0 down", netns=netns(victim))
            self.story.append(f"{victim}'s link is down")
        if chance.random() < 0.2:
            kind = chance.choice(("blackhole", "unreachable", "prohibit"))
            shell.append(f"ip route add {kind} 10.3.0.2; ip route add {kind} fd03::2")
        for number in range(chance.choice((0, 1, 2, 2))):
            is_ipv6 = chance.random() < 0.5
            ours, others = chance.sample(self.bases[is_ipv6], 2)
            text = chance.choice(TABLES)
            text = (for_ipv6(text) if is_ipv6 else text).format(ours, others).replace("} chain", "};\nchain")
            shell.append(f"echo 'table inet mine{number} {{\n{text}\n}}' | nft -f -")
        if chance.random() < 0.3:
            is_ipv6 = chance.random() < 0.5
            text = chance.choice(BRIDGE_TABLES)
            text = (for_ipv6(text) if is_ipv6 else text).format(chance.choice(self.bases[is_ipv6]))
            shell.append(f"echo 'table bridge mine {{\n{text}\n}}' | nft -f -")
        self.story += shell
        for line in shell:
            host.must(line)

    def flow(self) -> Flow:
        """Who talks to whom, by chance; half of them by IPv6."""
        chance = self.chance
        is_ipv6 = chance.random() < 0.5
        outsider, gateways = (OUTSIDER4, OUTSIDER6)[is_ipv6], self.gateways[is_ipv6]
        origin = chance.choice([*self.addresses, *self.addresses, "host", OUTSIDE])
        protocol = chance.choice(("tcp", "tcp", "udp"))
        port = {"tcp": TCP, "udp": UDP}[protocol]
        kind = chance.random()
        if kind < 0.65 or not self.published:
            address = self.addresses[chance.choice(sorted(self.addresses))][is_ipv6]
            port = CLOSED if chance.random() < 0.1 else port
        elif kind < 0.85:
            address = chance.choice(gateways)
            port = chance.choice(self.published)
        elif kind < 0.93:
            address = chance.choice((*gateways, ("10.1.0.77", "fd01::77")[is_ipv6]))
        else:
            address = outsider if origin != OUTSIDE else gateways[0]
        spoofed = self.spoofed.get(origin) if chance.random() < 0.5 else None
        source = spoofed[is_ipv6] if spoofed else ""
        return Flow(origin, address, port, protocol, next(self.ports), source)

    def again(self, flow: Flow) -> Flow:
        """The same as another connection, where nobody knows his neighbours."""
        self.host.must("ip neigh flush all")
        for name in self.addresses:
            self.host.must("ip neigh flush all", netns=netns(name))
        return dataclasses.replace(flow, source_port=next(self.ports))


class Agent:
    """Somebody in a namespace who listens, and tries what he is told."""

    def __init__(self, host: Host, name: str, tcp: list[int], udp: list[int]) -> None:
        self.guard = threading.Lock()
        self.waiting: dict[int, tuple[threading.Event, list[str]]] = {}
        words = ["/usr/bin/python3", "-c", AGENT, json.dumps(tcp), json.dumps(udp)]
        self.process: subprocess.Popen[str] = host.start(words, netns=netns(None if name == "host" else name))
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        """Hands results to who waits for them."""
        assert self.process.stdout
        for line in self.process.stdout:
            document = json.loads(line)
            event, found = self.waiting.pop(document["id"])
            found.append(document["result"])
            event.set()

    def attempt(self, flow: Flow, patience: float) -> str:
        """What becomes of a flow."""
        event, found = threading.Event(), list[str]()
        self.waiting[flow.source_port] = event, found
        ask = {"id": flow.source_port, "address": flow.address, "port": flow.port, "protocol": flow.protocol,
               "source": flow.source, "through": flow.through, "sourcePort": flow.source_port, "patience": patience}
        with self.guard:
            assert self.process.stdin
            self.process.stdin.write(json.dumps(ask) + "\n")
            self.process.stdin.flush()
        assert event.wait(60), "the agent does not answer"
        return found[0]
