# SPDX-License-Identifier: Apache-2.0
"""`tap`: an interface whose other end is a process."""
from __future__ import annotations

import pytest

from faults import refusals, thinned, try_all
from host import Host, new_host
from implementations import Implementation
from interfaces import DUAL, ROUTES, Bad, InterfaceBench, Story, assert_refused, interface, routes
from runtime import Runtime, host_local, network
from test_killed import killed_add, killed_delete, refused_add, refused_delete

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "tap", "ipam": DUAL}
NETWORK = network(ENTRY, version="1.1.0")
ATTEMPTS = {("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
            ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete}
#: Attaches to the tap without a privilege, and is a station that answers ARP and nothing else.
STATION = """
import fcntl, os, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"eth0", 0x0002 | 0x1000 | 0x4000))
print("ready", flush=True)
while True:
    frame = os.read(tun, 4096)
    header, frame = frame[:10], frame[10:]
    if frame[12:14] == b"\\x08\\x06" and frame[20:22] == b"\\x00\\x01":
        mac, sender, wanted = b"\\x02\\0\\0\\0\\0\\x99", frame[22:32], frame[38:42]
        os.write(tun, bytes(10) + frame[6:12] + mac + frame[12:20] + b"\\x00\\x02" + mac + wanted + sender)
"""


def test_life(host: Host, ours: Implementation) -> None:
    """Settings reach the kernel, CHECK sees, and every way to end it ends it."""
    entry = {**ENTRY, "mtu": 1400, "mac": "02:00:00:00:00:07", "owner": 4242, "group": 4343,
             "ipam": {**DUAL, "routes": ROUTES}}
    story = Story(host, ours, entry, "tun")
    result = story.attach()
    assert result["interfaces"][0]["mac"] == "02:00:00:00:00:07"
    data = interface(host, story.container)["linkinfo"]["info_data"]
    assert data["type"] == "tap" and data["vnet_hdr"] and data["persist"] and not data["multi_queue"]
    assert (str(data["user"]), str(data["group"])) == ("4242", "4343")
    assert {"mtu": 1300, "advmss": 1200} in routes(host, story.container)["192.0.2.0/24"]["metrics"]
    story.assert_check_sees()
    story.assert_every_way_out()
    story.assert_refused_addresses_take_the_link_back()


def test_owner_uses_it(host: Host, ours: Implementation) -> None:
    """The user who owns it attaches to it without any privilege, and is a neighbour of the container."""
    runtime = Runtime(host, ours, network({"type": "tap", "owner": 4242, "ipam": host_local("10.77.0.0/24")},
                                          version="1.1.0"))
    container = host.add_container("c1")
    runtime.add(container).result()
    host.must("mkdir -p /run/dev && mknod /run/dev/tun c 10 200 && chmod 666 /run/dev/tun"
              " && mount --bind /run/dev/tun /dev/net/tun")
    station = host.start(["setpriv", "--reuid", "4242", "--clear-groups", "/usr/bin/python3", "-c", STATION],
                         netns=container.netns)
    assert station.stdout and station.stdout.readline() == "ready\n"
    host.run(["ping", "-n", "-q", "-c", "1", "-W", "1", "10.77.0.99"], netns=container.netns)
    assert "02:00:00:00:00:99" in host.must("ip neigh show 10.77.0.99", netns=container.netns)
    assert runtime.check(container).ok
    assert runtime.delete(container).ok
    station.kill()


def test_bridge_and_queues(host: Host, ours: Implementation) -> None:
    """`bridge` is one of the container, and with `multiQueue` several processes may attach; without ipam none has one."""
    container = host.add_container("c1")
    runtime = Runtime(host, ours, network({"type": "tap", "bridge": "br0", "multiQueue": True}, version="1.1.0"))
    assert "br0" in runtime.add(container).error()["msg"]
    host.must("ip link add br0 type bridge", netns=container.netns)
    result = runtime.add(container).result()
    assert "ips" not in result
    link = interface(host, container)
    assert link["master"] == "br0" and link["linkinfo"]["info_data"]["multi_queue"] and "UP" in link["flags"]
    assert runtime.check(container).ok and runtime.delete(container).ok


def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    assert_refused(host, ours, ENTRY, [
        Bad({"mtu": 10}, 6, ("mtu", "68 to 65535")),
        Bad({"owner": "root"}, 6, ("owner",)),
        Bad({"bridge": "br7"}, 7, ("bridge", "br7", "in the container")),
        Bad({"bridge": "lo"}, 7, ("bridge", "lo")),
        Bad({"mac": "01:00:00:00:00:01"}, 7, ("single station",)),
        Bad({"selinuxContext": "no:such:label"}, 2, ("SELinux",)),
        Bad({}, 2, ("CONFIG_TUN",), prepare="mount -t tmpfs tmpfs /dev/net"),
    ])


def test_status_without_the_device(host: Host, ours: Implementation) -> None:
    """STATUS says what is missing."""
    runtime = Runtime(host, ours, NETWORK)
    assert runtime.status().ok
    host.must("mount -t tmpfs tmpfs /dev/net")
    status = runtime.status().error()
    assert status["code"] == 50 and "CONFIG_TUN" in status["details"], status


@pytest.mark.parametrize("verb, fate", ATTEMPTS)
def test_killed_and_refused(verb: str, fate: str, ours: Implementation) -> None:
    """Killed anywhere, one DEL leaves nothing; refused anywhere, ADD takes everything back."""
    with new_host() as host:
        bench = InterfaceBench(host, ours, NETWORK)
        if verb == "DEL":
            bench.add().result()
        points = bench.trace(bench.add if verb == "ADD" else bench.delete)
    chosen = thinned(points if fate == "killed" else refusals(points))
    assert chosen
    trouble = try_all(chosen, ours, NETWORK, ATTEMPTS[verb, fate], InterfaceBench)
    assert trouble == [], "\n".join(trouble[:20])
