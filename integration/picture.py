# SPDX-License-Identifier: Apache-2.0
"""picture.py FILE - draws the picture of docs/graph.md: a host in namespaces of its own, as `culvert graph` sees it."""
from __future__ import annotations

import pathlib
import sys

import implementations
from host import new_host
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network


def draw(file: pathlib.Path, ours: implementations.Implementation) -> None:
    """Builds the host, and looks at it."""
    lan = network(bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True), name="lan", version="1.1.0")
    wire = network({"type": "ptp", "ipam": host_local("10.78.0.0/24")}, name="wire", version="1.1.0")
    street = network({"type": "macvlan", "master": "eth0", "ipam": host_local("192.0.2.0/24")}, name="street",
                     version="1.1.0")
    with new_host() as host:
        host.must("ip link add eth0 type veth peer name far; ip netns add outside; ip link set far netns outside;"
                  "ip address add 192.0.2.10/24 dev eth0; ip link set eth0 up; ip -n outside link set far up")
        tool = Operator(host, ours, lan, wire, street)
        for name in ("web", "db"):
            connected(Runtime(host, ours, lan), name)
        connected(Runtime(host, ours, wire), "direct")
        connected(Runtime(host, ours, street), "phone")
        host.must("ip netns add other; ip link add stray type veth peer name e0; ip link set e0 netns other;"
                  "ip link set stray master cni0 up; ip -n other link set e0 up")
        host.must(f"ip link set {tool.attachments()['db:eth0']['hostInterface']['name']} down")
        ping = host.start(["ping", "-q", "-i", "0.002", "-s", "972", "10.77.0.1"], netns="/run/netns/web")
        try:
            file.write_text(tool.must("graph", "--format", "svg", "--rates", "1"))
        finally:
            ping.terminate()


def main() -> None:
    """Takes the one argument."""
    ours = implementations.install()
    try:
        draw(pathlib.Path(sys.argv[1]), ours)
    finally:
        implementations.uninstall(ours)


if __name__ == "__main__":
    main()
