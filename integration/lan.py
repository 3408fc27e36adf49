# SPDX-License-Identifier: Apache-2.0
"""A link with DHCP servers on it, and the daemon that asks them."""
from __future__ import annotations

import contextlib
import json
import pathlib
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from host import PATIENCE_SECONDS, Container, Host, Outcome, new_host, until
from implementations import Implementation
from runtime import Network, Runtime, bridge, network

SOCKET = "/run/cni/dhcp.sock"
SERVER = "server"
LOG = "/run/daemon.log"

#: One line for each lease that dhcpd gives, with what the client said of itself.
DHCPD = """
authoritative; ping-check false; default-lease-time {seconds}; max-lease-time {seconds}; min-lease-time {seconds};
on commit {{ log(info, concat("COMMITTED ", binary-to-ascii(10, 8, ".", leased-address),
    " host=", pick-first-value(option host-name, "-"),
    " vendor=", pick-first-value(option vendor-class-identifier, "-"),
    " id=", substring(pick-first-value(option dhcp-client-identifier, "--"), 1, 200))); }}
option routers {prefix}.1;
option domain-name "lan.example";
{options}
subnet {prefix}.0 netmask 255.255.255.0 {{ range {prefix}.{first} {prefix}.{last}; }}
"""

DHCPD6 = """
authoritative; default-lease-time {seconds}; preferred-lifetime {seconds};
option dhcp-renewal-time {renewal}; option dhcp-rebinding-time {rebinding};
option dhcp6.name-servers fd99::1; option dhcp6.domain-search "lan.example";
subnet6 fd99::/64 {{ range6 fd99::100 fd99::1ff; }}
"""


class Lan:
    """A host with a bridge, and a namespace on the bridge for servers."""

    def __init__(self, host: Host, implementation: Implementation, prefix: str = "10.99.0") -> None:
        self.host = host
        self.implementation = implementation
        self.prefix = prefix
        self.processes: list[subprocess.Popen[str]] = []
        self.daemon: subprocess.Popen[str] | None = None
        self.servers = 0
        host.must(f"""
            echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
            ip link add cni0 type bridge
            ip link set cni0 up
            ip netns add {SERVER}
            ip link add port type veth peer name eth0 netns {SERVER}
            ip link set port master cni0 up
            ip -n {SERVER} link set lo up
            ip -n {SERVER} addr add {prefix}.1/24 dev eth0
            ip -n {SERVER} link set eth0 up
            mkdir -p /run/server
        """)

    def start(self, command: Sequence[str], log: str, netns: str | None = None,
              **options: Any) -> subprocess.Popen[str]:
        """Starts a program that does not end by itself, with its messages in a file."""
        process = self.host.start(
            ["sh", "-c", f'exec "$@" >>{log} 2>&1', "sh", *command], netns=netns, **options)
        # It is ended here: the host would wait for it.
        self.host.sleepers.remove(process)
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
        """Ends a program that was started."""
        process.send_signal(how)
        process.wait(timeout=PATIENCE_SECONDS)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self.processes.remove(process)

    def close(self) -> None:
        """Ends everything that was started."""
        for process in list(self.processes):
            self.stop(process, signal.SIGKILL)

    def log(self, path: str = LOG) -> str:
        """What a program has said so far."""
        file = self.host.path(path)
        return file.read_text(errors="replace") if file.exists() else ""

    def start_daemon(self, *flags: str, command: Sequence[str] | None = None) -> None:
        """Starts the daemon, and waits until it answers."""
        usual = [self.implementation.executable("dhcp"), "daemon", *flags]
        self.daemon = self.start(command or usual, LOG)
        until(lambda: self.host.path(SOCKET).is_socket() and self.ask({"verb": "status"}), "the daemon answers")

    def stop_daemon(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the daemon."""
        assert self.daemon
        self.stop(self.daemon, how)
        self.daemon = None

    def dhcpd(self, seconds: int = 8, *, first: int = 10, last: int = 99, options: str = "",
              prefix: str | None = None) -> subprocess.Popen[str]:
        """ISC's server, whose leases may be short; with a new memory each time."""
        self.servers += 1
        file = f"/run/server/dhcpd{self.servers}"
        text = DHCPD.format(seconds=seconds, prefix=prefix or self.prefix, first=first, last=last, options=options)
        self.host.path(f"{file}.conf").write_text(text)
        self.host.path(f"{file}.leases").write_text("")
        process = self.start(
            ["dhcpd", "-4", "-f", "-d", "-cf", f"{file}.conf", "-lf", f"{file}.leases", "-pf", f"{file}.pid", "eth0"],
            "/run/server.log", f"/run/netns/{SERVER}")
        until(lambda: self.log("/run/server.log").count("Server starting service") >= self.servers
              or process.poll() is not None, "dhcpd serves")
        assert process.poll() is None, self.log("/run/server.log")
        return process

    def dhcpd6(self, seconds: int = 12, renewal: int = 2, rebinding: int = 5) -> subprocess.Popen[str]:
        """ISC's server for DHCPv6."""
        self.servers += 1
        file = f"/run/server/dhcpd{self.servers}"
        self.host.run(["ip", "-n", SERVER, "addr", "add", "fd99::1/64", "dev", "eth0", "nodad"])
        until(lambda: "tentative" not in self.host.must(f"ip -n {SERVER} -6 addr"), "the server has addresses")
        self.host.path(f"{file}.conf").write_text(
            DHCPD6.format(seconds=seconds, renewal=renewal, rebinding=rebinding))
        self.host.path(f"{file}.leases").write_text("")
        process = self.start(
            ["dhcpd", "-6", "-f", "-d", "-cf", f"{file}.conf", "-lf", f"{file}.leases", "-pf", f"{file}.pid", "eth0"],
            "/run/server.log", f"/run/netns/{SERVER}")
        until(lambda: self.log("/run/server.log").count("Server starting service") >= self.servers
              or process.poll() is not None, "dhcpd serves IPv6")
        assert process.poll() is None, self.log("/run/server.log")
        return process

    def dnsmasq(self, *options: str) -> subprocess.Popen[str]:
        """dnsmasq, which has most kinds of options; its leases last two minutes at least."""
        self.servers += 1
        file = f"/run/server/dnsmasq{self.servers}"
        process = self.start(
            ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces",
             "--no-ping", "--log-dhcp", f"--dhcp-leasefile={file}.leases", f"--pid-file={file}.pid", "--user=root",
             f"--dhcp-range={self.prefix}.10,{self.prefix}.99,120", *options],
            "/run/server.log", f"/run/netns/{SERVER}")
        until(lambda: "started, version" in self.log("/run/server.log") or process.poll() is not None, "dnsmasq")
        assert process.poll() is None, self.log("/run/server.log")
        return process

    def advertise(self, prefix: str = "fd99::") -> subprocess.Popen[str]:
        """A router that advertises a prefix, and nothing else."""
        # Who does not forward says so in its neighbour advertisements, and is no default router from then on.
        self.host.must(f"""
            ip -n {SERVER} addr add {prefix}1/64 dev eth0 nodad
            ip netns exec {SERVER} sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
        """)
        return self.start(
            ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces",
             "--user=root", "--enable-ra", f"--dhcp-range={prefix},ra-only,64,600", "--ra-param=eth0,4,600",
             "--pid-file=/run/server/router.pid"],
            "/run/router.log", f"/run/netns/{SERVER}")

    def network(self, name: str = "lan", version: str = "1.1.0", bridge_keys: dict[str, Any] | None = None,
                **ipam: Any) -> Runtime:
        """A network on the bridge whose addresses come by DHCP."""
        listed: Network = network(bridge({"type": "dhcp", **ipam}, **(bridge_keys or {})), name=name, version=version)
        return Runtime(self.host, self.implementation, listed)

    def ask(self, question: dict[str, Any] | bytes, seconds: float = 20.0) -> Any:
        """What the daemon answers to one line; nothing when it does not."""
        path = self.host.path(SOCKET)
        line = question if isinstance(question, bytes) else json.dumps({"culvertDHCP": 1, **question}).encode() + b"\n"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            try:
                connection.connect(str(path))
                connection.sendall(line)
                answer = b""
                while piece := connection.recv(65536):
                    answer += piece
            except OSError:
                return None
        return json.loads(answer) if answer else None

    def leases(self) -> dict[str, dict[str, Any]]:
        """What the daemon keeps, by container."""
        answer = self.ask({"verb": "list"})
        return {row["containerID"]: row for row in answer["result"]["leases"]} if answer else {}

    def remembered(self) -> list[pathlib.Path]:
        """The files of leases."""
        return sorted(self.host.path("/run/culvert/dhcp").glob("*"))

    def states(self) -> dict[str, str]:
        """How far each lease is, by address."""
        answer = self.ask({"verb": "list"})
        return {row["address"]: row["state"] for row in answer["result"]["leases"]} if answer else {}

    def addresses(self, container: Container) -> list[str]:
        """The IPv4 addresses of a container's interface."""
        outcome = self.host.run(["ip", "-4", "-j", "addr", "show", "dev", "eth0"], netns=container.netns)
        found = json.loads(outcome.stdout) if outcome.ok and outcome.stdout.strip() else []
        return [f"{a['local']}/{a['prefixlen']}" for link in found for a in link.get("addr_info", [])]

    def is_up(self, container: Container) -> bool:
        """Whether a container's interface is up."""
        return any("UP" in link["flags"] for link in self.host.links(container.netns) if link["ifname"] == "eth0")

    def reaches_server(self, container: Container) -> bool:
        """Whether the server answers a container."""
        ping: Outcome = self.host.run(["ping", "-n", "-q", "-c", "1", "-w", "5", f"{self.prefix}.1"],
                                      netns=container.netns)
        return ping.ok


@contextlib.contextmanager
def new_lan(implementation: Implementation) -> Iterator[Lan]:
    """A link for one `with` block."""
    with new_host() as host:
        lan = Lan(host, implementation)
        try:
            yield lan
        finally:
            lan.close()
