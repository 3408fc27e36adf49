# SPDX-License-Identifier: Apache-2.0
"""culvert reconcile: whatever was done to a host, its containers are reached again."""
from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from faults import KILLED, points_in
from host import Container, Host, Outcome
from implementations import REPOSITORY, Implementation
from operator_tool import Operator, connected
from runtime import Network, Runtime, bridge, host_local, network
from traffic import HOST4, OUTSIDE, OUTSIDER4, add_outside, fetch, ruleset, serve

pytestmark = pytest.mark.needs_culvert


def lan() -> Network:
    """A bridge with everything that can be damaged."""
    entry = bridge(host_local("10.77.0.0/24", "fd77::/64"), isDefaultGateway=True, hairpinMode=True, ipMasq=True,
                   macspoofchk=True, mtu=1450)
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return network(entry, ports, {"type": "firewall"}, name="lan", version="1.1.0")


def wire() -> Network:
    """Point to point."""
    entry = {"type": "ptp", "ipMasq": True, "mtu": 1450,
             "ipam": host_local("10.78.0.0/24", "fd78::/64", routes=[{"dst": "0.0.0.0/0"}, {"dst": "::/0"}])}
    return network(entry, name="wire", version="1.1.0")


def station() -> Network:
    """A link upon a link of the host."""
    ipam = host_local("10.79.0.0/24", "fd79::/64", routes=[{"dst": "192.0.2.0/24", "gw": "10.79.0.1"}])
    ipam["ranges"][0][0]["rangeStart"] = "10.79.0.10"
    entry = {"type": "macvlan", "master": "lan0", "mode": "bridge", "ipam": ipam}
    return network(entry, name="station", version="1.1.0")


class Site:
    """A host with an outside, two containers on each of three networks, and what proves that all of it works."""

    def __init__(self, host: Host, ours: Implementation) -> None:
        self.host = host
        add_outside(host)
        host.must("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up")
        self.tool = Operator(host, ours, lan(), wire(), station())
        self.members: list[tuple[Runtime, Container]] = []
        for listed in (lan(), wire(), station()):
            runtime = Runtime(host, ours, listed)
            for number in (0, 1):
                capabilities = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
                container = connected(runtime, f"{listed['name']}{number}",
                                      **({"capabilities": capabilities} if number == 0 else {}))
                self.members.append((runtime, container))
        self.containers = {container.id: container for _, container in self.members}
        self.addresses = {name: self.address(name) for name in self.containers}
        serve(host, "lan0", 80)
        host.settle()
        self.prove()

    def address(self, name: str) -> tuple[str, str]:
        """A container's addresses, IPv4 and IPv6."""
        shown = self.tool.attachments()[f"{name}:eth0"]["addresses"]
        return shown[0].split("/")[0], shown[1].split("/")[0]

    def prove(self) -> None:
        """CHECK passes for all, and packets flow: to the host, to each other, outside, and to a published port."""
        for runtime, container in self.members:
            checked = runtime.check(container)
            assert checked.ok, f"{container.id}: {checked.stdout}"
        for one, other in (("lan0", "lan1"), ("wire0", "wire1"), ("station0", "station1")):
            for target in self.addresses[other]:
                self.reach(one, target)
        for name in ("lan0", "wire0"):
            self.reach(name, OUTSIDER4)
            assert self.host.run(["ping", "-q", "-c", "1", "-W", "20", self.addresses[name][0]]).ok
        assert fetch(self.host, OUTSIDE, HOST4, 8080) == f"lan0 {OUTSIDER4}"

    def reach(self, name: str, target: str) -> None:
        """Pings until one is answered; the first may go while neighbours are not known yet."""
        ping = f"timeout 30 sh -c 'until ping -n -q -c 1 -W 1 {target}; do sleep 0.1; done'"
        outcome = self.host.run(["sh", "-c", ping], netns=self.containers[name].netns)
        assert outcome.ok, f"{name} to {target}: {outcome}\n{self.explained(name, target)}"

    def explained(self, name: str, target: str) -> str:
        """What there is to know of a packet that does not arrive."""
        said = self.host.run([self.tool.binary, "explain", name, target]).stdout
        shown = ["sh", "-c", "ip address; ip route; ip -6 route; ip neighbour; ip maddress; nstat -as; ip -s link"]
        places = [None, *(container.netns for container in self.containers.values())]
        return said + "".join(f"== {place}\n{self.host.run(shown, netns=place).stdout}" for place in places)

    def link_local(self) -> set[tuple[str, str]]:
        """Which links have an address of IPv6 that the kernel made, by the container; the host's is nameless."""
        places = {"": None, **{name: container.netns for name, container in self.containers.items()}}
        shown = {name: self.host.must("ip -6 -j address show scope link", netns=place) for name, place in places.items()}
        return {(name, link["ifname"]) for name, text in shown.items() for link in json.loads(text) if link}

    def reconcile(self, *words: str) -> Outcome:
        """One run."""
        return self.host.run([self.tool.binary, "reconcile", *words])


def damages() -> list[Any]:
    """What may be done to a host: a shell line, and what is said of it."""
    end = "$(ls /sys/class/net/cni0/brif | head -1)"
    wire = "$(ip -j route get 10.78.0.2 | sed -E 's/.*\"dev\":\"([^\"]*)\".*/\\1/')"
    cases = {
        "bridge down": ("ip link set cni0 down", "bridge cni0 is down"),
        "bridge deleted": ("ip link del cni0", "bridge cni0 is missing"),
        "port taken": (f"ip link set {end} nomaster", "is no port of bridge cni0"),
        "port in another bridge": (f"ip link add br9 type bridge; ip link set {end} master br9", "is no port of"),
        "port down": (f"ip link set {end} down", "is down"),
        "port's address rewritten": (f"ip link set {end} address 02:00:00:00:00:99", "has the address 02:00"),
        "port's MTU": (f"ip link set {end} mtu 1280", "has an MTU of 1280 instead of 1450"),
        "hairpin off": (f"bridge link set dev {end} hairpin off", "is no hairpin port"),
        "gateway flushed": ("ip address flush dev cni0", "cni0 lacks address 10.77.0.1/24"),
        "gateway's routes flushed": ("ip route flush dev cni0", "cni0 lacks the route to 10.77.0.0/24"),
        "IPv6 off on the bridge": ("sysctl -qw net.ipv6.conf.cni0.disable_ipv6=1", "disable_ipv6 is not 0"),
        "forwarding off": ("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0",
                           "net/ipv4/ip_forward is not 1"),
        "forwarding off on one link": ("sysctl -qw net.ipv4.conf.cni0.forwarding=0", "conf/cni0/forwarding is not 1"),
        "ruleset flushed": ("nft flush ruleset", "missing: table inet"),
        "container's link down": ("ip -n lan0 link set eth0 down", "eth0 is down"),
        "container's addresses flushed": ("ip -n lan0 address flush dev eth0", "eth0 lacks address fd77::"),
        "container's routes flushed": ("ip -n lan0 route flush dev eth0; ip -n lan0 -6 route flush dev eth0",
                                       "eth0 lacks the route to 0.0.0.0/0 via 10.77.0.1"),
        "default route gone": ("ip -n lan0 route del default", "eth0 lacks the route to 0.0.0.0/0 via 10.77.0.1"),
        "IPv6 off in the container": ("ip netns exec lan0 sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1",
                                      "eth0 lacks address fd77::"),
        "pair deleted": (f"ip link del {end}", "eth0 is missing"),
        "all of it": ("ip link del cni0; nft flush ruleset; sysctl -qw net.ipv4.ip_forward=0; "
                      "for c in lan0 lan1 wire0; do ip -n $c address flush dev eth0; done", "bridge cni0 is missing"),
    }
    others = {
        "wire's end down": (f"ip link set {wire} down", "is down"),
        "wire's end flushed": (f"ip address flush dev {wire}", "lacks address 10.78.0.1/32"),
        "wire's routes flushed": (f"ip route flush dev {wire}", "lacks the route to 10.78.0.2/32"),
        "wire's inside flushed": ("ip -n wire0 address flush dev eth0; ip -n wire0 link set eth0 down",
                                  "eth0 lacks address 10.78.0.2/24"),
        "wire's inside without routes": ("ip -n wire0 route flush dev eth0", "lacks the route to 10.78.0.1/32"),
        "wire deleted": (f"ip link del {wire}", "eth0 is missing"),
        "station down": ("ip -n station0 link set eth0 down", "eth0 is down"),
        "station flushed": ("ip -n station0 address flush dev eth0", "eth0 lacks address 10.79.0.10/24"),
        "station's routes flushed": ("ip -n station0 route flush dev eth0",
                                     "eth0 lacks the route to 192.0.2.0/24 via 10.79.0.1"),
        "station deleted": ("ip -n station0 link del eth0", "eth0 is missing"),
        "master deleted": ("ip link del lan0; ip link add lan0 type veth peer name lan1; ip link set lan0 up; "
                           "ip link set lan1 up", "eth0 is missing"),
    }
    # Networks do not touch each other, so one of each kind is damaged at a time.
    both = itertools.zip_longest(cases.items(), others.items(), fillvalue=("", ("true", "")))
    return [pytest.param(f"{one}; {other}", [says, too], id=f"{name} {second}".strip().replace(" ", "-"))
            for (name, (one, says)), (second, (other, too)) in both]


@pytest.fixture(scope="module")
def shared(ours: Implementation) -> Any:
    """One site for all kinds of damage: each is put right before the next."""
    with Host() as host:
        yield Site(host, ours)


def comparable(text: str) -> list[str]:
    """A ruleset without the order in which rules and elements came."""
    return sorted(line.strip().rstrip(",") for line in text.replace("elements = {", "").replace("}", "").splitlines())


@pytest.mark.xdist_group("reconcile")
@pytest.mark.parametrize(("damage", "says"), damages())
def test_every_damage_is_put_right(shared: Site, damage: str, says: list[str]) -> None:
    """Said before it is done, done once, and then all is well and packets flow."""
    site, host = shared, shared.host
    before, macs = ruleset(host), {name: entry["mac"] for name, entry in site.tool.attachments().items()}
    links = site.link_local()
    host.must(damage)
    said = site.reconcile("--dry-run")
    assert said.status == 1 and all(words in said.stdout for words in says) and "wrong with 6 attachments" in said.stdout, said
    done = site.reconcile()
    assert done.ok and all(words in done.stdout for words in says) and "put right with 6 attachments" in done.stdout, done
    again = site.reconcile()
    assert again.ok and again.stdout == "all is well with 6 attachments\n", again
    host.settle()
    assert comparable(ruleset(host)) == comparable(before)
    # The station of a master that is gone comes up when it is asked for; nothing else may be missing.
    assert site.link_local() >= links
    for name, container in site.containers.items():
        link = json.loads(host.must(f"ip -n {name} -j link show dev eth0"))[0]
        assert link["address"] == macs[f"{name}:eth0"] and container
    site.prove()


@pytest.fixture
def site(host: Host, ours: Implementation) -> Site:
    """A host of its own."""
    return Site(host, ours)


def test_who_forwards_can_ask_for_a_neighbour_again(site: Site) -> None:
    """A link whose addresses were flushed lacks the kernel's own too, from which it asks (RFC 4861, 7.2.2)."""
    ends = {name: site.tool.attachments()[f"{name}:eth0"]["hostInterface"]["name"] for name in ("lan0", "wire0")}
    links = {"cni0": site.addresses["lan0"][1], ends["wire0"]: site.addresses["wire0"][1]}
    for name in ("lan1", "wire1"):
        site.host.must(f"ip -n {name} address flush dev eth0")
    for link in links:
        site.host.must(f"ip address flush dev {link}")
    done = site.reconcile()
    assert done.ok and all(f"{link} lacks address fe80::" in done.stdout for link in (*links, "eth0")), done
    assert site.reconcile().stdout == "all is well with 6 attachments\n"
    for link, target in links.items():
        site.host.must(f"ip -6 neighbour flush dev {link}")
        assert site.host.run(["ping", "-q", "-c", "1", "-W", "20", target], netns="/run/netns/outside").ok, target
    site.host.must(f"ip link set {ends['wire0']} addrgenmode none; ip address flush dev {ends['wire0']}")
    done = site.reconcile()
    assert done.ok and "fe80::" not in done.stdout, done
    assert site.reconcile().stdout == "all is well with 6 attachments\n"


def state(site: Site) -> str:
    """Everything that a run could have changed, without what time changes."""
    site.host.settle(*site.containers.values())
    script = "ip -o link; ip -o -6 address; ip -o -4 address; ip route; ip -6 route; "
    shown = site.host.must(f"nft list ruleset; bridge link; {script}")
    return shown + "".join(site.host.must(script, netns=container.netns) for container in site.containers.values())


def test_nothing_is_changed_where_all_is_well(site: Site) -> None:
    """No request changes anything: nobody who listens hears of a change."""
    before = state(site)
    listener = site.host.start(["ip", "-o", "monitor", "link", "address", "route"])
    assert listener.stdout
    while not select.select([listener.stdout], [], [], 0.2)[0]:
        site.host.must("ip link add early type bridge; ip link del early")
    outcome = site.reconcile()
    assert outcome.ok and outcome.stdout == "all is well with 6 attachments\n"
    site.host.must("ip link add late type bridge; ip link del late")
    heard = ""
    while "late" not in heard:
        heard += listener.stdout.readline()
    listener.kill()
    assert [line for line in heard.splitlines() if "early" not in line and "late" not in line] == []
    assert state(site) == before
    document = site.tool.document("reconcile")
    assert document == {"done": True, "attachments": 6, "findings": [], "troubles": []}


def test_a_bridge_is_made_again_as_the_youngest_know_it(host: Host, ours: Implementation) -> None:
    """Who came when the bridge was another one has forgotten its gateway by now; the last have not."""
    runtime, tool = Runtime(host, ours, lan()), Operator(host, ours, lan())
    connected(runtime, "a")
    host.must("ip link del cni0")
    connected(runtime, "b")
    learned = json.loads(host.must("ip -j link show cni0"))[0]["address"]
    assert tool.run("reconcile").ok
    host.must("ip link del cni0")
    outcome = tool.run("reconcile")
    assert outcome.ok and json.loads(host.must("ip -j link show cni0"))[0]["address"] == learned
    lines = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("lan/")] == sorted(
        line.split()[0] for line in lines if line.startswith("lan/"))


def test_a_gateway_that_got_another_address_keeps_it(host: Host, ours: Implementation) -> None:
    """A network got another range, with `forceAddress`: what containers of the former one had is not taken back."""
    def ranged(subnet: str) -> Network:
        return network(bridge(host_local(subnet), isGateway=True, forceAddress=True), name="lan", version="1.1.0")

    tool = Operator(host, ours, ranged("10.78.0.0/24"))
    connected(Runtime(host, ours, ranged("10.77.0.0/24")), "old")
    connected(Runtime(host, ours, ranged("10.78.0.0/24")), "new")
    for damage in ("true", "ip address flush dev cni0", "ip link del cni0", "ip -n old link del eth0"):
        host.must(damage)
        outcome = tool.run("reconcile")
        assert outcome.ok and "10.77.0.1" not in outcome.stdout, (damage, outcome)
        shown = json.loads(host.must("ip -4 -j address show cni0"))[0]["addr_info"]
        assert [entry["local"] for entry in shown] == ["10.78.0.1"], damage
        assert tool.run("reconcile").stdout == "all is well with 2 attachments\n", damage
    host.must("ping -q -c 1 -W 20 10.78.0.1", netns="/run/netns/new")


def test_a_dry_run_and_another_network_touch_nothing(site: Site) -> None:
    """--dry-run says it, --network leaves the others."""
    site.host.must("ip link del cni0; ip -n wire0 address flush dev eth0; ip -n wire0 -6 address flush dev eth0")
    before = state(site)
    outcome = site.reconcile("--dry-run", "-o", "json")
    findings = json.loads(outcome.stdout)["findings"]
    assert outcome.status == 1 and {entry["network"] for entry in findings} == {"lan", "wire"}
    assert {"containerID", "interface", "plugin", "finding"} <= findings[0].keys()
    assert state(site) == before
    assert site.reconcile("--network", "wire").ok
    assert site.host.run(["ip", "link", "show", "cni0"]).status != 0
    assert site.reconcile("-o", "name").stdout.split() == ["lan/lan0:eth0", "lan/lan1:eth0"]
    site.prove()


def test_the_dead_and_the_unfinished_are_passed_over(site: Site) -> None:
    """Nobody makes anything for them again."""
    runtime, dead = site.members[1]
    site.host.remove_container(dead)
    pending = site.host.path("/run/culvert/attachments/lan/lan0:eth0.json")
    pending.write_text(pending.read_text().replace('"state":"attached"', '"state":"removing"'))
    site.host.must("ip -n lan0 address flush dev eth0")
    outcome = site.reconcile()
    assert outcome.ok and "all is well with 5" in outcome.stdout and "lan1" not in outcome.stdout, outcome
    assert "10.77" not in site.host.must("ip -n lan0 -4 address")
    assert runtime.delete(dead).ok


def test_addresses_that_may_have_lapsed_do_not_come_back(site: Site) -> None:
    """Those of dhcp, which were asked for through the link: its daemon looks after them."""
    record = site.host.path("/run/culvert/attachments/station/station0:eth0.json")
    record.write_text(record.read_text().replace('"type":"host-local"', '"type":"dhcp"'))
    site.host.must("ip -n station0 address flush dev eth0")
    outcome = site.reconcile()
    assert outcome.ok and outcome.stdout == "all is well with 6 attachments\n", outcome
    site.host.must("ip -n station0 link del eth0")
    outcome = site.reconcile()
    assert outcome.status == 1 and "DEL and ADD it" in outcome.stderr, outcome
    assert "eth0" not in site.host.must("ip -n station0 -o link")


def test_killed_anywhere_a_second_run_completes_it(site: Site, say: Callable[[str], None]) -> None:
    """At changes of the network, every n-th as CULVERT_FAULT_STRIDE says."""
    damage = ("ip link del cni0; nft flush ruleset; ip link del $(ls /sys/class/net | grep veth | head -1); "
              "ip -n wire0 address flush dev eth0; ip -n station0 link del eth0")
    site.host.must(damage)
    wrapper = ["strace", "-qq", "-o", "/run/trace", "-e", "trace=sendmsg,sendto,setns,openat"]
    assert site.host.run([*wrapper, site.tool.binary, "reconcile"]).ok
    points = points_in(site.host.path("/run/trace").read_text())
    first = next(number for number, point in enumerate(points) if "attachments" in point.arguments)
    stride = int(os.environ.get("CULVERT_FAULT_STRIDE", "0")) or max(1, len(points[first:]) // 8)
    count = 0
    for point in points[first::stride]:
        site.host.must(damage)
        killed = site.host.run([*(word for word in point.wrapper if word != "-f"), site.tool.binary, "reconcile"])
        count += killed.status in KILLED
        assert site.reconcile().ok, point
        assert site.reconcile().stdout == "all is well with 6 attachments\n", point
    site.prove()
    assert count > 4
    say(f"culvert reconcile was killed at {count} points")


def test_what_cannot_be_put_right_is_said(site: Site) -> None:
    """A renamed link, a master that is gone, a bridge that is none; the rest is put right all the same."""
    end = site.tool.attachments()["lan1:eth0"]["hostInterface"]["name"]
    site.host.must(f"ip link set {end} down; ip link set {end} name mine; ip link set mine up; ip link del lan0; "
                   "ip -n lan0 address flush dev eth0; ip -n wire1 link set eth0 down; ip -n wire1 link set eth0 name x")
    outcome = site.reconcile()
    assert outcome.status == 1 and "lan0 lacks address" not in outcome.stdout
    for words in (f"ip link set mine name {end}", 'no link "lan0" on the host', "it was renamed or moved"):
        assert words in outcome.stderr, (words, outcome)
    assert "lan/lan0:eth0 bridge: eth0 lacks address 10.77.0.2/24" in outcome.stdout
    site.host.must("ip link del cni0; ip link add cni0 type veth peer name cni9")
    outcome = site.reconcile("--network", "lan")
    assert outcome.status == 1 and "the link exists and is of kind veth" in outcome.stderr, outcome


def test_units_are_sound(host: Host) -> None:
    """systemd reads all units of conf/systemd without a complaint, the tool being where they expect it."""
    units = sorted((REPOSITORY / "conf/systemd").glob("culvert-reconcile.*"))
    assert [unit.suffix for unit in units] == [".path", ".service", ".timer"]
    copies = host.path("/run/units")
    copies.mkdir()
    for unit in units:
        (copies / unit.name).write_text(unit.read_text().replace("/usr/local/bin/culvert", "/bin/true"))
    command = ["systemd-analyze", "verify", *(str(path) for path in copies.iterdir())]
    checked = subprocess.run(command, capture_output=True, text=True, check=False,
                             env={"PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "warning"})
    assert checked.returncode == 0 and "reconcile" not in checked.stderr, checked
