# SPDX-License-Identifier: Apache-2.0
"""What docs/security.md says: each of its statements names a test of this file, or of another one."""
from __future__ import annotations

import fcntl
import json
import os
import pathlib
import re
import stat
import time
from collections.abc import Sequence
from typing import Any

import pytest

from faults import CAPABILITIES
from host import Container, Host, Outcome
from implementations import REPOSITORY, Implementation
from kernel_state import LEASES, RECORDS, left_behind, link_names, read_tree, snapshot
from lan import new_lan
from operator_tool import Operator
from runtime import Network, Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

PAGE = REPOSITORY / "docs" / "security.md"
DUAL = host_local("10.77.0.0/24", "fd77::/64")
GATEWAY = bridge(DUAL, isDefaultGateway=True)
PORTS: dict[str, Any] = {"type": "portmap", "capabilities": {"portMappings": True}}
WALL: dict[str, Any] = {"type": "firewall", "ingressPolicy": "same-bridge"}
SHAPE = {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000,
         "egressBurst": 800_000}
TUNE = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mac": "02:00:00:00:00:01",
        "promisc": True}
#: A list for each plugin. `host-local` needs no capability, and is elsewhere.
LISTS: dict[str, list[dict[str, Any]]] = {
    "bridge": [{**GATEWAY, "ipMasq": True, "macspoofchk": True, "ipspoofchk": True}],
    "bridge with iptables": [bridge(isDefaultGateway=True, ipMasq=True, ipMasqBackend="iptables")],
    "ptp": [{"type": "ptp", "ipMasq": True, "ipam": DUAL}],
    "macvlan": [{"type": "macvlan", "master": "up0", "ipam": DUAL}],
    "tap": [{"type": "tap", "ipam": DUAL}],
    "static": [bridge({"type": "static", "addresses": [{"address": "10.77.0.5/24"}]})],
    "loopback": [{"type": "loopback"}],
    "host-device": [{"type": "host-device", "device": "up1"}],
    "portmap": [GATEWAY, PORTS],
    "portmap with iptables": [GATEWAY, {**PORTS, "backend": "iptables"}],
    "firewall": [GATEWAY, WALL],
    "firewall with iptables": [GATEWAY, {"type": "firewall", "backend": "iptables"}],
    "bandwidth": [GATEWAY, SHAPE],
    "tuning": [GATEWAY, TUNE],
    "sbr": [GATEWAY, {"type": "sbr"}],
}
ALL_OF_IT = network({**GATEWAY, "ipMasq": True, "macspoofchk": True}, TUNE, SHAPE, PORTS, WALL, name="net",
                    version="1.1.0")
MIB = 1 << 20


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def standing(host: Host) -> dict[str, Any]:
    """What the operator's tools could change, without what time does."""
    return {"leases": read_tree(host.path(LEASES)), "records": read_tree(host.path(RECORDS)),
            "links": link_names(host), "rules": host.must("nft -s list ruleset")}


def limited(*capabilities: str) -> list[str]:
    """The wrapper that takes all other capabilities away, for good and from all that is executed."""
    return ["setpriv", "--inh-caps", "-all", "--bounding-set",
            ",".join(["-all", *(f"+{name}" for name in capabilities)])]


# What plugins may do


@pytest.mark.parametrize("name", LISTS)
def test_smallest_capabilities(name: str, host: Host, ours: Implementation) -> None:
    """CAP_NET_ADMIN, and CAP_SYS_ADMIN to enter a container, are enough for a life; without, plugins fail in words."""
    host.must("ip link add up0 type veth peer name up1; ip link set up0 up")
    runtime = Runtime(host, ours, network(*LISTS[name], version="1.1.0"))
    container = host.add_container("c1")
    last = LISTS[name][-1]["type"]
    needed = ("net_admin",) if last in ("portmap", "firewall") else ("net_admin", "sys_admin")
    for lacking in needed:
        others = [other for other in needed if other != lacking]
        refused = runtime.add(container, capabilities=CAPABILITIES, wrapper={last: limited(*others)})
        assert "ermitted" in refused.error_text or "ermission" in refused.error_text, refused
        good(runtime.delete(container, capabilities=CAPABILITIES))
    for call in (runtime.add, runtime.check, runtime.delete):
        good(call(container, capabilities=CAPABILITIES, wrapper={last: limited(*needed)}))
    host.must("ip -n c1 link del up1 2>/dev/null || ip link del up1 2>/dev/null || :")
    assert left_behind(host, [container]) == {}


def test_addresses_without_capabilities(host: Host, ours: Implementation) -> None:
    """`host-local` alone is files and nothing else."""
    runtime = Runtime(host, ours, network({"type": "host-local", "ipam": DUAL}, version="1.1.0"))
    container = host.add_container("c1")
    for call in (runtime.add, runtime.check, runtime.delete):
        good(call(container, wrapper=limited()))
    assert left_behind(host, [container]) == {}


def test_daemon_capabilities(ours: Implementation) -> None:
    """CAP_NET_RAW and CAP_SYS_ADMIN are enough for `culvert-dhcpd` to get a lease and to give it back."""
    with new_lan(ours) as net:
        net.host.must("ip link add m0 type veth peer name m1; ip link set m1 master cni0 up; ip link set m0 up")
        net.start_daemon(command=[*limited("net_raw", "sys_admin"), ours.executable("dhcp"), "daemon"])
        net.dhcpd(600)
        entry = {"type": "macvlan", "master": "m0", "ipam": {"type": "dhcp"}}
        runtime = Runtime(net.host, ours, network(entry, name="lan", version="1.1.0"))
        container = net.host.add_container("c1")
        for call in (runtime.add, runtime.check, runtime.delete):
            good(call(container))


def test_operator_without_root(host: Host, ours: Implementation) -> None:
    """Whoever is not root reads no record, changes nothing, and is told so."""
    runtime = Runtime(host, ours, ALL_OF_IT)
    container = host.add_container("c1")
    good(runtime.add(container, capabilities=CAPABILITIES))
    tool = Operator(host, ours, ALL_OF_IT)
    before = standing(host)
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    for words in (("list",), ("gc", "--yes"), ("reconcile",), ("reload",), ("ipam", "gc", "--yes")):
        refused = tool.run(*words, wrapper=nobody)
        assert not refused.ok and "ermission denied" in refused.stderr + refused.stdout, (words, refused)
    assert standing(host) == before


# Files


#: What there is of each kind, and the mode it has whatever the caller's umask is; directories lose what a umask takes.
MODES = (
    (r"/run/culvert(/.*)?", 0o700, 0o600), (r"/run/cni/tuning(/.*)?", 0o700, 0o600),
    (r"/run/cni", 0o755, 0), (r"/var/lib/cni", 0o755, 0), (r"/var/lib/cni/networks/net/lock", 0, 0o740),
    (r"/var/lib/cni/networks(/.*)?", 0o755, 0o600),
)


@pytest.mark.parametrize("mask", ["0", "077"])
def test_modes(mask: str, host: Host, ours: Implementation) -> None:
    """Nobody but root writes anything of ours, or reads records and leases, under any umask."""
    runtime = Runtime(host, ours, ALL_OF_IT)
    wrapper = ["sh", "-c", f'umask {mask}; exec "$@"', "sh"]
    host.must("rmdir /var/lib/cni")
    for number in range(2):
        container = host.add_container(f"c{number}")
        good(runtime.add(container, wrapper=wrapper,
                         capabilities={"portMappings": CAPABILITIES["portMappings"] if number == 0 else []}))
    wrong, seen = [], 0
    for top in ("/run/culvert", "/run/cni", "/var/lib/cni"):
        for path in (host.path(top), *host.path(top).rglob("*")):
            inside = "/" + str(path.relative_to(host.root))
            status = path.lstat()
            for_directory, for_file = next(modes for pattern, *modes in MODES if re.fullmatch(pattern, inside))
            allowed = for_directory if stat.S_ISDIR(status.st_mode) else for_file
            seen += 1
            # What may be read in a directory that nobody else may enter is nobody else's either.
            if path.suffix == ".sqlite":
                allowed |= 0o044
            if inside.endswith("/lock"):
                allowed = 0o750
            if stat.S_IMODE(status.st_mode) & ~allowed or status.st_uid != 0:
                wrong.append(f"{inside} {oct(status.st_mode)}")
    assert not wrong and seen > 15, (wrong, seen)


PLANTED = {
    "lock": f"{LEASES}/net/lock", "hint": f"{LEASES}/net/last_reserved_ip.0", "new lease": f"{LEASES}/net/.culvert.new",
    "address": f"{LEASES}/net/10.77.0.2", "record": "/run/culvert/attachments/net/c1:eth0.json",
    "new record": "/run/culvert/attachments/net/c1:eth0.json.tmp", "ports": "/run/culvert/host-ports",
    "other record": "/run/culvert/attachments/net/c1:eth0:portmap.json",
}


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
def test_planted_files(what: str, kind: str, host: Host, ours: Implementation) -> None:
    """A link in the place of a file of ours is never written through, a pipe is never waited for."""
    place = PLANTED[what]
    make = {"link": "ln -s /run/victim", "dangling link": "ln -s /run/nothing", "pipe": "mkfifo"}[kind]
    host.must(f"echo precious >/run/victim; mkdir -p {os.path.dirname(place)}; {make} {place}")
    runtime = Runtime(host, ours, network(GATEWAY, PORTS, version="1.1.0"))
    container = host.add_container("c1")
    env = {"CULVERT_LOCK_TIMEOUT": "0.3"}
    added = runtime.add(container, capabilities=CAPABILITIES, wrapper=["timeout", "20"], env=env)
    assert added.ok or added.error(), added
    deleted = runtime.delete(container, capabilities=CAPABILITIES, wrapper=["timeout", "20"], env=env)
    assert deleted.ok or deleted.error(), deleted
    assert host.path("/run/victim").read_text() == "precious\n" and not host.path("/run/nothing").exists()
    host.must(f"rm -f {place}")
    good(runtime.delete(container, capabilities=CAPABILITIES))
    good(runtime.add(container, capabilities=CAPABILITIES))
    good(runtime.delete(container, capabilities=CAPABILITIES))
    assert left_behind(host, [container]) == {}


# Names


ESCAPES = ("../x", "..", ".", "/etc", "a/b", "a\nb", "a;id", "$(id)", "`id`", "a b", "-rf", "a\u2044b", "\u202ea",
           "x" * 201, "x" * 5000)


def test_names_stay_names(host: Host, ours: Implementation) -> None:
    """Ids, networks, interfaces, bridges and delegates that are paths, options or commands are refused unused."""
    container = host.add_container("c1")
    host.must("mkdir -p /run/culvert/attachments /var/lib/cni/networks")
    before = snapshot(host, [container])
    # But for the account of calls, which has a line for each.
    look = "find /run /var/lib /etc/cni 2>/dev/null | grep -vE '^/run/culvert/(journal|metrics)' | sort || :"
    files = host.must(look)

    def calls(name: str) -> list[tuple[Network, Container, str]]:
        plain = network(GATEWAY, version="1.1.0")
        bridged = network({**GATEWAY, "bridge": name}, version="1.1.0")
        delegated = network(bridge({"type": name}), version="1.1.0")
        found = [(plain, Container(name, container.netns), "eth0"), ({**plain, "name": name}, container, "eth0")]
        # Of the rest, the kernel takes any octets for the name of a link.
        if set(name) & set("/ \n") or name in (".", "..") or len(name) > 15:
            found += [(plain, container, name), (bridged, container, "eth0")]
        return found + [(delegated, container, "eth0")]

    for name in ESCAPES:
        for listed, subject, ifname in calls(name):
            refused = Runtime(host, ours, listed).add(subject, ifname)
            assert not refused.ok and refused.error()["code"] in (4, 6, 7, 100, 107), (name, listed, refused)
            assert len(refused.stdout) < 20_000
    assert snapshot(host, [container]) == before
    assert host.must(look) == files


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_names_in_rules(backend: str, host: Host, ours: Implementation) -> None:
    """What the kernel takes for an interface and a shell or a packet filter would not is a word in a rule, and goes."""
    container = host.add_container("c1")
    entry = bridge(host_local("10.77.0.0/24"), isGateway=True, ipMasq=True, ipMasqBackend=backend, macspoofchk=True)
    runtime = Runtime(host, ours, network(entry, {**PORTS, "backend": backend},
                                          {"type": "firewall", "backend": backend}, version="1.1.0"))
    for ifname in ('a"$(id>x);b', "a'b`id`", "--flush", "ü€\\b", "a,b{}*;", "COMMIT"):
        for call in (runtime.add, runtime.check, runtime.delete):
            good(call(container, ifname, capabilities=CAPABILITIES))
        assert left_behind(host, [container]) == {}
        assert "10.77.0.2" not in host.must("nft list ruleset; iptables-save")


# Input


def peak(host: Host, ours: Implementation, text: bytes) -> tuple[Outcome, int]:
    """What a plugin says to an input, and how much memory it needed, in MiB."""
    host.path("/run/input").write_bytes(text)
    script = ("import resource, subprocess, sys\n"
              "done = subprocess.run([sys.argv[1]], stdin=open('/run/input', 'rb'), stdout=subprocess.PIPE)\n"
              "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
              "sys.stdout.write(done.stdout.decode())")
    env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/run/netns/c1", "CNI_IFNAME": "eth0",
           "CNI_PATH": ours.cni_path}
    ran = good(host.run(["/usr/bin/python3", "-c", script, ours.executable("loopback")], env=env))
    first, _, rest = ran.stdout.partition("\n")
    status, memory = first.split()
    return Outcome(int(status), rest, ""), int(memory)


def document(value: str) -> bytes:
    """A configuration with one large member that nobody asks for."""
    return ('{"cniVersion":"1.1.0","name":"net","type":"loopback","x":' + value + "}").encode()


TOO_MUCH = {
    "blanks": (b" " * (100 * MIB), "octets"), "a string": (document('"' + "a" * (5 * MIB) + '"'), "octets"),
    "an array": (document("[" + "1," * (1 << 20) + "1]"), "values"),
    "arrays": (document("[" + "[]," * (1 << 20) + "1]"), "values"),
    "members": (document("{" + ",".join(f'"{n}":1' for n in range(300_000)) + "}"), "values"),
    "depth": (document("[" * 200_000), "depth"),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much(what: str, host: Host, ours: Implementation) -> None:
    """More than 4 MiB, more than 262144 values or more than 2048 levels are refused in words, and in little memory."""
    text, word = TOO_MUCH[what]
    refused, memory = peak(host, ours, text)
    assert refused.error()["code"] == 6 and word in refused.error_text, refused
    # Of the interpreter that measures, some.
    assert memory < 128, memory


ENOUGH = {
    "values": document("[" + "[]," * 131_000 + "1]"), "a string": document('"' + "a" * (4 * MIB - 200) + '"'),
    "attachments": json.dumps({"cniVersion": "1.1.0", "name": "net", "type": "loopback", **{
        key: [{"containerID": f"{n:064x}", "ifname": "eth0"} for n in range(10_000)]
        for key in ("cni.dev/valid-attachments", "cni.dev/attachments")}}).encode(),
}


@pytest.mark.parametrize("what", ENOUGH)
def test_enough(what: str, host: Host, ours: Implementation) -> None:
    """Whatever is allowed needs a bounded amount of memory: ten thousand attachments, twice, are."""
    host.add_container("c1")
    accepted, memory = peak(host, ours, ENOUGH[what])
    assert accepted.ok, accepted
    assert memory < 512, memory


# What is executed


SPY = """#!/bin/sh
for one in /proc/$$/fd/*; do readlink $one; done >/run/spied.files
env >/run/spied.env
cat >/dev/null
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.77.0.9/24"}]}'
"""


def test_delegates_inherit_nothing_open(host: Host, ours: Implementation) -> None:
    """A delegate has standard input, output and error, and no namespace, record, lock or socket of ours."""
    host.must("mkdir /run/spies; cat >/run/spies/spy; chmod 755 /run/spies/spy", stdin=SPY)
    runtime = Runtime(host, ours, network(bridge({"type": "spy"}, isGateway=True), version="1.1.0"))
    container = host.add_container("c1")
    env = {"CNI_PATH": f"{ours.cni_path}:/run/spies", "LD_PRELOAD": "", "ANYTHING": "else"}
    good(runtime.add(container, env=env))
    files = host.path("/run/spied.files").read_text().splitlines()
    # The shell has its script open, and the list that it writes.
    others = [name for name in files if not name.startswith(("/run/spies/", "/run/spied.", "pipe:", "/proc/"))]
    assert len(others) == 1 and others[0].startswith("/memfd:stdin"), files
    assert sum(name.startswith("pipe:") for name in files) <= 2, files
    seen = dict(line.split("=", 1) for line in host.path("/run/spied.env").read_text().splitlines())
    assert seen["CNI_COMMAND"] == "ADD" and seen["CNI_CONTAINERID"] == "c1"
    assert seen["ANYTHING"] == "else" and seen["LD_PRELOAD"] == "", "the caller's environment, as it is"
    good(runtime.delete(container, env=env))


def test_programs_of_iptables_get_no_environment(host: Host, ours: Implementation) -> None:
    """They are looked for in absolute directories, and get a language and a path of ours."""
    host.must("mkdir /run/bad; cd /run/bad; for name in iptables-save iptables-restore; do printf "
              "'#!/bin/sh\\nenv >>/run/spied.env\\nexec /usr/sbin/%s \"$@\"\\n' $name >$name; chmod 755 $name; done")
    runtime = Runtime(host, ours, network(bridge(isGateway=True, ipMasq=True, ipMasqBackend="iptables")))
    container = host.add_container("c1")
    relative = ["sh", "-c", 'cd /run/bad; exec "$@"', "sh"]
    good(runtime.add(container, wrapper=relative, env={"PATH": ".::bad:/usr/sbin:/usr/bin:/bin"}))
    assert not host.path("/run/spied.env").exists(), "a program of the working directory was run"
    good(runtime.delete(container))
    good(runtime.add(container, env={"PATH": "/run/bad:/usr/bin:/bin", "IPTABLES_X": "1", "BASH_ENV": "/x"}))
    seen = {line.split("=")[0] for line in host.path("/run/spied.env").read_text().splitlines()}
    assert seen <= {"LC_ALL", "PATH", "PWD", "_", "SHLVL", "OLDPWD"}, seen


def test_loader_has_no_say(host: Host, ours: Implementation) -> None:
    """Plugins are static: what LD_PRELOAD and LD_LIBRARY_PATH name is not even looked for."""
    words = ["env", "LD_PRELOAD=/none.so", "LD_LIBRARY_PATH=/run", "LD_DEBUG=all"]
    assert "/none.so" in host.run([*words, "true"]).stderr
    asked = host.plugin(ours.executable("bridge"), "VERSION", '{"cniVersion":"1.1.0"}', wrapper=words)
    assert asked.ok and asked.stderr == ""


# What a container can do


TRICKS = {
    "renames its link": "ip link set eth0 down; ip link set eth0 name mine; ip link set mine up",
    "deletes its link": "ip link del eth0",
    "moves its link away": "ip netns add hole; ip link set eth0 netns hole",
    "takes another's address": "ip address flush dev eth0; ip address add 10.77.0.1/24 dev eth0",
    "takes another MAC address": "ip link set eth0 address 02:00:00:00:00:99",
    "puts another link in its place": "ip link set eth0 name old; ip link add eth0 type veth peer name v",
    "has a thousand addresses": "for n in $(seq 1 200); do for m in 1 2 3 4 5; do "
                                "echo address add 198.$n.0.$m/32 dev lo; done; done | ip -batch -",
    "gives its link many names": "for n in 1 2 3 4 5; do ip link property add dev eth0 altname a$n; done",
    "bridges its link": "ip link add br0 type bridge; ip link set eth0 master br0; ip link set br0 up",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_of_containers(trick: str, host: Host, ours: Implementation) -> None:
    """Whatever a container does to its own links, CHECK says something and DEL leaves nothing on the host."""
    runtime = Runtime(host, ours, ALL_OF_IT)
    container, other = host.add_container("c1"), host.add_container("c2")
    good(runtime.add(other))
    untouched = host.must("nft -s list ruleset")
    good(runtime.add(container, capabilities=CAPABILITIES))
    host.run(["sh", "-c", TRICKS[trick]], netns=container.netns)
    checked = runtime.check(container, capabilities=CAPABILITIES)
    assert checked.ok or checked.error()
    good(runtime.delete(container, capabilities=CAPABILITIES))
    assert host.must("nft -s list ruleset") == untouched
    good(runtime.check(other))
    good(runtime.delete(other))
    remains = left_behind(host)
    assert remains == {}, remains


def test_settings_are_written_to_the_real_files(host: Host, ours: Implementation) -> None:
    """What a container mounts over /proc/sys is the container's affair: plugins stay among the host's mounts."""
    container = host.start(["unshare", "--net", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /proc/sys; "
                            "mkdir -p /proc/sys/net/ipv4/conf; ln -s /run/victim /proc/sys/net/ipv4/conf/eth0; "
                            "echo ready; exec cat"])
    assert container.stdout and container.stdout.readline() == "ready\n"
    subject = Container("c1", f"/proc/{container.pid}/ns/net")
    runtime = Runtime(host, ours, ALL_OF_IT)
    good(runtime.add(subject))
    assert host.must("cat /proc/sys/net/ipv4/conf/eth0/arp_filter", netns=subject.netns) == "1\n"
    assert not host.path("/run/victim").exists()
    good(runtime.delete(subject))


NAMESPACES = {
    "a pipe": "mkfifo /run/netns/bad", "a directory": "mkdir /run/netns/bad", "a loop": "ln -s bad /run/netns/bad",
    "a device": "ln -s /dev/zero /run/netns/bad", "another kind": "ln -s /proc/self/ns/mnt /run/netns/bad",
    "the host's": "touch /run/netns/bad; mount --bind /proc/self/ns/net /run/netns/bad",
    "a link to the host's": "ln -s /proc/self/ns/net /run/netns/bad", "a file": "echo x >/run/netns/bad",
}


@pytest.mark.parametrize("kind", NAMESPACES)
def test_namespaces_that_are_none(kind: str, host: Host, ours: Implementation) -> None:
    """ADD refuses them, DEL does without them, nobody waits, and the host's own is never taken for a container's."""
    runtime = Runtime(host, ours, network(GATEWAY, TUNE, version="1.1.0"))
    host.must(NAMESPACES[kind])
    before = snapshot(host)
    container = Container("c1", "/run/netns/bad")
    refused = runtime.add(container, wrapper=["timeout", "20"])
    assert refused.error()["code"] in (4, 8), refused
    deleted = runtime.delete(container, wrapper=["timeout", "20"])
    assert deleted.ok or deleted.error()["code"] in (8, 100), deleted
    assert snapshot(host)["host"] == before["host"] and left_behind(host) == {}


# Locks


def test_locks_are_waited_for_so_long(host: Host, ours: Implementation) -> None:
    """Whoever holds a lock delays others for CULVERT_LOCK_TIMEOUT, and then they are told to try again."""
    runtime = Runtime(host, ours, network(GATEWAY, version="1.1.0"))
    container, second = host.add_container("c1"), host.add_container("c2")
    good(runtime.add(container))
    for path in (f"{LEASES}/net/lock", "/run/culvert/attachments/net/c1:eth0.json"):
        with host.path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            began = time.monotonic()
            call = runtime.add if path.endswith("lock") else runtime.delete
            refused = call(second if path.endswith("lock") else container, env={"CULVERT_LOCK_TIMEOUT": "0.2"})
            assert refused.error()["code"] == 11 and time.monotonic() - began < 30
    good(runtime.delete(second))
    good(runtime.delete(container))
    assert left_behind(host, [container, second]) == {}


def test_strangers_hold_no_lock(host: Host, ours: Implementation) -> None:
    """Who is not root cannot open a file that plugins lock, and a lock on the directory is none of theirs."""
    runtime = Runtime(host, ours, network(GATEWAY, PORTS, version="1.1.0"))
    container = host.add_container("c1")
    good(runtime.add(container, capabilities=CAPABILITIES))
    nobody: Sequence[str] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "flock", "--shared"]
    for path in (f"{LEASES}/net/lock", "/run/culvert/host-ports", "/run/culvert/attachments/net/c1:eth0.json"):
        assert "ermission denied" in host.run([*nobody, path, "true"]).stderr, path
    holder = host.start([*nobody, f"{LEASES}/net", "sh", "-c", "echo ready; exec cat"])
    assert holder.stdout and holder.stdout.readline() == "ready\n"
    good(runtime.delete(container, capabilities=CAPABILITIES, env={"CULVERT_LOCK_TIMEOUT": "0.2"}))
    assert left_behind(host, [container]) == {}


# The page


def test_every_statement_names_its_test() -> None:
    """Each test that the page names exists, and each test of this file is named there."""
    text = PAGE.read_text()
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", text))
    assert named
    for file, test in named:
        source = (pathlib.Path(__file__).parent / file).read_text()
        assert f"def {test}(" in source, f"{file} has no {test}"
    own = set(re.findall(r"^def (test_\w+)", pathlib.Path(__file__).read_text(), re.MULTILINE))
    assert own - {test for _, test in named} == set()
    bare = [line for line in text.splitlines() if line.startswith("| ") and "test" not in line and "---" not in line]
    statements = [line for line in bare if line.count("|") == 3 and not line.startswith("| statement")]
    assert statements == [], "statements without a test"


