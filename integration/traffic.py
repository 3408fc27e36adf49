# SPDX-License-Identifier: Apache-2.0
"""Servers in containers, real clients beside them, and the world outside of a host."""
from __future__ import annotations

import re
import subprocess

from host import Host

OUTSIDE = "outside"
#: The host's and the outsider's addresses on the wire between them.
HOST4, OUTSIDER4 = "192.0.2.1", "192.0.2.2"
HOST6, OUTSIDER6 = "2001:db8::1", "2001:db8::2"

#: Answers every request with the address that it came from, and which server it is; ends when its stdin does.
SERVER = """
import os, socket, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
name, kind, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6
listener = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.bind(("::", port))
def text(peer):
    return f"{name} {peer[0].removeprefix('::ffff:')}".encode()
if kind == "udp":
    print("ready", flush=True)
    while True:
        data, peer = listener.recvfrom(2048)
        listener.sendto(text(peer), peer)
listener.listen(64)
print("ready", flush=True)
while True:
    connection, peer = listener.accept()
    connection.settimeout(5)
    try:
        connection.recv(4096)
        body = text(peer)
        connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    except OSError:
        pass
    connection.close()
"""


def add_outside(host: Host) -> None:
    """A machine next to the host, with the host as its gateway to everything."""
    host.must(f"""
        ip netns add {OUTSIDE}
        echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
        ip netns exec {OUTSIDE} sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
        ip link add wire type veth peer name eth0 netns {OUTSIDE}
        ip addr add {HOST4}/24 dev wire
        ip addr add {HOST6}/64 dev wire nodad
        ip link set wire up
        ip -n {OUTSIDE} link set lo up
        ip -n {OUTSIDE} addr add {OUTSIDER4}/24 dev eth0
        ip -n {OUTSIDE} addr add {OUTSIDER6}/64 dev eth0 nodad
        ip -n {OUTSIDE} link set eth0 up
        ip -n {OUTSIDE} route add default via {HOST4}
        ip -n {OUTSIDE} -6 route add default via {HOST6}
        echo 1 >/proc/sys/net/ipv6/conf/default/accept_dad
    """)


def netns(name: str | None) -> str | None:
    """The path of a named namespace; nothing for the host's own."""
    return f"/run/netns/{name}" if name else None


def serve(host: Host, where: str | None, port: int, kind: str = "tcp", name: str = "") -> subprocess.Popen[str]:
    """A server on all addresses of a namespace; it is ended with the host."""
    process = host.start(["/usr/bin/python3", "-c", SERVER, name or where or "host", kind, str(port)],
                         netns=netns(where))
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def bracketed(address: str) -> str:
    """An address as it stands before a port."""
    return f"[{address}]" if ":" in address else address


def fetch(host: Host, where: str | None, address: str, port: int, patience: float = 2) -> str:
    """What curl gets over TCP, from inside a namespace; empty when nobody answers."""
    outcome = host.run(["curl", "-gsS", "--noproxy", "*", "-m", str(patience), f"http://{bracketed(address)}:{port}/"],
                       netns=netns(where))
    return outcome.stdout if outcome.ok else ""


def ask(host: Host, where: str | None, address: str, port: int, source_port: int = 0) -> str:
    """What nc gets back for one datagram; empty when nobody answers within a second."""
    source = ["-p", str(source_port)] if source_port else []
    words = ["nc", "-u", "-W", "1", "-w", "1", *source, address, str(port)]
    return host.run(words, stdin="hello\n", netns=netns(where)).stdout


#: The packet filter's number of a netlink socket, as strace prints it.
NETFILTER = re.compile(r"socket\(AF_NETLINK, .*NETLINK_NETFILTER\)")


def without_nf_tables(trace: str) -> list[str]:
    """The wrapper that refuses a plugin its packet filter: by the trace of the same call undisturbed.

    Twice, because musl asks once more, without flags that kernels before 2.6.27 do not know.
    """
    sockets = [line for line in trace.splitlines() if "socket(" in line]
    ordinal = next(number for number, line in enumerate(sockets, 1) if NETFILTER.search(line))
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=socket",
            "-e", f"inject=socket:error=EPROTONOSUPPORT:when={ordinal}..{ordinal + 1}"]


def ruleset(host: Host) -> str:
    """All of nf_tables, without handles and counters."""
    return host.must("nft -s list ruleset")
