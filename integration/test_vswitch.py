# SPDX-License-Identifier: Apache-2.0
"""`vswitch` and `culvert-switchd`: containers on a switch in user space."""
from __future__ import annotations

import json
import pathlib
import signal
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from host import Container, Host
from implementations import Implementation
from runtime import Runtime, host_local, network, valid_attachments
from switching import Switch, new_switch, until

pytestmark = pytest.mark.needs_culvert

#: Counts what it hears until its input ends, and says how much; of TCP and UDP with a sum.
LISTENER = """
import hashlib, socket, sys
server = socket.create_server((sys.argv[1], 7000))
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    digest, length = hashlib.sha256(), 0
    while part := connection.recv(1 << 16):
        digest.update(part)
        length += len(part)
    connection.sendall(f"{length} {digest.hexdigest()}".encode())
    connection.close()
"""
SENDER = """
import hashlib, os, socket, sys
octets = os.urandom(1 << 20) * int(sys.argv[2])
connection = socket.create_connection((sys.argv[1], 7000), 30)
connection.sendall(octets)
connection.shutdown(socket.SHUT_WR)
answer = connection.recv(200).decode()
assert answer == f"{len(octets)} {hashlib.sha256(octets).hexdigest()}", answer
"""
#: Has the kernel make every checksum before a frame leaves, and look at every one that comes (SIOCETHTOOL).
NO_OFFLOAD = """
import array, fcntl, socket, struct, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for command in (0x15, 0x17):
    value = array.array("B", struct.pack("II", command, 0))
    fcntl.ioctl(link, 0x8946, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
"""
#: Sends a frame of its own making, from its real address or another.
FORGER = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
link.send(bytes.fromhex(sys.argv[1]))
"""
#: Sends frames from five thousand addresses that it makes up.
FLOODER = """
import socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
for number in range(5000):
    link.send(bytes.fromhex("DESTINATION02%010x88b5" % number) + bytes(46))
"""


@pytest.fixture
def switch(host: Host, ours: Implementation) -> Iterator[Switch]:
    """A daemon that runs."""
    with new_switch(host, ours) as running:
        yield running


def listed(name: str = "net", subnet: str = "10.78.0.0/24", **members: Any) -> dict[str, Any]:
    """A network of type vswitch."""
    return network({"type": "vswitch", "ipam": host_local(subnet), **members}, name=name, version="1.1.0")


def attach(runtime: Runtime, *names: str) -> list[Container]:
    """New containers on a network."""
    containers = runtime.host.add_containers(names)
    for container in containers:
        runtime.add(container).result()
    return containers


def address(runtime: Runtime, container: Container, index: int = 0) -> str:
    """An address that the container was given."""
    return runtime.results[container.id, "eth0"]["ips"][index]["address"].split("/")[0]


def mac(runtime: Runtime, container: Container) -> str:
    """The container's hardware address."""
    return runtime.results[container.id, "eth0"]["interfaces"][0]["mac"]


def pings(host: Host, container: Container | None, target: str, count: int = 1) -> bool:
    """Whether a container gets an answer, asking for a while; a first frame may be in search of the other."""
    return host.run(["ping", "-n", "-q", "-c", str(count), "-i", "0.2", "-w", "20", target],
                    netns=container.netns if container else None).ok


def hears_nothing(host: Host, container: Container, target: str) -> bool:
    """Whether a container gets no answer; asked for only as long as an answer takes where there is one."""
    return not host.run(["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", target], netns=container.netns).ok


def transfer(host: Host, server: Container, where: str, client: Container, mebibytes: int = 64) -> None:
    """Sends that much over TCP, and proves that it came as it was sent."""
    process = host.start(["/usr/bin/python3", "-c", LISTENER, where], netns=server.netns)
    assert process.stdout and process.stdout.readline() == "ready\n"
    outcome = host.run(["/usr/bin/python3", "-c", SENDER, where, str(mebibytes)], netns=client.netns)
    process.kill()
    assert outcome.ok, outcome.stderr


def forge(host: Host, container: Container, frame: str) -> None:
    """Has a container send a frame."""
    host.run(["/usr/bin/python3", "-c", FORGER, frame], netns=container.netns).ok or pytest.fail("cannot send")


def test_life(host: Host, ours: Implementation, switch: Switch) -> None:
    """Containers reach each other by both families and TCP, CHECK sees, and DEL leaves nothing."""
    runtime = Runtime(host, ours, network(
        {"type": "vswitch", "switch": "vs7", "mtu": 1400, "ipam": host_local("10.78.0.0/24", "fd78::/64")},
        version="1.1.0"))
    one, two = attach(runtime, "c1", "c2")
    assert pings(host, one, address(runtime, two)) and pings(host, two, address(runtime, one, 1))
    transfer(host, one, address(runtime, one), two)
    assert runtime.check(one).ok, runtime.check(one).stdout
    ports = switch.ports()
    assert set(ports) == {"c1:eth0", "c2:eth0"} and ports["c1:eth0"]["native"] == 1
    # Whole, rather than cut by the sender's kernel: what makes the speed.
    counters = ports["c2:eth0"]["counters"]
    assert counters["receivedBytes"] / counters["receivedFrames"] > 3000, counters
    known = {(entry["mac"], entry["port"]) for entry in switch.ask("fdb")["result"]["stations"]}
    assert {(mac(runtime, one), "c1:eth0"), (mac(runtime, two), "c2:eth0")} <= known
    link = json.loads(host.must("ip -j -d link show eth0", netns=one.netns))[0]
    assert link["mtu"] == 1400 and link["linkinfo"]["info_data"]["type"] == "tap" and link["operstate"] != "DOWN"
    again = runtime.add(one).error()
    assert again["code"] == 101
    for container in (one, two):
        assert runtime.delete(container).ok and runtime.delete(container).ok
        assert host.links(container.netns)[0]["ifname"] == "lo" and len(host.links(container.netns)) == 1
    assert switch.ports() == {} and host.must("find /run/culvert/attachments -name '*.json'") == ""
    assert host.must("ls /var/lib/cni/networks/net").split() == [] or "10.78" not in host.must(
        "ls /var/lib/cni/networks/net")


def test_gateway(host: Host, ours: Implementation, switch: Switch) -> None:
    """The host has a port with the gateway's address, and what leaves through it has right checksums."""
    runtime = Runtime(host, ours, listed(isDefaultGateway=True))
    (one,) = attach(runtime, "c1")
    assert pings(host, one, "10.78.0.1")
    host.must("ip netns add outside && ip link add out0 type veth peer name eth0 netns outside"
              " && ip address add 192.0.2.1/24 dev out0 && ip link set out0 up")
    outside = Container("outside", "/run/netns/outside")
    host.must("ip address add 192.0.2.2/24 dev eth0; ip link set eth0 up; ip route add default via 192.0.2.1",
              netns=outside.netns)
    for link, netns in (("out0", None), ("eth0", outside.netns)):
        outcome = host.run(["/usr/bin/python3", "-c", NO_OFFLOAD, link], netns=netns)
        assert outcome.ok, outcome.stderr
    assert pings(host, one, "192.0.2.2")
    transfer(host, outside, "192.0.2.2", one, 8)
    # A sum that was not made is refused there, where nobody makes it up.
    counters = dict(line.split()[:2] for line in host.must("nstat -asz TcpInCsumErrors TcpInSegs",
                                                           netns=outside.netns).splitlines()[1:])
    assert counters["TcpInCsumErrors"] == "0" and int(counters["TcpInSegs"]) > 10, counters
    assert switch.ports()["vs0"]["kind"] == "gateway"
    assert runtime.check(one).ok, runtime.check(one).stdout
    host.must("ip link set vs0 down")
    assert "vs0" in runtime.check(one).error_text


def test_vlans(host: Host, ours: Implementation, switch: Switch) -> None:
    """Stations of different VLANs do not meet; a trunk meets each with its tag."""
    blue = Runtime(host, ours, listed("blue", "10.78.0.0/25", vlan=100))
    red = Runtime(host, ours, listed("red", "10.78.0.128/25", vlan=200))
    both = Runtime(host, ours, network({"type": "vswitch", "vlanTrunk": [{"id": 100}, {"minID": 200, "maxID": 201}]},
                                       name="both", version="1.1.0"))
    one, two = attach(blue, "b1", "b2")
    three, four = attach(red, "r1", "r2")
    (trunk,) = attach(both, "t1")
    for container in (one, two, three, four):
        host.must("ip address change 10.78.0.0/24 dev eth0 2>/dev/null; ip route replace 10.78.0.0/24 dev eth0",
                  netns=container.netns)
    assert pings(host, one, address(blue, two)) and pings(host, three, address(red, four))
    assert hears_nothing(host, one, address(red, three)) and hears_nothing(host, four, address(blue, two))
    for vlan, last in ((100, 77), (200, 177)):
        host.must(f"ip link add link eth0 name eth0.{vlan} type vlan id {vlan}"
                  f" && ip address add 10.78.0.{last}/32 dev eth0.{vlan} && ip link set eth0.{vlan} up",
                  netns=trunk.netns) if vlan_links(host, trunk) else None
    ports = switch.ports()
    assert ports["b1:eth0"]["native"] == 100 and ports["t1:eth0"]["tagged"] == [[100, 100], [200, 201]]
    frame = "ffffffffffff" + mac(blue, one).replace(":", "") + "88b5" + "00" * 46
    seen = switch.ask("trace", port="b1:eth0", frame=frame)["result"]
    assert seen["verdict"] == "flood" and {(out["port"], out["change"]) for out in seen["outputs"]} == {
        ("b2:eth0", ""), ("t1:eth0", "with a tag of VLAN 100")}, seen
    heard = capture(switch, "t1:eth0", lambda: forge(host, one, frame))
    assert any(octets[12:18] == bytes.fromhex("88b5") + b"\0" * 4 for octets in heard), heard
    tagged = "ffffffffffff" + "02000000aa01" + "810000c8" + "88b5" + "00" * 46
    assert deliveries(switch, "t1:eth0", tagged) == {("r1:eth0", "without its tag"), ("r2:eth0", "without its tag")}
    if vlan_links(host, trunk):
        host.must("ip route replace 10.78.0.0/25 dev eth0.100; ip route replace 10.78.0.128/25 dev eth0.200",
                  netns=trunk.netns)
        assert pings(host, trunk, address(blue, one)) and pings(host, trunk, address(red, three))


def vlan_links(host: Host, container: Container) -> bool:
    """Whether this kernel makes links of kind vlan."""
    if not host.run(["ip", "link", "add", "link", "eth0", "name", "probe", "type", "vlan", "id", "9"],
                    netns=container.netns).ok:
        return False
    host.must("ip link del probe", netns=container.netns)
    return True


def deliveries(switch: Switch, port: str, frame: str) -> set[tuple[str, str]]:
    """Where a frame would go, and how it would look there."""
    return {(out["port"], out["change"]) for out in switch.ask("trace", port=port, frame=frame)["result"]["outputs"]}


def capture(switch: Switch, port: str, happening: Any) -> list[bytes]:
    """What comes and goes at a port while something happens there, up to the first frame of type 88b5."""
    with switch.connect() as connection, connection.makefile("rb") as file:
        connection.sendall(json.dumps({"culvertSwitch": 1, "verb": "copies", "port": port}).encode() + b"\n")
        assert json.loads(file.readline())["result"] == {"format": "pcap"}
        magic, _, _, _, _, link = struct.unpack("<IIIIII", file.read(24))
        assert (magic, link) == (0xA1B23C4D, 1)
        happening()
        frames: list[bytes] = []
        while not frames or b"\x88\xb5" not in frames[-1][12:18]:
            _, _, length, whole = struct.unpack("<IIII", file.read(16))
            assert length == whole
            frames.append(file.read(length))
    until(lambda: not any(view["kind"] == "copies" for view in switch.ports().values()), "nobody looks on")
    return frames


def test_isolation_and_sources(host: Host, ours: Implementation, switch: Switch) -> None:
    """Isolated containers meet only the others, and a forged source goes nowhere."""
    apart = Runtime(host, ours, listed("apart", "10.78.0.0/25", portIsolation=True, macspoofchk=True, ipspoofchk=True,
                                       isGateway=True))
    one, two = attach(apart, "c1", "c2")
    assert pings(host, one, "10.78.0.1") and pings(host, two, "10.78.0.1")
    assert hears_nothing(host, one, address(apart, two))
    assert set(switch.ports()["c1:eth0"]["flags"]) == {"isolated", "macspoofchk", "ipspoofchk"}
    forge(host, one, "ffffffffffff" + "02000000bb01" + "88b5" + "00" * 46)
    until(lambda: switch.dropped(one, "sourceNotAllowed") == 1, "the forged frame is dropped")
    host.must("ip address add 10.78.0.99/25 dev eth0", netns=one.netns)
    assert not host.run(["ping", "-n", "-q", "-c", "1", "-W", "1", "-I", "10.78.0.99", "10.78.0.1"],
                        netns=one.netns).ok
    assert switch.dropped(one, "addressNotAllowed") > 0
    assert apart.check(two).ok, apart.check(two).stdout


def test_uplink(host: Host, ours: Implementation, switch: Switch) -> None:
    """A link of the host is a port as well, with and without tags, and what leaves through it has right checksums."""
    host.must("ip netns add far && ip link add eth1 type veth peer name eth0 netns far && ip link set eth1 up")
    far = Container("far", "/run/netns/far")
    host.must("ip link set lo up; ip link set eth0 up; ip address add 10.78.0.200/24 dev eth0", netns=far.netns)
    for link, netns in (("eth1", None), ("eth0", far.netns)):
        assert host.run(["/usr/bin/python3", "-c", NO_OFFLOAD, link], netns=netns).ok
    runtime = Runtime(host, ours, listed(uplink="eth1"))
    one, two = attach(runtime, "c1", "c2")
    assert switch.ports()["eth1"]["kind"] == "uplink"
    assert pings(host, one, "10.78.0.200") and pings(host, one, address(runtime, two))
    transfer(host, far, "10.78.0.200", one, 8)
    transfer(host, two, address(runtime, two), far, 8)
    counters = dict(line.split()[:2] for line in host.must("nstat -asz TcpInCsumErrors", netns=far.netns).splitlines()[1:])
    assert counters["TcpInCsumErrors"] == "0", counters
    tagged = Runtime(host, ours, listed("tagged", "10.79.0.0/24", vlan=100))
    (three,) = attach(tagged, "c3")
    if vlan_links(host, far):
        host.must("ip link add link eth0 name eth0.100 type vlan id 100 && ip address add 10.79.0.200/24 dev eth0.100"
                  " && ip link set eth0.100 up", netns=far.netns)
        assert pings(host, three, "10.79.0.200")
        transfer(host, three, address(tagged, three), far, 8)
    frame = "ffffffffffff" + "02000000cc01" + "81000064" + "88b5" + "00" * 46
    assert deliveries(switch, "eth1", frame) == {("c3:eth0", "without its tag")}
    switch.stop(signal.SIGKILL)
    switch.start()
    assert pings(host, one, "10.78.0.200")
    host.must("ip link del eth1")
    until(lambda: "eth1" not in switch.ports(), "the port of a link that is gone is closed")
    assert pings(host, one, address(runtime, two))


def test_uplink_frames(host: Host, ours: Implementation, switch: Switch) -> None:
    """Frames of an uplink come whole and in their order, however long they are, and their tags with them."""
    host.must("ip netns add far && ip link add eth1 type veth peer name eth0 netns far && ip link set eth1 up")
    far = Container("far", "/run/netns/far")
    host.must("ip link set lo up; ip link set eth0 up; ip address add 10.78.0.200/24 dev eth0", netns=far.netns)
    runtime = Runtime(host, ours, listed(uplink="eth1"))
    (one,) = attach(runtime, "c1")
    tagged = Runtime(host, ours, listed("tagged", "10.79.0.0/24", vlan=100, uplink="eth1"))
    (two,) = attach(tagged, "c2")

    def received() -> tuple[int, int]:
        counters = switch.ports()["eth1"]["counters"]
        return counters["receivedFrames"], counters["receivedBytes"]

    # Often enough for every place of the ring to be used again.
    before = received()
    assert host.run(["ping", "-f", "-n", "-q", "-c", "2100", address(runtime, one)], netns=far.netns).ok
    assert received()[0] - before[0] >= 2048
    # Segments that are still to be cut have no place there.
    before = received()
    transfer(host, one, address(runtime, one), far, 32)
    frames, octets = (after - earlier for after, earlier in zip(received(), before))
    assert octets >= 32 << 20 and octets / frames > 2048, (frames, octets)
    transfer(host, far, "10.78.0.200", one, 32)
    begin = mac(tagged, two).replace(":", "") + "02000000cc01"
    for filling in ("00" * 46, "ab" * 1486):
        frame = begin + "81000064" + "88b5" + filling
        # Copies show it as it came; at the container's port it is by its tag.
        for port in ("eth1", "c2:eth0"):
            assert capture(switch, port, lambda: forge(host, far, frame))[-1] == bytes.fromhex(frame)
    assert pings(host, one, "10.78.0.200")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_restart(host: Host, ours: Implementation, switch: Switch, how: signal.Signals) -> None:
    """A daemon that begins anew has every port, as it was, and a transfer goes on."""
    runtime = Runtime(host, ours, listed(isGateway=True, macspoofchk=True, ipspoofchk=True, vlan=7))
    one, two = attach(runtime, "c1", "c2")
    assert pings(host, one, address(runtime, two))
    before = {name: (port["native"], port["flags"], port["kind"]) for name, port in switch.ports().items()}
    server = host.start(["/usr/bin/python3", "-c", LISTENER, address(runtime, one)], netns=one.netns)
    assert server.stdout and server.stdout.readline() == "ready\n"
    sender = subprocess.Popen(
        [*host.enter(two.netns), "/usr/bin/python3", "-c", SENDER, address(runtime, one), "256"],
        stderr=subprocess.PIPE, text=True)
    moved = switch.ports()["c2:eth0"]["counters"]["receivedBytes"]
    until(lambda: switch.ports()["c2:eth0"]["counters"]["receivedBytes"] > moved + (8 << 20), "the transfer goes on")
    switch.stop(how)
    refused = runtime.add(host.add_container("c3")).error()
    assert refused["code"] == 11 and "culvert-switchd" in refused["msg"] and "/run/culvert/switchd.sock" in refused["msg"]
    assert host.links("/run/netns/c3")[0]["ifname"] == "lo" and len(host.links("/run/netns/c3")) == 1
    assert runtime.status().error()["code"] == 51
    assert "culvert-switchd" in runtime.check(one).error_text or "switch" in runtime.check(one).error_text
    switch.start()
    # Also where the kernel gives back what a dead one had only some time after its end.
    after = {name: (port["native"], port["flags"], port["kind"]) for name, port in switch.ports().items()}
    assert after == before and switch.ask("show")["result"]["lost"] == []
    _, errors = sender.communicate(timeout=120)
    server.kill()
    assert sender.returncode == 0, errors
    assert runtime.status().ok and runtime.check(one).ok


def test_ends_without_the_daemon(host: Host, ours: Implementation, switch: Switch) -> None:
    """DEL needs no daemon; a daemon sees that links and namespaces are gone; GC removes what nobody claims."""
    runtime = Runtime(host, ours, listed())
    one, two, three, four = attach(runtime, "c1", "c2", "c3", "c4")
    host.must("ip link del eth0", netns=one.netns)
    until(lambda: "c1:eth0" not in switch.ports(), "the port of a link that is gone is closed")
    host.remove_container(two)
    until(lambda: "c2:eth0" not in switch.ports(), "the port of a container that is gone is closed")
    assert set(switch.ports()) == {"c3:eth0", "c4:eth0"}
    switch.stop()
    for container in (one, two, three):
        assert runtime.delete(container).ok
    assert len(host.links(three.netns)) == 1
    switch.start()
    assert set(switch.ports()) == {"c4:eth0"}
    assert runtime.sweep(valid_attachments()).ok
    until(lambda: switch.ports() == {}, "GC closes the port")
    assert len(host.links(four.netns)) == 1 and runtime.delete(four).ok


def test_garbage(host: Host, ours: Implementation, switch: Switch) -> None:
    """Whoever says nonsense is refused or cut off, and nobody else is harmed."""
    runtime = Runtime(host, ours, listed())
    one, two = attach(runtime, "c1", "c2")
    for line, code in ((b"\n", 6), (b"{}\n", 6), (b"[" * 5000 + b"\n", 6), (b"\xff\xfe\n", 6),
                       (b'{"culvertSwitch":2,"verb":"status"}\n', 6), (b'{"culvertSwitch":1,"verb":"dance"}\n', 6),
                       (b'{"culvertSwitch":1,"verb":"trace","port":"c1:eth0","frame":"0"}\n', 6),
                       (b'{"culvertSwitch":1,"verb":"trace","port":"nobody","frame":"00"}\n', 3),
                       (b'{"culvertSwitch":1,"verb":"show","switch":"nowhere"}\n', 3),
                       (b'{"culvertSwitch":1,"verb":"detach","network":"..","containerID":"a","ifname":"b"}\n', 6),
                       (b'{"culvertSwitch":1,"verb":"attach","order":{"network":"n","containerID":"c","ifname":"e",'
                        b'"netns":"/proc/self/ns/net"}}\n', 7)):
        assert json.loads(switch.say(line))["error"]["code"] == code, line
    assert switch.ask("trace", port="c1:eth0", frame="0011")["result"]["reason"] == "truncated"
    endless = switch.connect()
    with pytest.raises(OSError):
        while True:
            endless.sendall(b"x" * (1 << 16))
    idle = [switch.connect() for _ in range(64)]
    assert pings(host, one, address(runtime, two)) and runtime.check(one).ok
    for connection in (endless, *idle):
        connection.close()
    stranger = host.run(["setpriv", "--reuid", "4242", "--clear-groups", "/usr/bin/python3", "-c",
                         "import socket; socket.socket(socket.AF_UNIX).connect('/run/culvert/switchd.sock')"])
    assert not stranger.ok and "PermissionError" in stranger.stderr


def test_mirror(host: Host, ours: Implementation, switch: Switch) -> None:
    """What one container sends and gets, another one hears, until that is ended."""
    runtime = Runtime(host, ours, listed())
    one, two, three = attach(runtime, "c1", "c2", "c3")
    assert pings(host, one, address(runtime, two))
    assert switch.ask("mirror", port="c1:eth0", to="c3:eth0") == {"result": None}
    assert switch.ask("mirror", port="c1:eth0", to="c2")["error"]["code"] == 11
    assert pings(host, one, address(runtime, two), 3)
    copies = switch.ports()["c3:eth0"]["counters"]["mirroredFrames"]
    assert copies >= 6 and switch.ports()["c1:eth0"]["mirror"] == "c3:eth0"
    assert switch.ask("mirror", port="c1:eth0") == {"result": None}
    copies = switch.ports()["c3:eth0"]["counters"]["mirroredFrames"]
    assert pings(host, one, address(runtime, two), 3)
    assert switch.ports()["c3:eth0"]["counters"]["mirroredFrames"] == copies
    text = switch.ask("metrics")["result"]["text"]
    labels = 'daemon="/run/culvert/switchd.sock",switch="vs0",port="c3:eth0",network="net"'
    assert f'culvert_switch_port_mirrored_frames_total{{{labels}}} {copies}' in text
    assert text.endswith("# EOF\n")


def test_many_ports(host: Host, ours: Implementation, switch: Switch) -> None:
    """A hundred containers, each of which reaches the last; memory is no more than for a few, and comes back."""
    def resident() -> int:
        assert switch.process is not None
        return int(pathlib.Path(f"/proc/{switch.process.pid}/statm").read_text().split()[1]) * 4

    runtime = Runtime(host, ours, listed())
    attach(runtime, "first", "second")
    few = resident()
    containers = attach(runtime, *(f"c{number}" for number in range(98)))
    assert len(switch.ports()) == 100
    target = address(runtime, containers[-1])
    script = "".join(f"nsenter --net={container.netns} ping -n -q -c 1 -W 5 {target} >/dev/null || echo {container.id}\n"
                     for container in containers[:-1])
    assert host.must(script) == ""

    def behind_flooder() -> int:
        flooder = FLOODER.replace("DESTINATION", mac(runtime, containers[1]).replace(":", ""))
        assert host.run(["/usr/bin/python3", "-c", flooder], netns=containers[0].netns).ok
        stations = switch.ask("fdb")["result"]["stations"]
        return sum(entry["port"] == "c0:eth0" for entry in stations)

    # What finds no room on its way is not heard at all, so it may take more than once; more than that are never known.
    until(lambda: behind_flooder() == 1024, "as many stations are known as may be behind one container")
    assert behind_flooder() == 1024
    assert pings(host, containers[1], target)
    assert resident() - few < 16 << 10, (few, resident())
    for container in containers[:50]:
        host.remove_container(container)
    until(lambda: len(switch.ports()) == 50, "ports of dead containers are closed")


def test_refused_input(host: Host, ours: Implementation, switch: Switch) -> None:
    """What makes no sense is refused before anything is made."""
    container = host.add_container("c1")
    for members, words in (({"switch": "a/b"}, "switch"), ({"vlan": 4095}, "vlan"), ({"vlanTrunk": [{}]}, "vlanTrunk"),
                           ({"switch": "a-long-switch", "vlan": 4000, "isGateway": True}, "switch"),
                           ({"uplink": "a b"}, "uplink"), ({"mtu": 10}, "mtu")):
        error = Runtime(host, ours, listed(**members)).add(container).error()
        assert error["code"] == 6 and words in str(error), error
    missing = Runtime(host, ours, listed(uplink="nowhere0")).add(container).error()
    assert "nowhere0" in str(missing), missing
    assert len(host.links(container.netns)) == 1 and switch.ports() == {}
