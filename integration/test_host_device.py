# SPDX-License-Identifier: Apache-2.0
"""`host-device`: a link of the host that goes into a container, and comes back as it was."""
from __future__ import annotations

import json
import platform
from collections.abc import Callable
from typing import Any

import pytest

from faults import refusals, thinned, try_all
from host import Container, Host, new_host
from implementations import Implementation
from interfaces import (
    DUAL, NEIGHBOURS, ROUTES, WIRE, Bad, InterfaceBench, Story, assert_refused, interface, lan, reaches, records, routes,
)
from kernel_state import lease_files, link_names
from lan import new_lan, until
from runtime import Runtime, bridge, host_local, network, valid_attachments
from test_killed import killed_add, killed_delete, refused_add, refused_delete

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "host-device", "device": WIRE, "ipam": DUAL}
NETWORK = network(ENTRY, version="1.1.0")
#: What an administrator has made of the wire.
HABITS = f"ip link set {WIRE} down; ip link set {WIRE} alias 'to the neighbour' mtu 1400 address 02:00:00:00:00:11"
PCI, SECOND_PCI, PART = "0000:03:00.1", "0000:04:00.0", "mlx5_core.sf.4"
#: Devices on buses of which this machine has none: what sysfs would say of them, for this host alone.
SYSFS = f"""
    mount -t tmpfs tmpfs /sys/devices
    mount -t tmpfs tmpfs /sys/bus
    card=/sys/devices/pci0000:00
    mkdir -p $card/{PCI} $card/{SECOND_PCI} $card/{PCI}/{PART} /sys/bus/pci/devices /sys/bus/auxiliary/devices
    ln -s $card/{PCI} $card/{SECOND_PCI} /sys/bus/pci/devices
    ln -s $card/{PCI}/{PART} /sys/bus/auxiliary/devices
    for driver in mlx5_core vfio-pci uio_pci_generic igb_uio; do mkdir -p /sys/bus/pci/drivers/$driver; done
"""
#: Other devices than an end of a pair in its place.
MADE = {
    "veth": "true",
    "tun": f"ip link del {WIRE}; ip tuntap add {WIRE} mode tap",
    "macvlan": f"ip link set {WIRE} down name m0; ip link set m0 up; ip link add {WIRE} link m0 type macvlan",
    "dummy": f"ip link del {WIRE}; ip link add {WIRE} type dummy",
}
NEEDS_DUMMIES = pytest.mark.needs_links("dummy")
#: Attempts by verb and fate.
ATTEMPTS = {("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
            ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete}


def bind(driver: str, address: str = PCI) -> str:
    """A shell line that gives a PCI device a driver."""
    return (f"ln -sfn /sys/bus/pci/drivers/{driver} /sys/devices/pci0000:00/{address}/driver; "
            f"ln -s /sys/devices/pci0000:00/{address} /sys/bus/pci/drivers/{driver}/{address}")


def device(host: Host, name: str = WIRE, netns: str | None = None) -> dict[str, Any]:
    """What has to be as before when a device is back."""
    link = json.loads(host.must(f"ip -d -j link show dev {name}", netns=netns))[0]
    return {"name": link["ifname"], "kind": link["linkinfo"]["info_kind"], "mtu": link["mtu"], "mac": link["address"],
            "up": "UP" in link["flags"], "alias": link.get("ifalias")}


def talks(host: Host, container: Container) -> bool:
    """Whether the neighbour answers by both families; the kernel may take a second to see its carrier again."""
    return any(reaches(host, container, *NEIGHBOURS) == [] for _ in range(4))


def ended(host: Host, runtime: Runtime, container: Container) -> None:
    """DEL leaves nothing but the device."""
    deleted = runtime.delete(container)
    assert deleted.ok, deleted
    assert lease_files(host) == {} and records(host) == []


def died(host: Host, container: Container, name: str = "eth0", ifname: str = "eth0") -> None:
    """What the kernel does to hardware when the last process of a container is gone: it comes back as it is called."""
    host.must(f"ip link set {ifname} netns {host.pid}", netns=container.netns)
    if name != ifname:
        host.must(f"ip link set {ifname} name {name}")
    host.must(f"ip netns del {container.id}")


def test_life(host: Host, ours: Implementation) -> None:
    """It talks to a neighbour by both families under the container's name for it, and comes back as it was."""
    lan(host)
    host.must(f"{HABITS}; ip link set {WIRE} up")
    before = device(host)
    story = Story(host, ours, {**ENTRY, "ipam": {**DUAL, "routes": ROUTES}}, "veth")
    story.attach()
    assert WIRE not in link_names(host) and interface(host, story.container)["ifalias"] == WIRE
    assert talks(host, story.container)
    assert {"mtu": 1300, "advmss": 1200} in routes(host, story.container)["192.0.2.0/24"]["metrics"]
    story.assert_check_sees()
    host.must("ip link set eth0 alias somebody", netns=story.container.netns)
    assert f"is not {WIRE} of the host" in story.runtime.check(story.container).error()["details"]
    host.must(f"ip link set eth0 alias {WIRE}", netns=story.container.netns)
    ended(host, story.runtime, story.container)
    assert device(host) == before and link_names(host, story.container.netns) == {"lo"}
    assert story.call("DEL").ok and device(host) == before
    story.runtime.add(story.container).result()
    assert talks(host, story.container)
    ended(host, story.runtime, story.container)
    story.assert_refused_addresses_take_the_link_back()
    assert device(host) == before


def test_without_addresses(host: Host, ours: Implementation) -> None:
    """Without ipam it is up and has none; CHECK, STATUS and DEL know."""
    lan(host)
    host.must(f"ip link set {WIRE} down")
    story = Story(host, ours, {"type": "host-device", "device": WIRE}, "veth")
    assert "ips" not in story.attach() and story.runtime.status().ok
    assert story.runtime.delete(story.container).ok and not device(host)["up"]


def test_two_containers_on_one_wire(host: Host, ours: Implementation) -> None:
    """Each has one end of it, and they reach each other by both families; both ends come home."""
    host.must("ip link add left type veth peer name right; ip link set right up")
    before = device(host, "left"), device(host, "right")
    lent = []
    for name, end in (("c1", "left"), ("c2", "right")):
        runtime = Runtime(host, ours, network({**ENTRY, "device": end}, version="1.1.0"))
        container = host.add_container(name)
        runtime.add(container).result()
        lent.append((runtime, container))
    assert any(reaches(host, lent[0][1], "10.77.0.3", "fd77::3") == [] for _ in range(4))
    assert any(reaches(host, lent[1][1], "10.77.0.2", "fd77::2") == [] for _ in range(4))
    assert all(runtime.check(container).ok for runtime, container in lent)
    for runtime, container in lent:
        assert runtime.delete(container).ok
    assert (device(host, "left"), device(host, "right")) == before


@pytest.mark.parametrize("spoil", [
    "true", "ip link set eth0 down; ip link set eth0 name other; ip link set other up", "ip link set eth0 alias ''",
    "ip link set eth0 down; ip link set eth0 address 02:00:00:00:00:99 mtu 900", "ip address add 192.0.2.77/24 dev eth0",
], ids=["untouched", "renamed", "unmarked", "changed", "addressed"])
@pytest.mark.parametrize("kind", ["veth", "tun", "macvlan", pytest.param("dummy", marks=NEEDS_DUMMIES)])
def test_comes_back_as_it_was(kind: str, spoil: str, host: Host, ours: Implementation) -> None:
    """Whatever kind it is, and whatever was done to it in the container."""
    lan(host)
    host.must(f"{MADE[kind]}; {HABITS}; ip link set {WIRE} up")
    before = device(host)
    assert before["kind"] == kind and before["mtu"] == 1400 and before["mac"] == "02:00:00:00:00:11"
    runtime, container = Runtime(host, ours, NETWORK), host.add_container("c1")
    runtime.add(container).result()
    host.must(spoil, netns=container.netns)
    ended(host, runtime, container)
    assert device(host) == before and link_names(host, container.netns) == {"lo"}


def test_every_way_out(host: Host, ours: Implementation) -> None:
    """DEL needs no result, no configuration that makes sense, no CNI_NETNS; GC takes back what nobody lists."""
    lan(host)
    runtime, container = Runtime(host, ours, NETWORK), host.add_container("c1")
    before = device(host)
    nonsense = {**ENTRY, "device": ["nonsense"], "hwaddr": 5, "kernelpath": "x", "pciBusID": {}, "dpdkMode": "no"}
    for entry, options in ((nonsense, {}), ({**ENTRY, "device": ""}, {}), (ENTRY, {"env": {"CNI_NETNS": ""}})):
        runtime.add(container).result()
        assert runtime.call("DEL", entry, container, **options).ok, entry
        assert device(host) == before and lease_files(host) == {} and records(host) == [], entry
    runtime.add(container).result()
    assert runtime.sweep(valid_attachments(("c1", "eth0"))).ok and runtime.check(container).ok
    assert runtime.sweep(valid_attachments()).ok
    assert device(host) == before and lease_files(host) == {} and records(host) == []


@pytest.mark.parametrize("way", ["DEL", "GC", "DEL at a plain file", "ADD of another", "ADD of the same"])
@pytest.mark.parametrize("name", ["eth0", "dev7", WIRE])
def test_hardware_whose_container_died(name: str, way: str, host: Host, ours: Implementation) -> None:
    """The kernel brought it back under some name, down: it gets its own one and its state again."""
    lan(host)
    host.must(f"{HABITS}; ip link set {WIRE} up")
    before = device(host)
    runtime, container = Runtime(host, ours, NETWORK), host.add_container("c1")
    runtime.add(container).result()
    died(host, container, name)
    assert not device(host, name)["up"] and device(host, name)["alias"] == WIRE
    if way == "GC":
        assert runtime.sweep(valid_attachments()).ok
    elif way.startswith("ADD"):
        assert runtime.status().ok
        other = host.add_container("c2" if way == "ADD of another" else "c1")
        runtime.add(other).result()
        assert talks(host, other)
        if other.id != "c1":
            # Too late to harm anybody.
            assert runtime.call("DEL", ENTRY, container, env={"CNI_NETNS": ""}).ok
            assert runtime.check(other).ok and talks(host, other)
        assert runtime.delete(other).ok
    else:
        if way == "DEL at a plain file":
            host.must(f"touch {container.netns}")
        assert runtime.delete(container, remembering=False).ok
    assert device(host) == before and lease_files(host) == {} and records(host) == []


#: The whole of a machine with a card: a kernel that is a program, whose first process plays runtime with the card.
MACHINE = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib
mkdir /run/netns
insmod /usr/lib/uml/modules/$(uname -r)/kernel/drivers/net/dummy.ko
call() {
    echo "$CONFIGURATION" | CNI_COMMAND=$1 CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 \
        CNI_PATH=@PLUGINS@ @PLUGINS@/host-device >/dev/null
    echo "$1 $?"
}
look() { echo "links $(ip -d -j link | tr -d '\n')"; }
CONFIGURATION='@CONFIGURATION@'
ip link set eth0 name ens1; ip link set ens1 mtu 1400 alias "the card" up
look
for name in free taken; do
    ip netns add c1; call STATUS; call ADD; call STATUS
    [ $name = free ] || ip link add eth0 type dummy
    ip netns del c1
    while [ -z "$(ip -j link | grep ens1)" ]; do sleep 0.1; done
    look; call STATUS; call DEL; look
done
echo o >/proc/sysrq-trigger; sleep 60
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="user-mode Linux, which has the card, is for x86_64")
def test_a_card_whose_container_died(host: Host, ours: Implementation) -> None:
    """On a machine of its own, with a kernel that really takes the card back: into its first namespace."""
    entry = {"type": "host-device", "kernelpath": "/sys/devices/platform/uml-netdev.0",
             "ipam": host_local("10.77.0.0/24")}
    story = MACHINE.replace("@PLUGINS@", str(ours.directory)).replace(
        "@CONFIGURATION@", json.dumps({"cniVersion": "1.1.0", "name": "net", **entry}))
    host.path("/run/init").write_text(story)
    host.must("chmod +x /run/init; ip route add 224.0.0.0/4 dev lo")
    told = host.run(["linux.uml", "mem=256M", "uml_dir=/run/", "root=/dev/root", "rootfstype=hostfs", "rootflags=/",
                     "ro", "quiet", "loglevel=3", "con=null", "con0=null,fd:1", "eth0=mcast", "init=/run/init"],
                    env={"TMPDIR": "/run"}).stdout
    lines = [line.strip().partition(" ") for line in told.splitlines()]
    said = [f"{verb} {rest}" for verb, _, rest in lines if verb in ("ADD", "DEL", "STATUS")]
    assert said == ["STATUS 0", "ADD 0", "STATUS 0", "STATUS 0", "DEL 0"] * 2, told
    cards = [card(json.loads(rest)) for verb, _, rest in lines if verb == "links"]
    home = {"name": "ens1", "alias": "the card", "mtu": 1400, "up": True}
    lost = {"alias": "ens1", "mtu": 1400, "up": False}
    assert cards == [home, {**lost, "name": "eth0"}, home, {**lost, "name": "dev2"}, home], told


def card(links: list[dict[str, Any]]) -> dict[str, Any]:
    """What of a machine's links is no loopback and no dummy."""
    (link,) = (link for link in links if link.get("link_type") == "ether" and "linkinfo" not in link)
    return {"name": link["ifname"], "alias": link.get("ifalias"), "mtu": link["mtu"], "up": "UP" in link["flags"]}


def test_virtual_device_whose_container_died(host: Host, ours: Implementation) -> None:
    """The kernel destroys it: DEL and GC give the addresses back, STATUS and ADD say that there is none."""
    lan(host)
    runtime = Runtime(host, ours, NETWORK)
    for end in ("DEL", "GC"):
        container = host.add_container("c1")
        runtime.add(container).result()
        host.remove_container(container)
        assert (runtime.delete(container) if end == "DEL" else runtime.sweep(valid_attachments())).ok
        assert lease_files(host) == {} and records(host) == []
        status = runtime.status().error()
        assert status["code"] == 50 and f'device "{WIRE}" is not on the host' in status["msg"], status
        container = host.add_container("c1")
        error = runtime.add(container).error()
        assert error["code"] == 7 and WIRE in error["msg"], error
        host.must(f"ip link add {WIRE} type veth peer name far; ip netns del c1")


def test_one_container_at_a_time(host: Host, ours: Implementation) -> None:
    """A second one hears who has it, and gets it later; STATUS knows that it is in good hands."""
    lan(host)
    runtime = Runtime(host, ours, NETWORK)
    first, second = host.add_container("c1"), host.add_container("c2")
    runtime.add(first).result()
    error = runtime.add(second).error()
    assert error["code"] == 11 and "net/c1:eth0" in error["details"], error
    assert link_names(host, second.netns) == {"lo"} and set(lease_files(host).values()) == {"c1\r\neth0"}
    assert runtime.status().ok and runtime.check(first).ok
    assert runtime.delete(second).ok and runtime.check(first).ok
    assert runtime.delete(first).ok and runtime.add(second).ok
    ended(host, runtime, second)


def test_link_of_another_network_stays(host: Host, ours: Implementation) -> None:
    """Somebody took the device home, and the container got a link of its name from elsewhere: DEL leaves that alone."""
    lan(host)
    runtime, container = Runtime(host, ours, NETWORK), host.add_container("c1")
    runtime.add(container).result()
    host.must(f"ip link set eth0 netns {host.pid}", netns=container.netns)
    host.must(f"ip link set eth0 name {WIRE}; ip link set {WIRE} alias ''")
    other = Runtime(host, ours, network(bridge(), name="other", version="1.1.0"))
    other.add(container).result()
    ours_alone = Runtime(host, ours, network({**ENTRY, "ipam": {}}, version="1.1.0"))
    for verb in ("DEL", "DEL"):
        assert ours_alone.call(verb, ours_alone.network["plugins"][0], container).ok
        assert other.check(container).ok and WIRE in link_names(host)
    assert runtime.delete(container).ok and other.delete(container).ok


def test_addresses_by_dhcp(ours: Implementation) -> None:
    """The server on the device's network is asked through the device, which is up before; DEL tells it first."""
    with new_lan(ours) as net:
        net.host.must("ip link add m0 type veth peer name m1; ip link set m1 master cni0 up; ip link set m0 up")
        before = device(net.host, "m0")
        net.start_daemon()
        net.dhcpd(600)
        runtime = Runtime(net.host, ours, network({"type": "host-device", "device": "m0", "ipam": {"type": "dhcp"}},
                                                  name="lan", version="1.1.0"))
        container = net.host.add_container("c1")
        result = runtime.add(container).result()
        assert result["ips"] == [{"interface": 0, "address": "10.99.0.10/24", "gateway": "10.99.0.1"}]
        assert net.addresses(container) == ["10.99.0.10/24"] and net.reaches_server(container)
        assert runtime.check(container).ok
        assert runtime.delete(container).ok and net.leases() == {}
        assert device(net.host, "m0") == before and link_names(net.host, container.netns) == {"lo"}
        until(lambda: "DHCPRELEASE of 10.99.0.10" in net.log("/run/server.log"), "the server hears of it")


def test_name_taken_meanwhile(host: Host, ours: Implementation) -> None:
    """It comes back under another name, with its state, and says on standard error and upon itself what it was."""
    lan(host)
    host.must(f"{HABITS}; ip link set {WIRE} up")
    before = device(host)
    for taken in (("eth0", WIRE), (WIRE,)):
        runtime, container = Runtime(host, ours, NETWORK), host.add_container("c1")
        runtime.add(container).result()
        for name in taken:
            host.must(f"ip link add {name} type bridge")
        known = link_names(host)
        outcome = runtime.delete(container)
        outcome = outcome if not outcome.ok else runtime.call("DEL", ENTRY, container)
        assert outcome.ok and lease_files(host) == {} and records(host) == []
        (name,) = link_names(host) - known
        assert device(host, name) == {**before, "name": name, "alias": WIRE}
        assert link_names(host, container.netns) == {"lo"}
        for other in taken:
            host.must(f"ip link del {other}")
        host.must(f"ip link set {name} down; ip link set {name} name {WIRE}; ip link set {WIRE} up")
        host.must(f"ip link set {WIRE} alias 'to the neighbour'; ip netns del c1")


def test_takes_over_from_the_reference(host: Host, ours: Implementation, reference: Implementation) -> None:
    """What the reference lent, we give back, and what we lent, the reference does."""
    lan(host)
    before = device(host)
    listed = network(ENTRY, version="1.0.0")
    for giver, taker in ((reference, ours), (ours, reference)):
        container = host.add_container("c1")
        Runtime(host, giver, listed).add(container).result()
        assert Runtime(host, taker, listed).delete(container).ok
        assert link_names(host, container.netns) == {"lo"} and lease_files(host) == {}
        assert device(host)["name"] == WIRE
        host.must(f"ip link set {WIRE} up alias ''; ip netns del c1")
    assert device(host) == before


BY_WHAT = {
    "hwaddr": ({"hwaddr": "02-00-00-00-00-11"}, {}, "true"),
    "kernelpath": ({"kernelpath": "/sys/devices/pci0000:00/0000:03:00.1/"}, {}, f"mkdir -p $card/{PCI}/net/{WIRE}"),
    "pciBusID": ({"pciBusID": PCI}, {}, f"mkdir -p $card/{PCI}/net/{WIRE} $card/{PCI}/net/x"),
    "virtio": ({"pciBusID": PCI}, {}, f"mkdir -p $card/{PCI}/virtio2/net/{WIRE}"),
    "spelling": ({"PCIBUSID": PCI.upper(), "DEVICE": ""}, {}, f"mkdir -p $card/{PCI}/net/{WIRE}"),
    "assigned PCI": ({"pciBusID": SECOND_PCI, "capabilities": {"deviceID": True}}, {"deviceID": PCI},
                     f"mkdir -p $card/{PCI}/net/{WIRE} $card/{SECOND_PCI}/net/other"),
    "assigned auxiliary": ({"capabilities": {"deviceID": True}}, {"deviceID": PART},
                           f"mkdir -p $card/{PCI}/{PART}/net/{WIRE}"),
    "device first": ({"device": WIRE, "hwaddr": "02:00:00:00:00:99", "kernelpath": "/sys/devices/none",
                      "pciBusID": SECOND_PCI}, {}, "true"),
}


@pytest.mark.parametrize("by", BY_WHAT)
def test_named_by(by: str, host: Host, ours: Implementation) -> None:
    """Each key finds the device; DEL does without any of it, and the bus may have lost it."""
    lan(host)
    host.must(f"ip link set {WIRE} address 02:00:00:00:00:11; ip link add {WIRE}.5 link {WIRE} type macvlan; {SYSFS}"
              if by == "hwaddr" else f"ip link set {WIRE} address 02:00:00:00:00:11; {SYSFS}")
    members, capabilities, tree = BY_WHAT[by]
    host.must(f"card=/sys/devices/pci0000:00; {tree}; {bind('mlx5_core')}")
    if by == "hwaddr":
        # Who has the address as well is not asked first: it was made later.
        host.must(f"ip link set {WIRE}.5 address 02:00:00:00:00:11 || ip link del {WIRE}.5")
    before = device(host)
    entry = {"type": "host-device", "ipam": DUAL, **members}
    runtime, container = Runtime(host, ours, network(entry, version="1.1.0")), host.add_container("c1")
    assert runtime.status().ok
    result = runtime.add(container, capabilities=capabilities).result()
    assert WIRE not in link_names(host) and talks(host, container)
    is_pci = by in ("pciBusID", "virtio", "spelling", "assigned PCI")
    assert result["interfaces"][0].get("pciID") == (PCI if is_pci else None)
    assert runtime.status().ok and runtime.check(container, capabilities=capabilities).ok
    other = host.add_container("c2")
    error = runtime.add(other, capabilities=capabilities).error()
    assert error["code"] == 11 and "net/c1:eth0" in error["details"], error
    host.must("umount /sys/bus /sys/devices")
    assert runtime.check(container).ok
    ended(host, runtime, container)
    assert device(host) == before


@pytest.mark.parametrize("driver", ["vfio-pci", "uio_pci_generic", "igb_uio"])
def test_device_in_userspace(driver: str, host: Host, ours: Implementation) -> None:
    """No link is moved; addresses are given, and given back; DHCP has nothing to ask through."""
    host.must(f"{SYSFS}{bind(driver)}")
    entry = {"type": "host-device", "pciBusID": PCI, "ipam": DUAL}
    runtime, container = Runtime(host, ours, network(entry, version="1.1.0")), host.add_container("c1")
    links = link_names(host)
    assert runtime.status().ok
    result = runtime.add(container).result()
    assert result["interfaces"] == [{"name": "eth0", "sandbox": container.netns, "pciID": PCI}]
    assert [entry["interface"] for entry in result["ips"]] == [0, 0]
    assert link_names(host) == links and link_names(host, container.netns) == {"lo"}
    assert runtime.check(container).ok and len(records(host)) == 1
    host.must("umount /sys/bus /sys/devices")
    assert runtime.check(container).ok
    ended(host, runtime, container)
    host.must(f"{SYSFS}{bind(driver)}")
    for ipam in (None, {}):
        bare = Runtime(host, ours, network({**entry, "ipam": ipam}, version="1.1.0"))
        assert "ips" not in bare.add(container).result() and bare.check(container).ok
        ended(host, bare, container)
    error = runtime.call("ADD", {**entry, "ipam": {"type": "dhcp"}}, container).error()
    assert error["code"] == 7 and driver in error["details"], error
    assert records(host) == []


def test_process_has_it_by_configuration(host: Host, ours: Implementation) -> None:
    """`dpdkMode` says of any device that its link is nobody's business."""
    lan(host)
    before = device(host)
    runtime = Runtime(host, ours, network({**ENTRY, "DPDKMode": True}, version="1.1.0"))
    container = host.add_container("c1")
    assert len(runtime.add(container).result()["ips"]) == 2
    assert device(host) == before and runtime.check(container).ok
    ended(host, runtime, container)


def test_status(host: Host, ours: Implementation) -> None:
    """A device that is nowhere is missed by whatever it is named; one that the runtime will choose is not."""
    host.must(SYSFS)
    for members, words in (
        ({"device": "nowhere"}, 'device "nowhere" is not on the host'),
        ({"hwaddr": "02:00:00:00:00:99"}, "hwaddr 02:00:00:00:00:99 is not on the host"),
        ({"kernelpath": "/sys/devices/none"}, "kernelpath /sys/devices/none is not on the host"),
        ({"pciBusID": "0000:77:00.0"}, "PCI device 0000:77:00.0 is not on the host"),
        ({"pciBusID": PCI}, f"PCI device {PCI} has no link on the host"),
    ):
        runtime = Runtime(host, ours, network({"type": "host-device", **members}, version="1.1.0"))
        error = runtime.status().error()
        assert error["code"] == 50 and words in error["msg"], error
    chosen = {"type": "host-device", "capabilities": {"deviceID": True}}
    assert Runtime(host, ours, network(chosen, version="1.1.0")).status().ok
    full = {**chosen, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.0.0.0/33"}]]}}
    assert not Runtime(host, ours, network(full, version="1.1.0")).status().ok


def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    lan(host)
    host.must(SYSFS)
    none = {"device": None}
    bad_pci = [Bad({**none, "pciBusID": text}, 6, ("pciBusID", "a PCI address"))
               for text in ("../../x", "03:00.1", "0000:03:00.8", "0000:03:0.1", "0000:0g:00.1", "0000:03:00.1 ", ":::")]
    assert_refused(host, ours, ENTRY, [
        Bad(none, 7, ("specify either",)),
        Bad({**none, "hwaddr": "", "kernelpath": "", "pciBusID": ""}, 7, ("specify either",)),
        Bad({"device": 5}, 6, ("device", "a string")),
        Bad({"device": "a/b"}, 6, ("device", "the name of a link")),
        Bad({"device": "sixteen-letters-x"}, 6, ("device", "the name of a link")),
        Bad({"device": "nowhere"}, 7, ("nowhere", "not on the host")),
        Bad({"device": "lo"}, 7, ("loopback",)),
        Bad({**none, "hwaddr": "green"}, 6, ("hwaddr", "a MAC address")),
        Bad({**none, "hwaddr": 5}, 6, ("hwaddr", "a string")),
        Bad({**none, "hwaddr": "02:00:00:00:00:99"}, 7, ("hwaddr", "not on the host")),
        Bad({**none, "kernelpath": "sys/devices/x"}, 6, ("kernelpath", "/sys/devices/")),
        Bad({**none, "kernelpath": "/sys/class/net/wire"}, 6, ("kernelpath", "/sys/devices/")),
        Bad({**none, "kernelpath": "/sys/devices/../class/net"}, 6, ("kernelpath", "/sys/devices/")),
        Bad({**none, "kernelpath": "/sys/devices/none"}, 7, ("kernelpath", "not on the host")),
        *bad_pci,
        Bad({**none, "pciBusID": "0000:77:00.0"}, 7, ("0000:77:00.0", "not on the host")),
        Bad({**none, "pciBusID": PCI}, 7, (PCI, "no link on the host")),
        Bad({**none, "runtimeConfig": {"deviceID": 5}}, 6, ("runtimeConfig.deviceID", "a string")),
        Bad({**none, "runtimeConfig": {"deviceID": "../x"}}, 6, ("runtimeConfig.deviceID",)),
        Bad({**none, "runtimeConfig": {"deviceID": "mlx5_core.sf.9"}}, 7, ("mlx5_core.sf.9", "not on the host")),
        Bad({**none, "capabilities": {"deviceID": True}}, 7, ("specify either",)),
        Bad({"dpdkMode": "yes"}, 6, ("dpdkMode", "a boolean")),
        Bad({"ipam": {"type": "no-such-ipam"}}, 107, ("no-such-ipam",)),
        Bad({"ipam": "host-local"}, 6, ("ipam", "an object")),
        Bad({"dns": []}, 6, ("dns",)),
    ])
    assert device(host)["up"] and device(host)["alias"] is None


def test_old_result_without_addresses(host: Host, ours: Implementation) -> None:
    """A version that cannot say it refuses it, and the device goes home."""
    lan(host)
    before = device(host)
    runtime = Runtime(host, ours, network({"type": "host-device", "device": WIRE}, version="0.2.0"))
    assert runtime.add(host.add_container("c1")).error()["code"] == 1
    assert device(host) == before and records(host) == []


class LoanBench(InterfaceBench):
    """A wire that has habits, to which it has to return."""

    def prepare(self) -> None:
        """Makes the wire, and remembers it."""
        super().prepare()
        self.host.must(f"{HABITS}; ip link set {WIRE} up")
        self.before = device(self.host)

    def remains(self) -> str:
        """Also a device that is not as it was."""
        if found := super().remains():
            return found
        now = device(self.host)
        return "" if now == self.before else f"the device is {now}"


@pytest.mark.parametrize("verb, fate", ATTEMPTS)
def test_killed_and_refused(verb: str, fate: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed anywhere, one DEL brings the device home as it was; refused anywhere, ADD takes everything back."""
    with new_host() as host:
        bench = LoanBench(host, ours, NETWORK)
        if verb == "DEL":
            bench.add().result()
        points = bench.trace(bench.add if verb == "ADD" else bench.delete)
    points = thinned(points if fate == "killed" else refusals(points))
    assert points
    trouble = try_all(points, ours, NETWORK, ATTEMPTS[verb, fate], LoanBench)
    say(f"host-device {verb} {fate}: {len(points)} points, {len(trouble)} went wrong")
    assert trouble == [], "\n".join(trouble[:20])
