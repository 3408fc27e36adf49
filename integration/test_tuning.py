# SPDX-License-Identifier: Apache-2.0
"""The tuning plugin behind a bridge: beside the reference, against its defects, with bad input, killed and refused."""
from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import itertools
import json
from typing import Any

import pytest

from chained_faults import ATTEMPTS, ChainedBench, points_of, trouble_at
from faults import Point, points_in, thinned
from host import Container, Host, Outcome, new_host
from implementations import REFERENCE, Implementation
from kernel_state import read_tree
from normalise import differing
from runtime import Runtime, bridge, network, valid_attachments
from test_killed import Report, report  # noqa: F401 (a fixture)

BACKUPS = "/run/cni/tuning"
ALLOWED = "/etc/cni/tuning/allowlist.conf"
BEFORE = "0a:00:00:00:00:01"
MAC = "0a:00:00:00:00:07"
#: Read after every step, as `ip_forward` or with the interface's name in place of IFNAME.
SYSCTLS = ("net/ipv4/conf/IFNAME/arp_notify", "net/ipv4/conf/IFNAME/arp_filter", "net/ipv4/conf/all/arp_announce",
           "net/core/somaxconn", "net/ipv4/ip_local_port_range", "net/ipv4/conf/IFNAME/rp_filter")
LIFE = ("ADD", "CHECK", "DEL", "DEL")
beats_reference = pytest.mark.beats_reference
needs_culvert = pytest.mark.needs_culvert


def tuning(**members: Any) -> dict[str, Any]:
    """A tuning plugin's entry."""
    return {"type": "tuning", **members}


def chain(version: str = "1.0.0", **members: Any) -> dict[str, Any]:
    """A bridge whose containers have a MAC that everybody knows, and tuning behind it."""
    return network(bridge(args={"cni": {"mac": BEFORE}}), tuning(**members), version=version)


def settings(host: Host, container: Container, ifname: str = "eth0") -> dict[str, Any]:
    """What the kernel says of an interface; empty when it is not there."""
    found = json.loads(host.run(["ip", "-d", "-j", "link", "show", ifname], netns=container.netns).stdout or "[]")
    if not found:
        return {}
    link = found[0]
    flags = {flag: flag in link["flags"] for flag in ("PROMISC", "ALLMULTI", "UP")}
    return {"mac": link["address"], "mtu": link["mtu"], "queue": link.get("txqlen"), **flags}


def sysctls(host: Host, container: Container, ifname: str = "eth0") -> dict[str, str]:
    """What the kernel's settings are in the container."""
    paths = [f"/proc/sys/{name.replace('IFNAME', ifname)}" for name in SYSCTLS]
    text = host.run(["grep", "-sH", ".", *paths], netns=container.netns).stdout
    return dict(line.split(":", 1) for line in text.splitlines())


def backups(host: Host, folder: str = BACKUPS) -> dict[str, Any]:
    """The files of the plugin, without what only ours say."""
    found = {}
    for name, entry in read_tree(host.path(folder)).items():
        document = json.loads(entry["content"])
        document.pop("culvert", None)
        found[name] = {"mode": entry["mode"], **document}
    return found


def allow(host: Host, *lines: str) -> None:
    """Gives the host an /etc of its own with a list of allowed sysctls in it."""
    host.must("mount -t tmpfs tmpfs /etc && mkdir -p /etc/cni/tuning")
    host.path(ALLOWED).write_text("".join(f"{line}\n" for line in lines))


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


# Beside the reference


@dataclasses.dataclass(frozen=True)
class Case:
    """A configuration of tuning, and how the runtime calls it."""

    name: str
    entry: dict[str, Any] = dataclasses.field(default_factory=dict)
    steps: tuple[str, ...] = LIFE
    args: str = ""
    capabilities: dict[str, Any] = dataclasses.field(default_factory=dict)
    ifname: str = "eth0"
    version: str = "1.0.0"
    inside: str = ""
    #: Whether ADD fails on both sides.
    fails: bool = False


def case(name: str, **entry: Any) -> Case:
    """A case with nothing special but its configuration."""
    return Case(name, entry)


def unchecked(name: str, **entry: Any) -> Case:
    """The same without CHECK, which the reference fails for every sysctl."""
    return Case(name, entry, ("ADD", "DEL", "DEL"))


def change(of: Case, **fields: Any) -> Case:
    """The case with some of its fields replaced."""
    return dataclasses.replace(of, **fields)


CASES = [
    case("nothing"),
    *(change(case(f"nothing {version}"), version=version, steps=("ADD", "DEL"))
      for version in ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0")),
    case("everything null", mac=None, mtu=None, promisc=None, allmulti=None, sysctl=None, dataDir=None),
    case("everything empty", mac="", mtu=0, promisc=False, sysctl={}, dataDir=""),
    case("mac", mac=MAC), case("mtu", mtu=1400), case("promisc", promisc=True),
    case("allmulti", allmulti=True), case("not allmulti", allmulti=False),
    unchecked("all of it", mac=MAC, mtu=1300, promisc=True, allmulti=True, sysctl={"net.core.somaxconn": "500"}),
    case("another directory", mtu=1400, dataDir="/run/elsewhere/tuning"),
    change(case("MAC in CNI_ARGS", mac="0a:00:00:00:00:05"), args=f"IgnoreUnknown=1;MAC={MAC}"),
    change(case("MAC as a capability", mac="0a:00:00:00:00:05", capabilities={"mac": True}),
           args="MAC=0a:00:00:00:00:06", capabilities={"mac": MAC}),
    change(case("MAC in four places", mac="0a:00:00:00:00:04", capabilities={"mac": True}, args={"cni": {"mac": MAC}}),
           args="MAC=0a:00:00:00:00:05", capabilities={"mac": "0a:00:00:00:00:06"}),
    case("everything in args", mac="0a:00:00:00:00:04", mtu=1280,
         args={"cni": {"mac": MAC, "mtu": 1400, "promisc": True, "allmulti": True}}),
    case("args undo", mtu=1300, promisc=True, args={"cni": {"mtu": 0, "promisc": False}}),
    unchecked("sysctl with dots", sysctl={"net.ipv4.conf.IFNAME.arp_filter": "1"}),
    unchecked("sysctl with slashes", sysctl={"net/ipv4/conf/IFNAME/arp_filter": "1"}),
    unchecked("sysctl with both", sysctl={"net/ipv4.conf.IFNAME/arp_notify": "1", "net.ipv4.conf.eth0.arp_filter": "1"}),
    unchecked("sysctl of args too", sysctl={"net.ipv4.conf.IFNAME.arp_filter": "1", "net.core.somaxconn": "400"},
         args={"cni": {"sysctl": {"net.core.somaxconn": "500", "net.ipv4.conf.all.arp_announce": "2"}}}),
    change(case("an interface with dots", mtu=1400, mac=MAC), ifname="eth0.5"),
    change(case("DEL without prevResult", mtu=1400, mac=MAC), steps=("ADD", "DEL forgetful")),
    change(case("CHECK after somebody changed it", mtu=1400), steps=("ADD", "SPOIL", "CHECK", "DEL")),
    *(change(of, steps=("ADD",), fails=True) for of in (
        case("unknown sysctl", sysctl={"net.ipv4.no_such_thing": "1"}),
        case("sysctl with a value that makes no sense", sysctl={"net.ipv4.conf.IFNAME.arp_filter": "green"}),
        case("sysctl of the machine", sysctl={"kernel.hostname": "green"}),
        case("sysctl behind a way out", sysctl={"net/../kernel/hostname": "green"}),
        case("MTU too big for the link", mtu=65536), case("no MAC", mac="green"),
        case("MTU is a text", mtu="1400"), case("promisc is a number", promisc=1),
        case("sysctl value is a number", sysctl={"net.core.somaxconn": 500}),
        change(case("argument nobody knows"), args="FOO=1"),
    )),
]


def play(of: Case, implementation: Implementation) -> list[dict[str, Any]]:
    """What is to be seen after each step, and what the step said."""
    seen = []
    with new_host() as host:
        container = host.add_container("c1")
        runtime = Runtime(host, implementation, copy.deepcopy(chain(of.version, **of.entry)))
        runtime.makers = REFERENCE  # The same bridge for both, so that only tuning differs.
        options = {"args": of.args, "capabilities": of.capabilities}
        for step in of.steps:
            verb, _, variant = step.partition(" ")
            if verb == "SPOIL":
                host.must(f"ip link set {of.ifname} mtu 1333", netns=container.netns)
                outcome = None
            else:
                outcome = call(runtime, verb, container, of.ifname, variant, **options)
            seen.append({
                "step": step, "ok": outcome.ok if outcome else None, "result": told(outcome),
                "link": settings(host, container, of.ifname), "sysctls": sysctls(host, container, of.ifname),
                "files": backups(host, of.entry.get("dataDir") or BACKUPS),
            })
    return seen


def call(runtime: Runtime, verb: str, container: Container, ifname: str, variant: str = "",
         **options: Any) -> Outcome:
    """ADD of the whole chain with the options for tuning alone; any other verb for tuning alone."""
    first, second = runtime.network["plugins"]
    if verb == "ADD":
        previous = connect(runtime, first, container, ifname)
        outcome = runtime.call("ADD", second, container, ifname, previous=previous, **options)
        runtime.results[container.id, ifname] = json.loads(outcome.stdout) if outcome.ok else previous
        return outcome
    previous = None if variant == "forgetful" else runtime.results[container.id, ifname]
    return runtime.call(verb, second, container, ifname, previous=previous, **options)


def connect(runtime: Runtime, entry: dict[str, Any], container: Container, ifname: str = "eth0") -> Any:
    """ADD of the bridge, by the implementation that the runtime's `makers` names."""
    maker = copy.copy(runtime)
    maker.implementation = getattr(runtime, "makers", runtime.implementation)
    return maker.call("ADD", entry, container, ifname).result()


def told(outcome: Outcome | None) -> Any:
    """The result, without names that chance gave and without what the reference does not say."""
    if not outcome or not outcome.ok or not outcome.stdout:
        return None
    result = json.loads(outcome.stdout)
    if not result.get("dns"):
        result.pop("dns", None)  # Releases before 1.6 print an empty one.
    for interface in result.get("interfaces", ()):
        # Of the links on the host; and the MTU, which only ours tell.
        if not interface.get("sandbox"):
            interface["name"] = interface["mac"] = ""
        interface.pop("mtu", None)
    return result


@pytest.mark.parametrize("of", CASES, ids=lambda of: of.name)
def test_same_as_the_reference(of: Case, ours: Implementation, reference: Implementation) -> None:
    """Results, link, sysctls and backup files agree."""
    with concurrent.futures.ThreadPoolExecutor(2) as side_by_side:
        mine, theirs = side_by_side.map(lambda implementation: play(of, implementation), (ours, reference))
    assert mine[0]["ok"] is theirs[0]["ok"] is not of.fails, f"{mine[0]} {theirs[0]}"
    if of.fails:
        # The reference leaves what it did before it failed; ours is looked at in test_taken_back.
        for side in (mine, theirs):
            del side[0]["sysctls"], side[0]["files"], side[0]["link"]
    assert (left := differing(mine, theirs)) == [], "\n".join(left)


# Each reads what the other wrote


@needs_culvert
@pytest.mark.parametrize("first, second", [(0, 1), (1, 0)], ids=["ours then theirs", "theirs then ours"])
def test_del_of_what_the_other_tuned(host: Host, ours: Implementation, reference: Implementation, first: int,
                                     second: int) -> None:
    """A node can be upgraded, and downgraded again, while containers run."""
    both, container = (ours, reference), host.add_container("c1")
    runtime = Runtime(host, both[first], chain(mac=MAC, mtu=1300, promisc=True, allmulti=True))
    good(runtime.call("ADD", runtime.network["plugins"][0], container))
    before = settings(host, container)
    good(call(runtime, "ADD", container, "eth1"))
    assert settings(host, container, "eth1") == {**before, "mac": MAC, "mtu": 1300, "PROMISC": True, "ALLMULTI": True}
    runtime.implementation = both[second]
    good(call(runtime, "CHECK", container, "eth1"))
    good(call(runtime, "DEL", container, "eth1"))
    assert settings(host, container, "eth1") == before
    assert backups(host) == {}


# What only ours can do


@pytest.fixture
def container(host: Host) -> Container:
    """One container."""
    return host.add_container("c1")


@needs_culvert
def test_queue_length(host: Host, ours: Implementation, container: Container) -> None:
    """The length of the transmit queue is set, checked, and given back."""
    runtime = Runtime(host, ours, chain(txQLen=77))
    good(call(runtime, "ADD", container, "eth0"))
    assert settings(host, container)["queue"] == 77
    assert backups(host) == {"c1_eth0.json": {"mode": "0o600", "txQLen": 1000}}
    good(call(runtime, "CHECK", container, "eth0"))
    host.must("ip link set eth0 txqueuelen 78", netns=container.netns)
    assert "transmit queue of 78 instead of 77" in call(runtime, "CHECK", container, "eth0").error_text
    good(call(runtime, "DEL", container, "eth0"))
    assert settings(host, container)["queue"] == 1000


@needs_culvert
def test_result_tells_mac_and_mtu_of_the_container_alone(host: Host, ours: Implementation,
                                                         container: Container) -> None:
    """A link of the host that bears the interface's name keeps its own."""
    runtime = Runtime(host, ours, chain("1.1.0", mac=MAC.upper(), mtu=1400))
    good(runtime.call("ADD", runtime.network["plugins"][0], container))
    previous = {"cniVersion": "1.1.0", "interfaces": [
        {"name": "eth0", "mac": BEFORE}, {"name": "eth0", "mac": BEFORE, "sandbox": container.netns}]}
    result = runtime.call("ADD", runtime.network["plugins"][1], container, previous=previous).result()
    assert result["interfaces"] == [
        {"name": "eth0", "mac": BEFORE}, {"name": "eth0", "mac": MAC, "mtu": 1400, "sandbox": container.netns}]
    assert settings(host, container)["mac"] == MAC


@needs_culvert
def test_without_options_nothing_is_touched(host: Host, ours: Implementation, container: Container) -> None:
    """podman and nerdctl put it into every network: no namespace is opened, no file, no netlink socket."""
    runtime = Runtime(host, ours, chain())
    previous = runtime.call("ADD", runtime.network["plugins"][0], container).result()
    outcome = runtime.call("ADD", runtime.network["plugins"][1], container, previous=previous,
                           wrapper=["strace", "-f", "-o", "/run/trace"])
    assert outcome.result() == previous
    # Behind the answer, the call is kept account of.
    points = itertools.takewhile(lambda point: not (point.name.startswith("write") and point.arguments.startswith("1,")),
                                 points_in(host.path("/run/trace").read_text()))
    calls = [point for point in points if point.name in (
        "openat", "open", "socket", "setns", "mkdir", "flock", "unlinkat", "renameat")]
    # Every plugin asks a socket of its own which namespace it is in.
    assert [str(point) for point in calls if not point.arguments.startswith("AF_UNIX")] == []
    assert not host.path("/run/cni").exists()


# Defects of the reference


@beats_reference
@pytest.mark.parametrize("way", ["nowhere", "vanished", "file"])
def test_backup_goes_with_the_namespace(host: Host, ours: Implementation, container: Container, way: str) -> None:
    """The file of a container whose namespace is gone does not stay for ever."""
    runtime = Runtime(host, ours, chain(mtu=1400))
    good(call(runtime, "ADD", container, "eth0"))
    assert list(backups(host)) == ["c1_eth0.json"]
    host.must("touch /run/netns/plain")
    if way == "vanished":
        host.remove_container(container)
    netns = {"nowhere": "", "vanished": container.netns, "file": "/run/netns/plain"}[way]
    good(call(runtime, "DEL", container, "eth0", env={"CNI_NETNS": netns}))
    assert backups(host) == {}


@beats_reference
def test_sysctl_of_args_without_any_of_the_configuration(host: Host, ours: Implementation,
                                                         container: Container) -> None:
    """The reference crashes when only args.cni has sysctls."""
    runtime = Runtime(host, ours, chain(args={"cni": {"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}}))
    good(call(runtime, "ADD", container, "eth0"))
    assert sysctls(host, container)["/proc/sys/net/ipv4/conf/eth0/arp_filter"] == "1"


@beats_reference
def test_check_ignores_promiscuity_nobody_configured(host: Host, ours: Implementation, container: Container) -> None:
    """Somebody who listens with tcpdump does not make a container faulty."""
    runtime = Runtime(host, ours, chain(mtu=1400))
    good(call(runtime, "ADD", container, "eth0"))
    host.must("ip link set eth0 promisc on", netns=container.netns)
    good(call(runtime, "CHECK", container, "eth0"))


@beats_reference
def test_check_reads_a_mac_in_any_notation(host: Host, ours: Implementation, container: Container) -> None:
    """CHECK right after ADD succeeds however the MAC was written."""
    runtime = Runtime(host, ours, chain(mac="0A-00-00-00-00-07"))
    good(call(runtime, "ADD", container, "eth0"))
    good(call(runtime, "CHECK", container, "eth0"))


@beats_reference
def test_backup_goes_with_the_interface(host: Host, ours: Implementation, container: Container) -> None:
    """The file of an interface that somebody removed does not stay for ever."""
    runtime = Runtime(host, ours, chain(mtu=1400))
    good(call(runtime, "ADD", container, "eth0"))
    host.must("ip link del eth0", netns=container.netns)
    good(call(runtime, "DEL", container, "eth0"))
    assert backups(host) == {}


@beats_reference
def test_check_reads_a_sysctl(host: Host, ours: Implementation, container: Container) -> None:
    """CHECK right after ADD succeeds, and fails when the value is another one."""
    runtime = Runtime(host, ours, chain(sysctl={"net.core.somaxconn": "500"}))
    good(call(runtime, "ADD", container, "eth0"))
    good(call(runtime, "CHECK", container, "eth0"))
    host.must("echo 501 > /proc/sys/net/core/somaxconn", netns=container.netns)
    assert "is 501 instead of 500" in call(runtime, "CHECK", container, "eth0").error_text


@beats_reference
def test_check_reads_several_numbers(host: Host, ours: Implementation, container: Container) -> None:
    """The kernel separates by tabs what everybody writes with blanks."""
    runtime = Runtime(host, ours, chain(sysctl={"net.ipv4.ip_local_port_range": "2000 3000"}))
    good(call(runtime, "ADD", container, "eth0"))
    good(call(runtime, "CHECK", container, "eth0"))
    host.must("echo 2000 3001 > /proc/sys/net/ipv4/ip_local_port_range", netns=container.netns)
    assert not call(runtime, "CHECK", container, "eth0").ok


@beats_reference
@pytest.mark.parametrize("key", [
    "net.ipv4.conf.eth0.5.arp_filter", "net/ipv4/conf/eth0.5/arp_filter", "net.ipv4.conf.IFNAME.arp_filter"])
def test_interface_with_dots(host: Host, ours: Implementation, container: Container, key: str) -> None:
    """A dot in an interface's name is no separator."""
    runtime = Runtime(host, ours, chain(sysctl={key: "1"}))
    good(call(runtime, "ADD", container, "eth0.5"))
    assert sysctls(host, container, "eth0.5")["/proc/sys/net/ipv4/conf/eth0.5/arp_filter"] == "1"


@beats_reference
@pytest.mark.parametrize("entry", [
    {"sysctl": {"net.ipv4.conf.all.arp_announce": "1", "net.core.somaxconn": "321"}, "mac": MAC, "mtu": 65536},
    {"mac": MAC, "promisc": True, "allmulti": True, "mtu": 65536},
], ids=["with sysctls", "without"])
def test_taken_back(host: Host, ours: Implementation, container: Container, entry: dict[str, Any]) -> None:
    """An ADD that fails half-way leaves link, sysctls and directory as they were."""
    runtime = Runtime(host, ours, chain(**entry))
    previous = runtime.call("ADD", runtime.network["plugins"][0], container).result()
    before = settings(host, container), sysctls(host, container)
    error = runtime.call("ADD", runtime.network["plugins"][1], container, previous=previous).error()
    assert (settings(host, container), sysctls(host, container)) == before, error
    assert backups(host) == {}


# The reference writes sysctls in any order, so that it may fail before it did anything.


@needs_culvert
def test_sysctls_are_taken_back(host: Host, ours: Implementation, container: Container) -> None:
    """A value that the kernel refuses leaves those before it as they were."""
    values = {"net.ipv4.conf.all.arp_announce": "1", "net.core.somaxconn": "321",
              "net.ipv4.conf.IFNAME.rp_filter": "green"}
    test_taken_back(host, ours, container, {"sysctl": values})


@needs_culvert
def test_forwarding_of_every_link_is_taken_back(host: Host, ours: Implementation, container: Container) -> None:
    """A setting for all links changes each of them; taking it back gives each its own."""
    runtime = Runtime(host, ours, chain(sysctl={"net.ipv4.conf.all.forwarding": "0", "net.core.somaxconn": "x"}))
    previous = runtime.call("ADD", runtime.network["plugins"][0], container).result()
    host.must("cd /proc/sys/net/ipv4/conf; echo 1 > all/forwarding; echo 0 > lo/forwarding", netns=container.netns)
    reading = "grep -H . /proc/sys/net/ipv4/conf/*/forwarding"
    before = host.must(reading, netns=container.netns)
    assert not runtime.call("ADD", runtime.network["plugins"][1], container, previous=previous).ok
    assert host.must(reading, netns=container.netns) == before


@beats_reference
def test_del_with_a_configuration_that_makes_no_sense(host: Host, ours: Implementation, container: Container) -> None:
    """Whoever edits a network into nonsense can still clean up."""
    runtime = Runtime(host, ours, chain(mtu=1400))
    good(call(runtime, "ADD", container, "eth0"))
    runtime.network["plugins"][1].update(mtu="green", sysctl=17, mac=[])
    good(call(runtime, "DEL", container, "eth0", args="FOO=1"))
    assert settings(host, container)["mtu"] == 1500
    assert backups(host) == {}


@needs_culvert
def test_another_link_of_the_name_is_left_alone(host: Host, ours: Implementation, container: Container) -> None:
    """DEL gives nothing to a link that was never tuned."""
    runtime = Runtime(host, ours, chain(mtu=1400))
    good(call(runtime, "ADD", container, "eth0"))
    host.must("ip link del eth0; ip link add eth0 mtu 1350 type veth", netns=container.netns)
    good(call(runtime, "DEL", container, "eth0"))
    assert settings(host, container)["mtu"] == 1350
    assert backups(host) == {}


@needs_culvert
def test_a_second_add_keeps_what_was_there_before_the_first(host: Host, ours: Implementation,
                                                            container: Container) -> None:
    """What is given back is what the interface had before anybody tuned it."""
    runtime = Runtime(host, ours, chain(mtu=1400))
    good(call(runtime, "ADD", container, "eth0"))
    runtime.network["plugins"][1].update(mtu=1300, promisc=True)
    second = runtime.network["plugins"][1]
    good(runtime.call("ADD", second, container, previous=runtime.results["c1", "eth0"]))
    assert backups(host)["c1_eth0.json"] == {"mode": "0o600", "mtu": 1500, "promisc": False}
    good(call(runtime, "DEL", container, "eth0"))
    assert (settings(host, container)["mtu"], settings(host, container)["PROMISC"]) == (1500, False)


# The administrator's list


@needs_culvert
@pytest.mark.parametrize("lines, allowed", [
    ((r"^net\.ipv4\.conf\.IFNAME\.arp_filter$",), True),
    ((r"^net\.core\.\w+$", r"  net\.ipv4\.(?:conf|neigh)\.IFNAME\.[a-z_]+$  "), True),
    (("arp_filt",), True),
    ((r"^net\.ipv4\.conf\.eth\d\.arp_filter$",), False),
    ((r"^net\.core\.",), False),
    ((), False),
])
@pytest.mark.parametrize("place", ["configuration", "args"])
def test_allow_list(host: Host, ours: Implementation, container: Container, lines: tuple[str, ...], allowed: bool,
                    place: str) -> None:
    """Only sysctls that a line fits are set, wherever they were named."""
    named = {"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}
    runtime = Runtime(host, ours, chain("1.1.0", **(named if place == "configuration" else {"args": {"cni": named}})))
    allow(host, *lines)
    outcome = call(runtime, "ADD", container, "eth0")
    value = sysctls(host, container)["/proc/sys/net/ipv4/conf/eth0/arp_filter"]
    probed = runtime.call("STATUS", runtime.network["plugins"][1], None)
    if allowed:
        assert (good(outcome).ok, value, probed.ok) == (True, "1", True)
    else:
        assert (outcome.error()["code"], probed.error()["code"]) == (7, 50)
        assert "is not allowed" in outcome.error_text


@needs_culvert
@pytest.mark.parametrize("line, reason", [
    (r"net\.\pL+", r"\p is not understood"), ("net(", "missing closing )"), ("*net", "nothing to repeat"),
    ("net[a-", "missing closing ]"), ("net.(?s:x)", "flags are understood only"), ("net.ä", "beyond ASCII"),
])
def test_line_that_cannot_be_read(host: Host, ours: Implementation, container: Container, line: str,
                                  reason: str) -> None:
    """A line that nobody understands is shown, not passed over."""
    runtime = Runtime(host, ours, chain(sysctl={"net.core.somaxconn": "500"}))
    allow(host, line)
    outcome = call(runtime, "ADD", container, "eth0")
    assert outcome.error()["code"] == 7
    assert reason in outcome.error_text and line in outcome.error_text and ALLOWED in outcome.error_text
    host.path(ALLOWED).write_text("somaxconn\n" + line)
    good(call(runtime, "ADD", container, "eth1"))


# Bad input

DOUBLE = '{"cniVersion": "1.0.0", "name": "net", "type": "tuning", %s, "prevResult": {"cniVersion": "1.0.0"}}'


@needs_culvert
@pytest.mark.parametrize("entry, codes, says", [
    ({"mtu": "1500"}, {6}, "mtu: expected an integer"), ({"mtu": 67}, {6}, "mtu: expected an integer from 68"),
    ({"mtu": -1}, {6}, "mtu"), ({"mtu": 65537}, {6}, "mtu"), ({"mtu": 1400.5}, {6}, "mtu"),
    ({"txQLen": -1}, {6}, "txQLen"), ({"txQLen": "9"}, {6}, "txQLen"), ({"txQLen": 2**31}, {6}, "txQLen"),
    ({"promisc": "true"}, {6}, "promisc"), ({"allmulti": 1}, {6}, "allmulti"), ({"dataDir": 7}, {6}, "dataDir"),
    ({"mac": 7}, {6}, "mac"), ({"mac": "green"}, {7}, "green"), ({"mac": "01:00:5e:00:00:01"}, {7}, "01:00:5e"),
    ({"mac": "00:00:00:00:00:00"}, {7}, "00:00"), ({"mac": "0a:00:00:00:00:00:00:01"}, {7}, "six octets"),
    ({"sysctl": []}, {6}, "sysctl: expected an object"), ({"sysctl": {"net.core.somaxconn": 5}}, {6},
                                                          "sysctl.net.core.somaxconn: expected a string"),
    ({"args": {"cni": {"mtu": "9"}}}, {6}, "args.cni.mtu"),
    ({"args": {"cni": {"sysctl": {"net.core.somaxconn": True}}}}, {6}, "args.cni.sysctl.net.core.somaxconn"),
    *(({"sysctl": {key: "x"}}, {7}, f'invalid net sysctl key: "{key}"') for key in (
        "kernel.hostname", "net/../kernel/hostname", "net/ipv4/../../kernel/hostname", "../net/ipv4/ip_forward",
        "netx.ipv4.ip_forward", "net", "net/ipv4", "/proc/sys/net/ipv4/ip_forward", "", "vm/overcommit_memory",
        "net//ipv4/ip_forward", "net.ipv4..ip_forward", "IFNAME/net/ipv4/ip_forward", "net/ipv4/ip_forward/")),
    ({"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1", "net/ipv4/conf/eth0/arp_filter": "0"}}, {7}, "duplicated"),
    ({"mac": MAC, "prevResult": None}, {7}, "missing prevResult"),
    ({"sysctl": {"net.ipv4.conf": "1"}}, {100}, "net/ipv4/conf"),
    ({"sysctl": {"net.ipv4.no_such_thing": "1"}}, {100}, "No such file"),
])
def test_bad_configuration(host: Host, ours: Implementation, container: Container, entry: dict[str, Any],
                           codes: set[int], says: str) -> None:
    """One clear error that names the place, and nothing has changed."""
    runtime = Runtime(host, ours, chain(**entry))
    previous = runtime.call("ADD", runtime.network["plugins"][0], container).result()
    before = settings(host, container), sysctls(host, container), host.must("cat /proc/sys/kernel/hostname")
    document = {**runtime.stdin(runtime.network["plugins"][1], previous), **entry}
    outcome = host.plugin(ours.executable("tuning"), "ADD", document, container=container)
    assert outcome.error()["code"] in codes, outcome.stdout
    assert says in outcome.error_text, outcome.stdout
    assert (settings(host, container), sysctls(host, container), host.must("cat /proc/sys/kernel/hostname")) == before
    assert not host.path(BACKUPS).exists()


@beats_reference
@pytest.mark.parametrize("members", [
    '"sysctl": {"net.core.somaxconn": "500", "net.core.somaxconn": "600"}',
    r'"sysctl": {"net.core.somaxconn": "500", "net.core.somaxc\u006fnn": "600"}',
])
def test_key_twice_in_the_text(host: Host, ours: Implementation, container: Container, members: str) -> None:
    """Of two values for one key nobody knows which is meant."""
    outcome = host.plugin(ours.executable("tuning"), "ADD", DOUBLE % members, container=container)
    assert "duplicated sysctl keys are not allowed" in outcome.error_text


@needs_culvert
def test_missing_interface(host: Host, ours: Implementation, container: Container) -> None:
    """There is nothing to tune: the error says what is missing."""
    document = {"cniVersion": "1.0.0", "name": "net", "type": "tuning", "mtu": 1400, "prevResult": {}}
    outcome = host.plugin(ours.executable("tuning"), "ADD", document, container=container)
    assert outcome.error()["code"] == 100 and "find link eth0" in outcome.error_text
    assert not host.path(BACKUPS).exists()


# GC


@needs_culvert
def test_garbage(host: Host, ours: Implementation, reference: Implementation) -> None:
    """Backups of the network's dead attachments go; others', strangers' and survivors' stay."""
    containers = {name: host.add_container(name) for name in ("c1", "c2", "c3", "c4")}
    runtime = Runtime(host, ours, chain("1.1.0", mtu=1400))
    for name in ("c1", "c2"):
        good(call(runtime, "ADD", containers[name], "eth0"))
    other = Runtime(host, ours, {**chain("1.1.0", mtu=1400), "name": "other"})
    good(call(other, "ADD", containers["c3"], "eth0"))
    theirs = Runtime(host, reference, chain("1.0.0", mtu=1400))
    good(call(theirs, "ADD", containers["c4"], "eth0"))
    host.path(f"{BACKUPS}/c9_eth0.json.tmp").write_text("")
    host.must(f"touch -d '1 minute ago' {BACKUPS}/c9_eth0.json.tmp; ip netns del c2")
    entry = {**runtime.stdin(runtime.network["plugins"][1]), **valid_attachments(("c1", "eth0"))}
    good(host.plugin(ours.executable("tuning"), "GC", entry))
    assert sorted(read_tree(host.path(BACKUPS))) == ["c1_eth0.json", "c3_eth0.json", "c4_eth0.json"]
    good(host.plugin(ours.executable("tuning"), "GC", {**entry, **valid_attachments()}))
    assert sorted(read_tree(host.path(BACKUPS))) == ["c3_eth0.json", "c4_eth0.json"]
    assert settings(host, containers["c1"])["mtu"] == 1500, "a container that lives gets back what it had"


# Killed and refused

TUNED = {"mac": MAC, "mtu": 1300, "promisc": True, "allmulti": True, "txQLen": 50,
         "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1", "net.core.somaxconn": "500"}}


class Tuned(ChainedBench):
    """The bench of test_killed with an interface that stays, and tuning alone."""

    def __init__(self, host: Host, implementation: Implementation, listed: Any) -> None:
        super().__init__(host, implementation, listed)
        self.entry = listed["plugins"][0]
        self.reset()
        self.before = settings(host, self.container)
        self.held = sysctls(host, self.container)

    def reset(self) -> None:
        """A new interface, and sysctls as they are at first."""
        self.host.must(f"rm -rf {BACKUPS}; mkdir -p {BACKUPS}; ip -n c1 link del eth0 2>/dev/null || :; "
                       f"ip -n c1 link add eth0 address {BEFORE} type veth; ip -n c1 link set eth0 up")
        self.host.must("echo 4096 > /proc/sys/net/core/somaxconn", netns=self.container.netns)

    def add(self, wrapper: Any = ()) -> Outcome:
        previous = {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": self.container.netns}]}
        return self.runtime.call("ADD", self.entry, self.container, previous=previous, wrapper=wrapper, env=self.env)

    def delete(self, wrapper: Any = ()) -> Outcome:
        return self.runtime.call("DEL", self.entry, self.container, wrapper=wrapper, env=self.env)

    def check(self) -> Outcome:
        """CHECK after an ADD."""
        return self.runtime.call("CHECK", self.entry, self.container, previous={"cniVersion": "1.0.0"}, env=self.env)

    def remains(self) -> str:
        """What is not as it was; sysctls stay, as with the reference."""
        files = sorted(read_tree(self.host.path(BACKUPS)))
        now = settings(self.host, self.container)
        return "" if not files and now == self.before else f"left: {files} {now}"

    def changed(self, point: Point) -> str:
        """Sysctls too are as they were, unless it was the result that could not be said."""
        now = sysctls(self.host, self.container)
        return self.remains() or ("" if now == self.held or point.arguments[:2] == "1," else f"left: {now}")

    def forgives(self, refused: Outcome) -> bool:
        return refused.ok and "tuning: set " in refused.stderr


LISTED = network(tuning(**TUNED))


@needs_culvert
@pytest.mark.parametrize("verb, fate", ATTEMPTS, ids=str)
def test_cut_off_anywhere(verb: str, fate: str, ours: Implementation, report: Report) -> None:  # noqa: F811
    """Killed between any two system calls or refused any one of them, it leaves nothing that one DEL does not undo."""
    points = thinned(points_of(Tuned, ours, LISTED, verb, fate))
    assert points
    report(f"tuning {verb} {fate}", points, trouble_at(points, Tuned, ours, LISTED, verb, fate))
