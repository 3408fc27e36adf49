# SPDX-License-Identifier: Apache-2.0
"""ipMasq, macspoofchk and ipspoofchk of bridge: what the world sees, and what nft and iptables see."""
from __future__ import annotations

import json
import os
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import REFERENCE, Implementation, build_directory
from kernel_state import left_behind
from runtime import Runtime, bridge, host_local, network, valid_attachments
from traffic import (HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, ask, fetch, ruleset, serve,
                     without_nf_tables)

DUAL = ("10.77.0.0/24", "fd77::/64")
needs_culvert = pytest.mark.needs_culvert
beats_reference = pytest.mark.beats_reference
#: What the reference's newer versions make for container c1 of network net with two addresses.
REFERENCE_TABLE = """
table inet cni_plugins_masquerade {
    comment "Masquerading for plugins from github.com/containernetworking/plugins"
    chain masq_checks {
        comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
        ip saddr 10.77.0.2 ip daddr != 10.77.0.0/24 masquerade comment "OWNER, net: net, if: eth0, id: c1"
        ip6 saddr fd77::2 ip6 daddr != fd77::/64 masquerade comment "OWNER, net: net, if: eth0, id: c1"
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip daddr 224.0.0.0/4 return
        ip6 daddr ff00::/8 return
        goto masq_checks
    }
}
"""


@pytest.fixture
def world(host: Host) -> Host:
    """A host with an outside that does not know the way to the containers."""
    add_outside(host)
    host.must(f"ip -n {OUTSIDE} route del default; ip -n {OUTSIDE} -6 route del default")
    return host


def runtime_on(host: Host, implementation: Implementation, name: str = "net", version: str = "1.1.0",
               subnets: tuple[str, ...] = DUAL, **members: Any) -> Runtime:
    """A dual-stack network with gateways."""
    entry = bridge(host_local(*subnets), **{"isDefaultGateway": True, **members})
    return Runtime(host, implementation, network(entry, name=name, version=version))


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def owner(network_name: str = "net", container: str = "c1", interface: str = "eth0") -> str:
    """What a rule's comment begins with."""
    import hashlib
    return "-".join(hashlib.sha512(text.encode()).hexdigest()[:16] for text in (network_name, f"{interface}:{container}"))


@pytest.fixture
def container(host: Host) -> Container:
    """One container."""
    return host.add_container("c1")


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@needs_culvert
def test_the_world_sees_the_host(world: Host, ours: Implementation, container: Container, backend: str) -> None:
    """Connections to elsewhere come from the host's address, those inside the network from the container's."""
    runtime = runtime_on(world, ours, ipMasq=True, ipMasqBackend=backend)
    good(runtime.add(container))
    serve(world, OUTSIDE, 80)
    assert fetch(world, "c1", OUTSIDER4, 80) == f"outside {HOST4}"
    assert fetch(world, "c1", OUTSIDER6, 80) == f"outside {HOST6}"
    other = world.add_container("c2")
    good(runtime.add(other))
    serve(world, "c2", 80)
    assert fetch(world, "c1", "10.77.0.3", 80) == "c2 10.77.0.2"
    good(runtime.check(container))
    good(runtime.delete(container))
    assert fetch(world, "c2", OUTSIDER4, 80) == f"outside {HOST4}"
    good(runtime.delete(other))
    assert left_behind(world, [container, other], ("cni0", "wire")) == {}


@needs_culvert
def test_the_layout_is_the_references(world: Host, ours: Implementation, container: Container) -> None:
    """The same text, to the octet, as what the reference makes."""
    good(runtime_on(world, ours, ipMasq=True).add(container))
    printed = ruleset(world)
    world.must("nft flush ruleset")
    world.must("nft -f -", stdin=REFERENCE_TABLE.replace("OWNER", owner()))
    assert ruleset(world) == printed


@needs_culvert
def test_the_ruleset_is_as_before(world: Host, ours: Implementation) -> None:
    """After the last DEL, also with somebody else's tables around."""
    world.must("nft -f -", stdin='table ip nat { chain POSTROUTING { type nat hook postrouting priority 100; '
                                 'ip saddr 10.1.0.0/16 masquerade comment "somebody"; }; }')
    before = world.must("nft list ruleset")
    runtime = runtime_on(world, ours, ipMasq=True, macspoofchk=True, ipspoofchk=True)
    containers = world.add_containers(["c1", "c2"])
    for container in containers:
        good(runtime.add(container))
    for container in containers:
        good(runtime.delete(container, env={"CNI_NETNS": ""}, remembering=False))
    assert world.must("nft list ruleset") == before


@needs_culvert
def test_del_of_what_the_references_nftables_backend_made(world: Host, ours: Implementation,
                                                          container: Container) -> None:
    """An attachment of the reference's newer versions is taken over without a trace."""
    world.must("nft -f -", stdin=REFERENCE_TABLE.replace("OWNER", owner()))
    good(runtime_on(world, ours).delete(container))
    assert ruleset(world) == ""


@pytest.mark.parametrize("how", ["DEL", "GC", "DEL without namespace"])
@needs_culvert
def test_upgrade_from_the_references_iptables(world: Host, ours: Implementation, container: Container, how: str) -> None:
    """What the reference made with iptables goes with our DEL and GC."""
    theirs = runtime_on(world, REFERENCE, version="1.0.0", ipMasq=True)
    good(theirs.add(container))
    other = world.add_container("c2")
    good(theirs.add(other))
    assert "CNI-" in world.must("iptables-save; ip6tables-save")
    ours_now = runtime_on(world, ours, ipMasq=True)
    if how == "GC":
        good(ours_now.sweep(valid_attachments(("c2", "eth0"))))
    else:
        good(ours_now.delete(container, env={"CNI_NETNS": ""} if how == "DEL without namespace" else {}))
    saved = world.must("iptables-save; ip6tables-save")
    assert 'id: \\"c1\\"' not in saved and 'id: \\"c2\\"' in saved
    good(ours_now.delete(other))
    assert "CNI-" not in world.must("iptables-save; ip6tables-save")


@needs_culvert
def test_downgrade_to_the_reference(world: Host, ours: Implementation, container: Container) -> None:
    """What we make with iptables goes with the reference's DEL."""
    good(runtime_on(world, ours, version="1.0.0", ipMasq=True, ipMasqBackend="iptables").add(container))
    assert "CNI-" in world.must("iptables-save") and "CNI-" in world.must("ip6tables-save")
    good(runtime_on(world, REFERENCE, version="1.0.0", ipMasq=True).delete(container))
    assert "CNI-" not in world.must("iptables-save; ip6tables-save")


@needs_culvert
def test_the_iptables_layout_is_the_references(world: Host, ours: Implementation, container: Container) -> None:
    """The same text of iptables-save for one container, and CHECK of either passes."""
    saved = []
    for implementation in (REFERENCE, ours):
        runtime = runtime_on(world, implementation, version="1.0.0", ipMasq=True, ipMasqBackend="iptables")
        good(runtime.add(container))
        text = world.must("iptables-save; ip6tables-save")
        saved.append([line for line in text.splitlines() if line.startswith("-A")])
        good(runtime.delete(container))
        world.must("rm -rf /var/lib/cni/networks; ip link del cni0; nft flush ruleset")
    assert saved[0] == saved[1]


@needs_culvert
def test_del_and_newer_owners(world: Host, ours: Implementation, container: Container) -> None:
    """A late DEL of a dead container does not take a newer container's rule of the same address."""
    runtime = runtime_on(world, ours, ipMasq=True)
    good(runtime.add(container))
    world.must("rm -rf /var/lib/cni/networks/*")
    other = world.add_container("c2")
    world.must("ip -n c1 addr flush dev eth0")
    good(runtime.add(other))
    good(runtime.delete(container))
    assert owner(container="c2") in ruleset(world) and owner() not in ruleset(world)


@needs_culvert
def test_check_sees_lost_rules(world: Host, ours: Implementation, container: Container) -> None:
    """CHECK fails when somebody flushed the ruleset."""
    runtime = runtime_on(world, ours, ipMasq=True, macspoofchk=True)
    good(runtime.add(container))
    good(runtime.check(container))
    world.must("nft flush ruleset")
    outcome = runtime.check(container)
    assert outcome.error()["code"] == 105 and "masquerade" in outcome.error_text


@needs_culvert
def test_gc_knows_the_networks_rules(world: Host, ours: Implementation, container: Container) -> None:
    """Rules of dead attachments go without any record, survivors' and other networks' stay."""
    runtime = runtime_on(world, ours, ipMasq=True)
    other = runtime_on(world, ours, "other", subnets=("10.78.0.0/24",), bridge="cni1", ipMasq=True)
    second, third = world.add_containers(["c2", "c3"])
    for each, where in ((container, runtime), (second, runtime), (third, other)):
        good(where.add(each))
    world.must("rm -rf /run/culvert")
    good(runtime.sweep(valid_attachments(("c2", "eth0"))))
    printed = ruleset(world)
    assert owner() not in printed
    assert owner(container="c2") in printed and owner("other", "c3") in printed


@pytest.mark.parametrize("forgotten", ["nothing", "the record"])
@pytest.mark.parametrize("first, second", [("eth0", "eth1"), ("eth1", "eth0")])
@needs_culvert
def test_two_interfaces_of_one_network_by_iptables(world: Host, ours: Implementation, container: Container, first: str,
                                                   second: str, forgotten: str) -> None:
    """Both have one chain, by whose name nobody can tell them apart: each is masqueraded until its own DEL."""
    runtime = runtime_on(world, ours, ipMasq=True, ipMasqBackend="iptables", isDefaultGateway=False, isGateway=True)
    addresses = {}
    for name in ("eth0", "eth1"):
        result = good(runtime.add(container, name)).result()
        addresses[name] = [ip["address"].split("/")[0] for ip in result["ips"]]
    world.must("iptables -t nat -D POSTROUTING 1")
    assert good(world.run([os.path.join(build_directory(), "culvert"), "reload"])).stdout.endswith("put back 1 thing\n")
    good(runtime.check(container, "eth0"))
    good(runtime.check(container, "eth1"))
    if forgotten == "the record":
        world.must(f"rm /run/culvert/attachments/net/c1:{first}.json")
    good(runtime.delete(container, first, remembering=forgotten == "nothing"))
    saved = world.must("iptables-save -t nat; ip6tables-save -t nat")
    assert not any(f"-s {address}/" in saved for address in addresses[first])
    assert all(f"-s {address}/" in saved for address in addresses[second])
    good(runtime.check(container, second))
    good(runtime.delete(container, second))
    assert "CNI-" not in world.must("iptables-save; ip6tables-save")


# Spoofing

SPOOF = """
import socket, struct, sys
interface, source_mac, source_ip, target = sys.argv[1:]
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind((interface, 0))
octets = lambda text: bytes.fromhex(text.replace(":", ""))
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
def packet(ip):
    udp = struct.pack("!HHHH", 4000, 9, 13, 0) + b"spoof"
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(ip), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp
raw.send(b"\\xff" * 6 + octets(source_mac) + b"\\x08\\x00" + packet(source_ip))
"""


def heard(world: Host, source_mac: str, source_ip: str) -> bool:
    """Whether a frame with these sources, sent by c1, is seen on the bridge."""
    watcher = world.start(["tcpdump", "-lnni", "cni0", "-c", "1", "udp", "port", "9"])
    watching = world.start(["sh", "-c", "sleep 0.4; echo"])
    assert watching.stdout
    watching.stdout.readline()
    world.must("/usr/bin/python3 - eth0 " + f"{source_mac} {source_ip} 10.77.0.1", stdin=SPOOF, netns="/run/netns/c1")
    try:
        watcher.wait(1.0)
        return True
    except Exception:  # noqa: BLE001  It heard nothing in time.
        watcher.kill()
        return False


@pytest.mark.parametrize("members, mac, address", [
    ({"macspoofchk": True}, False, True), ({"ipspoofchk": True}, True, False),
    ({"macspoofchk": True, "ipspoofchk": True}, False, False), ({}, True, True),
], ids=["mac", "ip", "both", "neither"])
@needs_culvert
def test_spoofed_sources(world: Host, ours: Implementation, container: Container, members: dict[str, Any], mac: bool,
                         address: bool) -> None:
    """Frames with somebody else's sources go nowhere, the container's own arrive."""
    runtime = runtime_on(world, ours, **members)
    result = good(runtime.add(container)).result()
    own = next(each["mac"] for each in result["interfaces"] if each.get("sandbox"))
    serve(world, None, 7777)
    assert fetch(world, "c1", "10.77.0.1", 7777).startswith("host 10.77.0.2")
    assert fetch(world, "c1", "fd77::1", 7777).startswith("host fd77::2")
    assert heard(world, own, "10.77.0.2")
    assert heard(world, "02:00:00:00:00:99", "10.77.0.2") is mac
    assert heard(world, own, "10.77.0.99") is address
    good(runtime.check(container))
    good(runtime.delete(container))
    assert ruleset(world) == ""


@needs_culvert
def test_a_masquerade_that_can_not_be_made(world: Host, ours: Implementation, container: Container) -> None:
    """Without nf_tables the ADD says so and is taken back."""
    runtime = runtime_on(world, ours, ipMasq=True)
    good(runtime.add(container, wrapper=["strace", "-f", "-qq", "-e", "trace=socket", "-o", "/run/sockets"]))
    good(runtime.delete(container))
    trace = world.path("/run/sockets").read_text(encoding="utf-8")
    outcome = runtime.add(container, wrapper=without_nf_tables(trace))
    assert "nf_tables" in outcome.error_text, outcome.stdout
    assert left_behind(world, [container], ("cni0", "wire")) == {} and ruleset(world) == ""


@pytest.mark.parametrize("members, words", [
    ({"ipMasq": "yes"}, "ipMasq"), ({"ipMasqBackend": "pf"}, "ipMasqBackend"), ({"macspoofchk": 1}, "macspoofchk"),
], ids=str)
@needs_culvert
def test_bad_input(world: Host, ours: Implementation, container: Container, members: dict[str, Any],
                   words: str) -> None:
    """Wrong types and unknown backends are named."""
    outcome = runtime_on(world, ours, **members).add(container)
    assert outcome.error()["code"] == 6 and words in json.dumps(outcome.error())


@needs_culvert
def test_udp_through_the_masquerade(world: Host, ours: Implementation, container: Container) -> None:
    """Answers to datagrams find back."""
    good(runtime_on(world, ours, ipMasq=True).add(container))
    serve(world, OUTSIDE, 53, "udp")
    assert ask(world, "c1", OUTSIDER4, 53) == f"outside {HOST4}"
