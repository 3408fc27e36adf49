# SPDX-License-Identifier: Apache-2.0
"""culvert doctor: silent on a healthy host, and each of many faults is found, named and, where it is safe, put right."""
from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import REFERENCE, REFERENCE_DIRECTORY, REPOSITORY, Implementation, build_directory
from runtime import Network, Runtime, bridge, host_local, network
from shortcut import KEY, detach, host_end

pytestmark = pytest.mark.needs_culvert
CONFIGURATIONS = "/run/net.d"
PLUGINS = "/run/plugins"
LEASES = "/var/lib/cni/networks"
LIST = f"{CONFIGURATIONS}/10-lan.conflist"


class Clinic:
    """A host with a network that two containers have joined, and the doctor."""

    def __init__(self, host: Host, ours: Implementation) -> None:
        self.host, self.ours = host, ours
        entry = bridge(host_local("10.77.0.0/24", "fd77::/64"), isGateway=True, ipMasq=True, hairpinMode=True)
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        self.runtime = Runtime(host, ours, network(entry, ports, name="lan", version="1.0.0"))
        host.path(CONFIGURATIONS).mkdir()
        self.configure("10-lan.conflist", self.runtime.network)
        # A directory of its own, in which a test may spoil something.
        host.must(f"mkdir {PLUGINS}; cp {ours.directory}/bridge {PLUGINS}/bridge; cd {PLUGINS}; "
                  "for name in host-local portmap macvlan vlan firewall bandwidth ptp; do ln bridge $name; done")
        self.containers: list[Container] = []
        for number in (1, 2):
            container = host.add_container(f"c{number}")
            mapping = {"portMappings": [{"hostPort": 8080 + number, "containerPort": 80, "protocol": "tcp"}]}
            outcome = self.runtime.add(container, capabilities=mapping)
            assert outcome.ok, outcome
            self.containers.append(container)

    def configure(self, name: str, listed: Network | dict[str, Any] | str) -> None:
        """Writes a file into the directory of networks."""
        text = listed if isinstance(listed, str) else json.dumps(listed)
        self.host.path(f"{CONFIGURATIONS}/{name}").write_text(text)

    def doctor(self, *words: str, wrapper: tuple[str, ...] = (), **env: str) -> Outcome:
        """Runs the tool."""
        variables = {"NETCONFPATH": CONFIGURATIONS, "CNI_PATH": PLUGINS, **env}
        return self.host.run([*wrapper, os.path.join(build_directory(), "culvert"), "doctor", *words], env=variables)

    def findings(self, *words: str, **env: str) -> list[dict[str, Any]]:
        """What it says in JSON, with the exit status that belongs to it."""
        outcome = self.doctor("-o", "json", *words, **env)
        assert outcome.status in (0, 3), outcome
        report = json.loads(outcome.stdout)
        assert (outcome.status == 0) == report["healthy"] == (not report["findings"])
        assert not report["notLookedAt"], report["notLookedAt"]
        return report["findings"]

    def port(self, number: int) -> str:
        """The host's end of a container's pair."""
        interfaces = self.runtime.results[f"c{number}", "eth0"]["interfaces"]
        return next(entry["name"] for entry in interfaces if entry["name"].startswith("veth"))


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that goes wrong with a host."""

    #: What the doctor calls it.
    id: str
    #: A shell line, or what makes it.
    inject: str | Callable[[Clinic], None]
    #: Words that the finding has to have: where it is, what it is.
    says: str
    #: Words of what to type.
    fix: str
    #: Whether `--fix` puts it right.
    fixable: bool = False


def conf(name: str, *plugins: dict[str, Any], listed: str = "", version: str = "1.0.0") -> Callable[[Clinic], None]:
    """Adds a network."""
    return lambda clinic: clinic.configure(name, network(*plugins, name=listed or name.split(".")[0], version=version))


def replace(old: str, new: str) -> Callable[[Clinic], None]:
    """Changes the text of the healthy network's file."""
    def change(clinic: Clinic) -> None:
        path = clinic.host.path(LIST)
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    return change


def lay(path: str, text: str) -> Callable[[Clinic], None]:
    """Writes a file on the host."""
    def write(clinic: Clinic) -> None:
        clinic.host.path(path).parent.mkdir(parents=True, exist_ok=True)
        clinic.host.path(path).write_text(text)
    return write


def on_port(command: str) -> Callable[[Clinic], None]:
    """A shell line about the first container's port."""
    return lambda clinic: clinic.host.must(command.format(port=clinic.port(1))) and None


def old_lease(clinic: Clinic) -> None:
    """A lease from before the boot, of a container nobody knows."""
    path = clinic.host.path(f"{LEASES}/lan/10.77.0.200")
    path.write_bytes(b"gone\r\neth0")
    os.utime(path, (1000000000, 1000000000))


def dead_container(clinic: Clinic) -> None:
    """A container that ended without a DEL."""
    container = clinic.host.add_container("c3")
    layer2 = network(bridge(None, bridge="dead0"), name="dead")
    assert Runtime(clinic.host, clinic.ours, layer2).add(container).ok
    clinic.host.remove_container(container)


def lost_shortcut(clinic: Clinic) -> None:
    """A container whose port somebody took the program from."""
    listed = network(bridge(None, bridge="fast0", **KEY), name="31-fast")
    conf("31-fast.conflist", *listed["plugins"])(clinic)
    runtime = Runtime(clinic.host, clinic.ours, listed)
    outcome = runtime.add(clinic.containers[0], "eth7")
    assert outcome.ok and not outcome.stderr, outcome
    assert "shortcut-missing" not in {entry["id"] for entry in clinic.findings()}
    detach(clinic.host, host_end(runtime, clinic.containers[0], "eth7"))


MASQUERADE = "nft add rule inet cni_plugins_masquerade masq_checks ip saddr 10.77.0.99 masquerade comment "
VIRTUAL = {"isGateway": True}

#: Faults that do not hide one another, one host for each list.
WARDS: dict[str, list[Fault]] = {
    "configurations": [
        Fault("config-misspelt-key", replace('"hairpinMode"', '"hairpinMod"'), "plugins[0].hairpinMod", "hairpinMode"),
        Fault("config-misspelt-key", conf("21-a.conflist", bridge(host_local("10.21.0.0/24", rangeStrat="10.21.0.5"),
                                                                  bridge="a0")),
              "plugins[0].ipam.rangeStrat", "rangeStart"),
        Fault("config-wrong-type", conf("22-b.conflist", bridge(host_local("10.22.0.0/24"), bridge="b0", mtu=True,
                                                                isGateway="true")),
              "plugins[0].isGateway", "without quotes: true"),
        Fault("config-broken", lambda clinic: clinic.configure("23-c.conflist", '{"name": "c", "plugins": ['),
              "23-c.conflist", "correct the file"),
        Fault("config-broken", conf("24-d.conflist", bridge(host_local("10.24.0.0/33"), bridge="d0")),
              "plugins[0].ipam.ranges[0][0].subnet", "correct"),
        Fault("config-wrong-ending", lambda clinic: clinic.configure("25-e.conf", network(bridge(), name="e")),
              "25-e.conf", f"mv {CONFIGURATIONS}/25-e.conf {CONFIGURATIONS}/25-e.conflist"),
        Fault("config-duplicate-name", conf("26-f.conflist", bridge(host_local("10.77.0.0/24", "fd77::/64")), listed="lan"),
              "26-f.conflist", "another name"),
        Fault("plugin-missing", conf("27-g.conflist", {"type": "brigde", "ipam": {}}), 'did you mean "bridge"',
              '"type": "bridge"'),
        Fault("config-version", conf("28-h.conflist", bridge(None, bridge="h0"), {"type": "firewall"}, version="0.3.1"),
              "28-h.conflist: cniVersion", '"cniVersion": "1.1.0"'),
    ],
    "plugins": [
        Fault("plugin-not-executable", f"rm {PLUGINS}/host-local; cp {PLUGINS}/bridge {PLUGINS}/host-local; "
              f"chmod 644 {PLUGINS}/host-local", f"{PLUGINS}/host-local", f"chmod 755 {PLUGINS}/host-local", True),
        Fault("plugin-foreign", f"rm {PLUGINS}/portmap; cp {REFERENCE_DIRECTORY}/portmap {PLUGINS}/portmap",
              f"{PLUGINS}/portmap", "make install"),
        Fault("config-shadowed", lambda clinic: (clinic.host.must("mkdir /var/lib/kubelet; "
              "echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables"),
              clinic.configure("05-z.conflist", network(bridge(None, bridge="z0"), name="z"))) and None,
              "05-z.conflist sorts before it", "remove the file that comes first"),
        Fault("ipv6-disabled", "echo 1 >/proc/sys/net/ipv6/conf/cni0/disable_ipv6", "net/ipv6/conf/cni0/disable_ipv6",
              "net/ipv6/conf/cni0/disable_ipv6=0"),
        Fault("master-missing", conf("40-m.conflist", {"type": "macvlan", "master": "cni", "ipam": {}}),
              "plugins[0].master", '"master": "cni0"'),
    ],
    "kernel": [
        Fault("forwarding-off", "echo 0 >/proc/sys/net/ipv4/ip_forward", "net/ipv4/ip_forward",
              "sysctl -w net/ipv4/ip_forward=1", True),
        Fault("forwarding-off", "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding", "net/ipv6/conf/all/forwarding",
              "sysctl -w net/ipv6/conf/all/forwarding=1", True),
        Fault("rp-filter-strict", "ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up; "
              "ip address add 192.0.2.1/30 dev up0; ip address add 192.0.2.5/30 dev up1; "
              "ip route add default via 192.0.2.2; ip route add default via 192.0.2.6 metric 7; "
              "echo 1 >/proc/sys/net/ipv4/conf/up0/rp_filter", "net/ipv4/conf/up0/rp_filter", "up0/rp_filter=2"),
        Fault("mtu-uplink", "ip link set up1 mtu 1400", "uplink up1 1400", '"mtu": 1400'),
        Fault("conntrack-full", "echo 1000 >/run/most; echo 950 >/run/count; "
              "mount --bind /run/most /proc/sys/net/netfilter/nf_conntrack_max; "
              "mount --bind /run/count /proc/sys/net/netfilter/nf_conntrack_count", "950 of 1000",
              "nf_conntrack_max=2000"),
        Fault("bridge-nf-drops", lambda clinic: (
              conf("30-flat.conflist", bridge(None, bridge="flat0"))(clinic),
              Runtime(clinic.host, clinic.ours, network(bridge(None, bridge="flat0"), name="30-flat")).add(
                  clinic.containers[0], "eth1"),
              clinic.host.must("echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; nft 'add table ip strict; "
                               "add chain ip strict guard { type filter hook forward priority 10; policy drop; }'")) and None,
              "chain ip strict guard", "bridge-nf-call-iptables=0"),
        Fault("kernel-no-shortcut", lambda clinic: (clinic.host.must("mount -t tmpfs tmpfs /sys/kernel/btf"),
              conf("32-fast.conflist", bridge(None, bridge="fast0", **KEY))(clinic)) and None,
              "32-fast.conflist: plugins[0].fastPath", "drop the key"),
        Fault("forward-dropped", "true", "chain ip strict guard", "nft insert rule ip strict guard iifname cni0 accept"),
    ],
    "links": [
        Fault("port-detached", on_port("ip link set {port} nomaster"), "should be a port of cni0 for lan/c1:eth0",
              "culvert reconcile"),
        Fault("port-down", lambda clinic: clinic.host.must(f"ip link set {clinic.port(2)} down") and None,
              "the host's end of lan/c2:eth0 is down", "up", True),
        Fault("mtu-hole", lambda clinic: clinic.host.must(
              f"ip link set cni0 mtu 1500; ip link set {clinic.port(2)} mtu 1300; ip link set cni0 mtu 1500") and None,
              "its MTU is 1300", "mtu 1300"),
        Fault("bridge-down", "ip link set cni0 down", "link cni0", "ip link set cni0 up", True),
        Fault("gateway-missing", "ip address del 10.77.0.1/24 dev cni0", "10.77.0.1", "ip address add 10.77.0.1/24 dev cni0",
              True),
        Fault("bridge-foreign-address", "ip address add 203.0.113.9/24 dev cni0", "203.0.113.9/24",
              "ip address del 203.0.113.9/24 dev cni0"),
        Fault("link-stale", "ip link add veth0123abcd type veth peer name veth0123abce", "link veth0123abc",
              "ip link del veth0123abc"),
        Fault("mtu-overlay", "ip link add under type veth peer name under2; ip link set under mtu 1500; "
              "ip link add vx0 type vxlan id 7 dev under dstport 4789; ip link set under mtu 1400", "link vx0", "mtu 1350"),
        Fault("bridge-wrong-kind", lambda clinic: (clinic.host.must("ip link add wrong0 type veth peer name wrong1"),
              conf("50-w.conflist", bridge(None, bridge="wrong0"))(clinic)) and None, "link wrong0", "wrong0 name OTHER"),
        Fault("shortcut-missing", lost_shortcut, "31-fast/c1:eth7 should have a shortcut past bridge fast0: "
              "its port lacks the program", "culvert reconcile"),
        Fault("gateway-missing", "true", "fd77::1", "ip address add fd77::1/64 dev cni0", True),
    ],
    "filters": [
        Fault("rules-missing", "nft flush chain inet cni_plugins_masquerade masq_checks", "lan/c1:eth0", "culvert reload",
              True),
        Fault("rules-stale", MASQUERADE + "'\"0123456789abcdef-0123456789abcdef, net: lan, if: eth0, id: ghost\"'",
              "container ghost", "nft delete rule inet cni_plugins_masquerade masq_checks handle N"),
        Fault("chains-stale", "iptables-nft -t nat -N CNI-0123456789abcdef01234567", "CNI-0123456789abcdef01234567",
              "-F and -X the chain"),
        Fault("iptables-mixed", "iptables-legacy -A INPUT -j ACCEPT; iptables-nft -A INPUT -j ACCEPT",
              "iptables-legacy: filter (IPv4)", "iptables-legacy -F"),
        Fault("firewall-no-hook", lambda clinic: (lay("/run/firewalld.pid", "1\n")(clinic),
              conf("60-wall.conflist", bridge(None, bridge="wall0"), {"type": "firewall"})(clinic)) and None,
              "firewalld", "culvert-firewalld.service"),
        Fault("networkmanager-manages", "mkdir /run/NetworkManager", "bridge cni0", "interface-name:cni0"),
        Fault("udev-mac-policy", lambda clinic: (
              clinic.host.must("mkdir -p /run/udev; touch /run/udev/control; mkdir -p /run/systemd/network; "
                               f"rm {PLUGINS}/ptp; cp {REFERENCE_DIRECTORY}/ptp {PLUGINS}/ptp"),
              conf("61-p.conflist", {"type": "ptp", "ipam": {}})(clinic),
              lay("/run/systemd/network/01-default.link",
                  "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n")(clinic)) and None,
              "/run/systemd/network/01-default.link", "MACAddressPolicy=none"),
        Fault("ifb-stale", "ip link add bwp0123456789ab type ifb; ip link set bwp0123456789ab alias "
              "'culvert bandwidth lan/ghost:eth0'", "lan/ghost:eth0", "ip link del bwp0123456789ab"),
    ],
    "addresses": [
        Fault("lease-dead", old_lease, f"{LEASES}/lan/10.77.0.200", "ipam gc --yes", True),
        Fault("record-stale", dead_container, "dead/c3:eth0", "culvert gc"),
        Fault("cache-stale", lay("/var/lib/cni/results/lan-c9-eth0", json.dumps({
              "kind": "cniCacheV1", "containerId": "c9", "config": "", "ifName": "eth0", "networkName": "lan",
              "result": {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": "/run/netns/c9"}]}})),
              "lan-c9-eth0", "rm /var/lib/cni/results/lan-c9-eth0"),
        Fault("pool-overlap", conf("70-o.conflist", bridge(host_local("10.77.0.128/25"), bridge="o0", **VIRTUAL)),
              "10.77.0.128/25 and 10.77.0.0/24", "another subnet"),
        Fault("pool-on-host", lambda clinic: (
              clinic.host.must("ip link add lan0 type bridge; ip link set lan0 up; ip address add 10.71.0.4/16 dev lan0"),
              conf("71-p.conflist", bridge(host_local("10.71.3.0/24"), bridge="p0"))(clinic)) and None,
              "lan0 has 10.71.0.4/16", "another subnet"),
        Fault("pool-exhausted", lambda clinic: (
              conf("72-q.conflist", {"type": "macvlan", "master": "cni0", "ipam": host_local("10.72.0.0/30")})(clinic),
              lay(f"{LEASES}/72-q/10.72.0.2", "full\r\neth0")(clinic)) and None, "1 of 1", "larger range"),
        Fault("store-volatile", conf("73-s.conflist", {"type": "macvlan", "master": "cni0",
                                                       "ipam": host_local("10.73.0.0/24", sticky="pod")}),
              "/var/lib/culvert", "outlives a reboot"),
        Fault("lease-damaged", lay(f"{LEASES}/lan/10.77.0.77", ""), f"{LEASES}/lan/10.77.0.77", "ipam gc --yes", True),
        Fault("lease-damaged", lay(f"{LEASES}/lan/10.99.0.5", "c1\r\neth0"), "in no pool of the network", "ends with its"),
        Fault("store-read-only", lambda clinic: (
              clinic.host.must("mkdir /run/ro; mount -t tmpfs -o ro tmpfs /run/ro"),
              conf("74-t.conflist", {"type": "macvlan", "master": "cni0",
                                     "ipam": host_local("10.74.0.0/24", dataDir="/run/ro")})(clinic)) and None,
              "/run/ro", "remount,rw"),
        Fault("store-full", lambda clinic: (
              clinic.host.must("mkdir /run/small; mount -t tmpfs -o size=16k tmpfs /run/small; "
                               "dd if=/dev/zero of=/run/small/fill bs=1k count=12 2>/dev/null"),
              conf("75-u.conflist", {"type": "macvlan", "master": "cni0",
                                     "ipam": host_local("10.75.0.0/24", dataDir="/run/small")})(clinic)) and None,
              "/run/small", "make room"),
    ],
}


@pytest.fixture
def clinic(host: Host, ours: Implementation) -> Clinic:
    """A healthy host."""
    return Clinic(host, ours)


def test_a_healthy_host_has_no_findings(clinic: Clinic) -> None:
    """Two containers, nothing to say; verbose names what is fine; nothing is changed."""
    assert clinic.findings() == []
    outcome = clinic.doctor()
    assert outcome.ok and outcome.stdout == "healthy: 1 network\n" and not outcome.stderr
    verbose = clinic.doctor("--verbose").stdout
    assert "fine  forwarding-off" in verbose and "healthy" in verbose
    assert clinic.doctor("--fix").stdout == "healthy: 1 network\n"
    for container in clinic.containers:
        assert clinic.runtime.check(container).ok
        assert clinic.runtime.delete(container).ok
    assert clinic.findings() == []


@pytest.mark.parametrize("ward", WARDS)
def test_each_fault_is_found_with_its_fix(clinic: Clinic, ward: str) -> None:
    """All of them and nothing else; then --fix puts right what is safe, and leaves the rest."""
    faults = WARDS[ward]
    for fault in faults:
        if callable(fault.inject):
            fault.inject(clinic)
        else:
            clinic.host.must(fault.inject)
    found = clinic.findings()
    for fault in faults:
        texts = [f"{entry['where']} {entry['what']}" for entry in found
                 if entry["id"] == fault.id and fault.fix in entry["fix"] and entry["fixable"] == fault.fixable]
        assert any(fault.says in text for text in texts), f"{fault.id}, {fault.says}, {fault.fix}: {found}"
    assert {entry["id"] for entry in found} - {fault.id for fault in faults} == set(), found
    severities = [entry["severity"] for entry in found]
    assert severities == sorted(severities), "the worst comes first"

    if any(fault.fixable for fault in faults):
        outcome = clinic.doctor("--fix")
        assert outcome.status in (0, 3) and "done: " in outcome.stdout, outcome
        left = clinic.findings()
        assert not any(entry["fixable"] for entry in left), left
        assert {entry["id"] for entry in left} == {fault.id for fault in faults if not fault.fixable}, left
        # Nobody was cut off who was not before.
        if ward in ("kernel", "filters", "addresses"):
            assert all(clinic.runtime.check(container).ok for container in clinic.containers)


def test_networks_that_ship_have_no_misspelt_keys(clinic: Clinic) -> None:
    """What stands in conf/ is known to the doctor, key by key."""
    ids = {entry["id"] for entry in clinic.findings(NETCONFPATH=str(REPOSITORY / "conf"))}
    assert not {name for name in ids if name.startswith("config-")}, ids


def test_a_host_of_the_reference_is_healthy_too(host: Host) -> None:
    """Its chains, rules and leases are known by the leases alone."""
    entry = bridge(host_local("10.77.0.0/24"), isGateway=True, ipMasq=True)
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    listed = network(entry, ports, {"type": "firewall", "backend": ""}, name="theirs", version="0.4.0")
    runtime = Runtime(host, REFERENCE, listed)
    host.path(CONFIGURATIONS).mkdir()
    host.path(LIST).write_text(json.dumps(listed))
    mapping = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    assert runtime.add(host.add_container("c1"), capabilities=mapping).ok
    tool = os.path.join(build_directory(), "culvert")
    env = {"NETCONFPATH": CONFIGURATIONS, "CNI_PATH": REFERENCE.cni_path}
    outcome = host.run([tool, "doctor"], env=env)
    assert (outcome.status, outcome.stdout) == (0, "healthy: 1 network\n"), outcome
    host.must("iptables -P FORWARD DROP")
    assert host.run([tool, "doctor"], env=env).ok
    host.path(f"{LEASES}/theirs/10.77.0.2").unlink()
    report = json.loads(host.run([tool, "doctor", "-o", "json"], env=env).stdout)
    assert {entry["id"] for entry in report["findings"]} == {"chains-stale"}


def test_many_faults_are_tried() -> None:
    """The promise is at least 25 different ones."""
    assert len({fault.id for faults in WARDS.values() for fault in faults}) >= 25


def test_one_network_and_people(clinic: Clinic) -> None:
    """What concerns another network alone is left away, and people read where, what, why and what to type."""
    conf("27-g.conflist", {"type": "brigde", "ipam": {}})(clinic)
    assert clinic.findings("--network", "lan") == []
    outcome = clinic.doctor()
    assert outcome.status == 3
    lines = outcome.stdout.splitlines()
    assert lines[0] == "error  plugin-missing  network 27-g"
    assert [line.split()[0] for line in lines[1:5]] == ["where", "what", "why", "fix"]
    assert lines[-1] == "found 1 error in 2 networks"
    assert clinic.doctor("--network", "lan").stdout == "healthy: 1 network\n"
    unknown = clinic.doctor("--network", "lna")
    assert unknown.status == 1 and not unknown.stdout and 'no network "lna"; there are: 27-g, lan' in unknown.stderr
    assert "there is no directory /nowhere" in clinic.doctor("--conf-dir", "/nowhere").stderr


def test_a_kernel_that_tells_no_vlans_apart(clinic: Clinic) -> None:
    """By the bridges that are there, as this kernel has them."""
    conf("28-tagged.conflist", bridge(bridge="cni0", vlan=7))(clinic)
    details = json.loads(clinic.host.must("ip -d -j link show dev cni0"))[0]["linkinfo"]["info_data"]
    lacking = "vlan_default_pvid" not in details
    found = [entry["where"] for entry in clinic.findings() if entry["id"] == "kernel-no-vlan-filtering"]
    assert found == ([f"{CONFIGURATIONS}/28-tagged.conflist: plugins[0]"] if lacking else [])


def test_taps_are_missed_only_without_their_device(clinic: Clinic) -> None:
    """Which the kernel makes by a device alone: that it makes none by rtnetlink says nothing."""
    conf("29-tap.conflist", {"type": "tap"})(clinic)
    assert not json.loads(clinic.host.must("ip -j link show type tun")), "the host itself has none"
    assert "kernel-no-links" not in {entry["id"] for entry in clinic.findings()}
    clinic.host.must("mount -t tmpfs tmpfs /dev/net")
    found = [entry["where"] for entry in clinic.findings() if entry["id"] == "kernel-no-links"]
    assert found == [f"{CONFIGURATIONS}/29-tap.conflist: plugins[0]"]


def test_without_root_it_says_what_it_could_not_see(clinic: Clinic) -> None:
    """Configurations are judged all the same."""
    clinic.host.must(f"chmod 755 /run {CONFIGURATIONS} {PLUGINS}")
    replace('"hairpinMode"', '"hairpinMod"')(clinic)
    outcome = clinic.doctor("-o", "json", wrapper=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    report = json.loads(outcome.stdout)
    assert outcome.status == 3 and "config-misspelt-key" in [entry["id"] for entry in report["findings"]]
    assert any("run this as root" in line for line in report["notLookedAt"]), report


def test_nobody_is_called_dead_by_who_may_not_look(clinic: Clinic) -> None:
    """Limits and rules of the living are not stale because their records cannot be read."""
    clinic.host.must(f"chmod 755 /run {CONFIGURATIONS} {PLUGINS}")
    limits = {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000,
              "egressBurst": 800_000}
    listed = network(bridge(host_local("10.79.0.0/24"), bridge="cni9"), limits, name="slow", version="1.0.0")
    assert Runtime(clinic.host, clinic.ours, listed).add(clinic.host.add_container("c3")).ok
    assert "bwp" in clinic.host.must("ip -br link show type ifb")
    report = json.loads(
        clinic.doctor("-o", "json", wrapper=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")).stdout)
    assert not [entry["id"] for entry in report["findings"] if entry["id"].endswith("-stale")], report
    directory = clinic.host.path("/run/culvert/attachments/slow/c9:eth0.json")
    directory.mkdir()
    assert clinic.findings() == []


def test_kinds_manual_and_the_command_line(clinic: Clinic) -> None:
    """Every kind that a fault is found by is listed, and wrong words are refused."""
    kinds = {line.split("\t")[0] for line in clinic.doctor("--kinds").stdout.splitlines()}
    assert {fault.id for faults in WARDS.values() for fault in faults} <= kinds
    assert clinic.doctor("--nonsense").status == 64
    page = clinic.host.run([os.path.join(build_directory(), "culvert"), "manual", "culvert"]).stdout
    assert re.search(r"doctor", page) and "Find what keeps container networks" in page.replace("\n", " ")
