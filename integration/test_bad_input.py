# SPDX-License-Identifier: Apache-2.0
"""What cannot work is refused with one clear error, before anything changes."""
from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import LEASES, snapshot
from runtime import bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

ENVIRONMENT = {4}
NAMESPACE = {4, 8}
CONFIGURATION = {6, 7}
#: No address to be had: a code of our own, or "try again later".
ADDRESSES = {7, 11, *range(100, 999)}
STORAGE = {5, 11, *range(100, 999)}


@dataclasses.dataclass(frozen=True)
class Bad:
    """Input which has to be refused; `says` are words that the error has to contain."""

    name: str
    codes: set[int]
    says: tuple[str, ...] = ()
    entry: dict[str, Any] = dataclasses.field(default_factory=bridge)
    stdin: str | None = None
    env: dict[str, str | None] = dataclasses.field(default_factory=dict)
    verb: str = "ADD"
    version: Any = "1.0.0"
    network: Any = "net"
    args: str = ""
    prepare: str = ""


def member(key: str, value: Any, *says: str, codes: set[int] | None = None) -> Bad:
    """A bridge with one bad member."""
    return Bad(f"{key} is {json.dumps(value)}", codes or CONFIGURATION, (key, *says), bridge(**{key: value}))


def ranges(name: str, *says: str, **of_range: Any) -> Bad:
    """A host-local with one bad range."""
    entry = bridge({"type": "host-local", "ranges": [[of_range]]})
    return Bad(name, CONFIGURATION, says, entry)


def ipam(key: str, value: Any) -> Bad:
    """A host-local with one bad member."""
    entry = bridge({**host_local("10.77.0.0/24"), key: value})
    return Bad(f"ipam.{key} is {json.dumps(value)}", CONFIGURATION, (key,), entry)


def variable(name: str, value: str | None, *says: str, codes: set[int] | None = None) -> Bad:
    """One bad variable of the environment."""
    return Bad(f"{name} is {value!r}", codes or ENVIRONMENT, says, env={name: value})


BAD: list[Bad] = [
    # JSON
    *(Bad(f"stdin is {text[:20]!r}", CONFIGURATION, stdin=text) for text in (
        "", " ", "{", "[]", "null", "17", '"x"', '{"cniVersion":"1.0.0","name":"net","type":"bridge",}',
        '{"cniVersion":"1.0.0","name":"net"} trailing', "\x00", "{" * 5000, '{"name": "\\ud800"')),
    Bad("cniVersion is a number", CONFIGURATION | {1}, ("cniVersion",), version=1),
    Bad("cniVersion is unknown", {1}, ("9.9.9",), version="9.9.9"),
    Bad("cniVersion is no version", {1, 7}, ("one",), version="one"),
    Bad("name is missing", {7}, ("name",), network=None),
    Bad("name is empty", {7}, ("name",), network=""),
    Bad("name has a slash", {7}, ("a/b",), network="a/b"),
    Bad("name begins with a dot", {7}, (".net",), network=".net"),
    Bad("name is a number", CONFIGURATION, ("name",), network=3),
    # Members of a bridge
    *(member(key, value) for key in ("isGateway", "isDefaultGateway", "forceAddress", "hairpinMode", "promiscMode",
                                     "enabledad", "portIsolation", "ipMasq", "macspoofchk") for value in ("true", 1)),
    *(member("mtu", value) for value in ("1500", 1500.5, True, -1)),
    *(member("mtu", value, codes=CONFIGURATION | set(range(100, 999))) for value in (10, 70000, 2**40)),
    *(member("bridge", value) for value in (17, True, "a/b", "x" * 16, "..", "with space")),
    *(member("ipam", value) for value in ("host-local", 17, [])),
    *(member("dns", value) for value in ("192.0.2.1", [], {"nameservers": "192.0.2.1"})),
    *(member("vlan", value) for value in ("5", 5000, -1)),
    *(dataclasses.replace(member(key, value, codes={2, 7, *range(100, 999)}), prepare="ip link add cni0 type bridge")
      for key, value in (("vlan", 100), ("vlanTrunk", [{"id": 5}]))),
    Bad("hairpin and promiscuous", CONFIGURATION, ("hairpinMode", "promiscMode"),
        bridge(hairpinMode=True, promiscMode=True)),
    Bad("bridge name is taken", {7, *range(100, 999)}, ("cni0",), prepare="ip link add cni0 type veth peer name other"),
    # host-local
    Bad("no ranges", CONFIGURATION, ("no IP ranges specified",), bridge(host_local())),
    ranges("host bits", "host bits", "10.77.0.1/24", subnet="10.77.0.1/24"),
    ranges("too small", "too small", subnet="10.77.0.0/31"),
    ranges("no subnet", "subnet", rangeStart="10.77.0.9"),
    ranges("subnet is a word", "green", subnet="green"),
    ranges("subnet is an address", "10.77.0.0", subnet="10.77.0.0"),
    ranges("subnet with a leading zero", "010.77.0.0", subnet="010.77.0.0/24"),
    ranges("subnet with a long prefix", "10.77.0.0/33", subnet="10.77.0.0/33"),
    ranges("start outside", "10.78.0.9", "not in network", subnet="10.77.0.0/24", rangeStart="10.78.0.9"),
    ranges("end outside", "10.78.0.9", "not in network", subnet="10.77.0.0/24", rangeEnd="10.78.0.9"),
    ranges("end before start", subnet="10.77.0.0/24", rangeStart="10.77.0.9", rangeEnd="10.77.0.5"),
    ranges("start of the other family", subnet="10.77.0.0/24", rangeStart="fd77::9"),
    ranges("gateway is a word", "green", subnet="10.77.0.0/24", gateway="green"),
    ipam("ranges", {}), ipam("ranges", "10.77.0.0/24"), ipam("ranges", [[]]),
    ipam("routes", {}), ipam("routes", [{"dst": "green"}]), ipam("routes", [{"gw": "10.77.0.1"}]),
    ipam("dataDir", 17), ipam("resolvConf", "/no/such/file"),
    Bad("unknown ipam", {7, *range(100, 999)}, ("no-such-ipam",), bridge({"type": "no-such-ipam"})),
    Bad("ipam type with a path", {7, *range(100, 999)}, ("../host-local",), bridge({"type": "../host-local"})),
    Bad("requested address outside", ADDRESSES, ("failed to allocate all requested IPs", "192.0.2.1"),
        bridge(args={"cni": {"ips": ["192.0.2.1"]}})),
    Bad("requested address is the gateway", ADDRESSES, ("10.77.0.1",), bridge(args={"cni": {"ips": ["10.77.0.1"]}})),
    # Arguments
    Bad("unknown argument", {4, 7}, ("FOO",), args="FOO=1"),
    Bad("argument without a value", {4, 7}, ("FOO",), args="FOO"),
    Bad("IgnoreUnknown is neither", {4, 7}, ("IgnoreUnknown",), args="IgnoreUnknown=perhaps;FOO=1"),
    Bad("address argument is a word", {4, 7}, ("green",), args="IP=green"),
    Bad("MAC argument is a word", {4, 7}, ("green",), args="MAC=green"),
    # Environment
    *(variable(name, None, "required env variables", name) for name in ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME")),
    *(variable("CNI_CONTAINERID", value) for value in ("", "-x", "a/b", "a b", "../x", "ü", "a\nb")),
    *(variable("CNI_IFNAME", value) for value in ("", "a/b", "a:b", "a b", "..", ".", "x" * 16)),
    # The kernel puts a number in place of %d: a link of another name would be made, and left.
    variable("CNI_IFNAME", "eth%d", "eth%d", "number"), variable("CNI_IFNAME", "all", "settings"),
    *(member("bridge", value, value) for value in ("br%d", "default")),
    *(variable(name, "run/culvert", name) for name in ("CULVERT_RUN_DIR", "CULVERT_STATE_DIR")),
    variable("CNI_COMMAND", "JUMP", "JUMP"),
    variable("CNI_COMMAND", "add", "add"),
    variable("CNI_NETNS", "/run/netns/none", "/run/netns/none", codes=NAMESPACE),
    variable("CNI_NETNS", "/proc/self/ns/net", "/proc/self/ns/net", codes=NAMESPACE),
    variable("CNI_NETNS", "/proc/self/ns/mnt", "/proc/self/ns/mnt", codes=NAMESPACE),
    variable("CNI_NETNS", "/run", "/run", codes=NAMESPACE),
    Bad("namespace is a plain file", NAMESPACE, ("/run/netns/plain",), env={"CNI_NETNS": "/run/netns/plain"},
        prepare="touch /run/netns/plain"),
    # CHECK, GC and STATUS
    Bad("CHECK for an old version", {1}, ("does not allow CHECK",), verb="CHECK", version="0.3.1"),
    Bad("GC for an old version", {1}, ("does not allow GC",), verb="GC"),
    Bad("STATUS for an old version", {1}, ("does not allow STATUS",), verb="STATUS"),
    Bad("CHECK without prevResult", CONFIGURATION, ("prevResult",), verb="CHECK"),
    Bad("CHECK with a prevResult that is none", CONFIGURATION, ("prevResult",), bridge(prevResult=17), verb="CHECK"),
]
FULL = {
    "no room for content": f"mkdir -p {LEASES} && mount -t tmpfs -o size=4k tmpfs {LEASES} && "
                           f"head -c 4096 /dev/zero > {LEASES}/fill",
    "no room for files": f"mkdir -p {LEASES} && mount -t tmpfs -o nr_inodes=1 tmpfs {LEASES}",
    "read-only": f"mkdir -p {LEASES} && mount -t tmpfs -o ro tmpfs {LEASES}",
    "not a directory": f"touch {LEASES}",
}


def assert_refused(outcome: Outcome, codes: set[int], says: tuple[str, ...] = ()) -> None:
    """One error object: code, what is wrong and where, and the version."""
    document = outcome.error()
    assert document["code"] in codes, document
    assert document.get("cniVersion"), document
    text = f"{document['msg']} {document.get('details', '')}".lower()
    for part in says:
        assert part.lower() in text, f"«{part}» is not in: {text}"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_refused_before_anything_changes(bad: Bad, host: Host, ours: Implementation) -> None:
    """One error with a code and the words that help; the host stays as it was."""
    if bad.prepare:
        host.must(bad.prepare)
    container = host.add_container("c1")
    before = snapshot(host, [container])
    document = {"cniVersion": bad.version, "name": bad.network, **bad.entry}
    outcome = host.plugin(
        ours.executable(bad.entry["type"]), bad.verb, document if bad.stdin is None else bad.stdin,
        container=container, cni_path=ours.cni_path, env=bad.env, args=bad.args)
    assert_refused(outcome, bad.codes, bad.says)
    after = snapshot(host, [container])
    for state in (before, after):  # A store that only holds its own lock and directory is as good as none.
        state["leases"] = {path: entry for path, entry in state["leases"].items() if not path.startswith("net")
                           or not path.endswith(("net", "/lock"))}
        state["records"] = {path: entry for path, entry in state["records"].items() if entry["content"] is not None}
    assert after == before


@pytest.mark.parametrize("how", FULL)
def test_full_or_unwritable_directory(how: str, host: Host, ours: Implementation) -> None:
    """No room for a lease: an error that names the place, and no link."""
    host.must(FULL[how])
    container = host.add_container("c1")
    before = snapshot(host, [container])
    outcome = host.plugin(ours.executable("bridge"), "ADD", {"cniVersion": "1.0.0", "name": "net", **bridge()},
                          container=container, cni_path=ours.cni_path)
    assert_refused(outcome, STORAGE, (LEASES,))
    after = snapshot(host, [container])
    assert after["host"] == before["host"] and after["containers"] == before["containers"]
    assert not any("10.77" in path or "culvert" in path for path in after["leases"])
    assert [path for path, entry in after["records"].items() if entry["content"] is not None] == []


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
def test_lock_that_never_comes_free(verb: str, host: Host, ours: Implementation) -> None:
    """Waiting for the lease directory ends: code 11, try again later."""
    container = host.add_container("c1")
    entry = {"cniVersion": "1.0.0", "name": "net", "type": "host-local", "ipam": host_local("10.77.0.0/24")}

    def call(what: str, **env: str) -> Outcome:
        return host.plugin(ours.executable("host-local"), what, {**entry, **previous}, container=container, env=env)

    previous: dict[str, Any] = {}
    previous["prevResult"] = call("ADD").result()
    if verb == "ADD":
        container = Container("c2", container.netns)
    holder = host.start(["flock", f"{LEASES}/net/lock", "sh", "-c", "echo held; exec cat"])
    assert holder.stdout and holder.stdout.readline() == "held\n"
    if verb == "CHECK":  # Reading needs no lock; it may succeed, but not hang.
        outcome = call(verb, CULVERT_LOCK_TIMEOUT="0.2")
        assert outcome.ok or outcome.error()["code"] == 11
    else:
        assert_refused(call(verb, CULVERT_LOCK_TIMEOUT="0.2"), {11}, ("lock",))


def test_several_missing_variables_in_one_error(host: Host, ours: Implementation) -> None:
    """All that is missing is told at once."""
    listed = network(bridge())
    env: dict[str, str | None] = {"CNI_CONTAINERID": None, "CNI_NETNS": None, "CNI_IFNAME": None}
    outcome = host.plugin(ours.executable("bridge"), "ADD", {**listed, **bridge()}, env=env)
    assert_refused(outcome, ENVIRONMENT, ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"))


@pytest.mark.parametrize("options, says", [("ro", "Read-only"), ("nr_inodes=1", "No space")])
@pytest.mark.parametrize("place, code", [("/run/culvert", "attachments"), (f"{LEASES}/net", "leases")])
def test_status_knows_where_nothing_can_be_written(
        host: Host, ours: Implementation, place: str, code: str, options: str, says: str) -> None:
    """STATUS is about the next ADD, which would fail."""
    entry = bridge(host_local("10.77.0.0/24"))
    document = {**network(entry, version="1.1.0"), **entry}
    assert host.plugin(ours.executable("bridge"), "STATUS", document).ok
    host.must(f"mkdir -p {place}; mount -t tmpfs -o {options} tmpfs {place}")
    assert_refused(host.plugin(ours.executable("bridge"), "STATUS", document), {50}, (code, says))
    refused = host.plugin(ours.executable("bridge"), "ADD", document, container=host.add_container("c1"))
    assert_refused(refused, {106}, (says,))
