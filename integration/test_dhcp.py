# SPDX-License-Identifier: Apache-2.0
"""The plugin dhcp and its daemon, on links with real servers and with malicious ones.

A lease takes seconds to run its course, so every story runs on a host of its own beside all others, once; the tests
look at what became of it.
"""
from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lan as links
from faults import KILLED, TRACE, Point, points_in
from implementations import REFERENCE, Implementation
from lan import SERVER, SOCKET, Lan, until
from runtime import valid_attachments

pytestmark = [pytest.mark.needs_culvert, pytest.mark.xdist_group("dhcp")]
Facts = dict[str, Any]
STORIES: dict[str, Callable[[Lan], Facts]] = {}
#: When to ask the server, and when anybody: the rest of the time is for a server to come back.
TIMES = "option dhcp-renewal-time 2; option dhcp-rebinding-time 5;"
FLAGS = ("-resendtimeout", "20s")


def story(body: Callable[[Lan], Facts]) -> Callable[[Lan], Facts]:
    """Marks a story to be run."""
    STORIES[body.__name__] = body
    return body


def play(body: Callable[[Lan], Facts], implementation: Implementation) -> Facts:
    """Runs a story on a new link; how it failed is for whoever asks for its facts."""
    with links.new_lan(implementation) as lan:
        try:
            return body(lan)
        except Exception as error:  # noqa: BLE001
            return {"error": error, "daemon": lan.log(), "server": lan.log("/run/server.log")[-4000:]}


@pytest.fixture(scope="module")
def stories(ours: Implementation) -> Iterator[dict[str, concurrent.futures.Future[Facts]]]:
    """All stories, going on at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(STORIES)) as pool:
        yield {name: pool.submit(play, body, ours) for name, body in STORIES.items()}


@pytest.fixture
def facts(request: pytest.FixtureRequest, stories: dict[str, concurrent.futures.Future[Facts]]) -> Facts:
    """What became of the story that a test is named after."""
    name = request.node.originalname.removeprefix("test_").partition("__")[0]
    found = stories[name].result()
    if "error" in found:
        print(found["daemon"], found["server"], sep="\n---\n")
        raise found["error"]
    return found


@story
def life(lan: Lan) -> Facts:
    """One lease from its beginning to its end, with the daemon killed and the server gone on the way."""
    lan.start_daemon(*FLAGS)
    server = lan.dhcpd(16, options=TIMES)
    net = lan.network(
        priority=50,
        provide=[{"option": "host-name", "fromArg": "K8S_POD_NAME"}, {"option": "60", "value": "culvert"},
                 {"option": "user-class", "fromArg": "ABSENT"}],
        request=[{"option": "domain-name"}, {"option": "15"}])
    container = lan.host.add_container("c1")
    added = net.add(container, args="IgnoreUnknown=1;K8S_POD_NAME=web").result()
    facts: Facts = {
        "result": added, "addresses": lan.addresses(container), "reaches": lan.reaches_server(container),
        "check": net.check(container), "status": net.status(),
    }
    until(lambda: lan.leases()["c1"]["renewals"] >= 2, "two renewals")
    facts["asked by unicast"] = lan.log("/run/server.log").count("DHCPREQUEST for 10.99.0.10 from")

    lan.stop_daemon(signal.SIGKILL)
    lan.start_daemon(*FLAGS)
    facts["resumed"] = lan.leases()["c1"]
    before = facts["resumed"]["renewals"]
    until(lambda: lan.leases()["c1"]["renewals"] > before, "a renewal after a restart")

    lan.stop(server)
    until(lambda: lan.leases()["c1"]["state"] == "rebinding", "rebinding")
    facts["up while rebinding"] = lan.is_up(container)
    server = lan.dhcpd(16, options=TIMES)
    until(lambda: lan.leases()["c1"]["state"] == "bound", "bound again")
    lan.stop(server)
    until(lambda: lan.leases()["c1"]["state"] == "expired", "expiry")
    facts["up when expired"] = lan.is_up(container)
    facts["check when expired"] = net.check(container)
    facts["del"] = [net.delete(container), net.delete(container)]
    facts["left"] = (lan.leases(), lan.remembered(), lan.addresses(container))
    facts["server"] = lan.log("/run/server.log")
    return facts


def test_life__result(facts: Facts) -> None:
    """The result is the reference's: address, gateway, a default route; DNS where it is asked for."""
    assert facts["result"]["ips"] == [{"interface": 2, "address": "10.99.0.10/24", "gateway": "10.99.0.1"}]
    assert facts["result"]["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.99.0.1", "priority": 50}]
    assert facts["result"]["dns"] == {"domain": "lan.example"}
    assert facts["addresses"] == ["10.99.0.10/24"] and facts["reaches"]
    assert facts["check"].ok and facts["status"].ok


def test_life__options(facts: Facts) -> None:
    """The server sees what the configuration and CNI_ARGS say, and the usual identifier."""
    assert "COMMITTED 10.99.0.10 host=web vendor=culvert id=c1/lan/eth0" in facts["server"]


def test_life__renewal(facts: Facts) -> None:
    """The daemon prolongs the lease; also one that was killed and starts again."""
    assert facts["asked by unicast"] >= 2
    assert facts["resumed"]["renewals"] >= 2 and facts["resumed"]["state"] == "bound"


def test_life__expiry(facts: Facts) -> None:
    """Without a server it asks anybody, and sets the link down at the end."""
    assert facts["up while rebinding"] and not facts["up when expired"]
    assert facts["check when expired"].error()["code"] == 105
    assert "is over" in facts["check when expired"].error_text


def test_life__end(facts: Facts) -> None:
    """DEL leaves nothing, and can be repeated."""
    assert all(outcome.ok for outcome in facts["del"])
    assert facts["left"] == ({}, [], [])


@story
def refusal(lan: Lan) -> Facts:
    """Servers that forget: one gives the same address again, another one something else."""
    lan.start_daemon(*FLAGS)
    times = ["--dhcp-option-force=option:T1,3", "--dhcp-option-force=option:T2,100"]
    server = lan.dnsmasq(*times)
    net = lan.network()
    container = lan.host.add_container("c1")
    first = net.add(container).result()["ips"][0]["address"]
    lan.stop(server)
    server = lan.dnsmasq(*times)
    until(lambda: lan.leases()["c1"]["renewals"] >= 1, "the same address again")
    facts: Facts = {"refused": "refused to prolong" in lan.log(), "same": lan.leases()["c1"]["address"] == first,
                    "up": lan.is_up(container)}
    lan.stop(server)
    lan.dnsmasq(*times, "--dhcp-range=10.99.0.150,10.99.0.160,120",
                f"--dhcp-host={lan.host.links(container.netns)[-1]['address']},10.99.0.155")
    until(lambda: lan.leases()["c1"]["state"] == "expired", "the other address is not taken")
    facts["up at last"] = lan.is_up(container)
    facts["log"] = lan.log()
    facts["del"] = net.delete(container)
    return facts


def test_refusal(facts: Facts) -> None:
    """Refused, it takes the same address again, and ends when there is only another one."""
    assert facts["refused"] and facts["same"] and facts["up"]
    assert not facts["up at last"] and "the server gives 10.99.0.155/24 instead of" in facts["log"]
    assert facts["del"].ok


@story
def giving_back(lan: Lan) -> Facts:
    """Leases end: by DEL with and without a daemon, by GC, with a container, with an ADD that fails."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(3600)
    net = lan.network()
    names = ["with", "without", "swept", "spared", "dead"]
    containers = {name: lan.host.add_container(name) for name in names}
    given = {name: net.add(container).result()["ips"][0]["address"].split("/")[0]
             for name, container in containers.items()}
    facts: Facts = {"given": given, "del": net.delete(containers["with"])}
    # Twice the same ADD of the plugin alone is the same lease.
    entry = net.network["plugins"][0]
    again = lan.host.plugin(lan.implementation.executable("dhcp"), "ADD", net.stdin(entry),
                            container=containers["spared"], cni_path=lan.implementation.cni_path)
    facts["again"] = again.result()["ips"][0]["address"].split("/")[0] == given["spared"]

    lan.host.remove_container(containers["dead"])
    lan.stop_daemon()
    facts["files while stopped"] = len(lan.remembered())
    facts["del alone"] = net.delete(containers["without"])
    facts["status alone"] = net.status()
    facts["add alone"] = net.add(lan.host.add_container("late"))
    facts["del of nothing"] = net.delete(containers["with"])
    lan.start_daemon(*FLAGS)
    facts["after a start"] = sorted(lan.leases())
    facts["gc"] = net.sweep(valid_attachments(("spared", "eth0")))
    facts["after gc"] = sorted(lan.leases())

    conflict = lan.network("conflict", bridge_keys={"isGateway": True})
    lan.host.must("ip addr add 10.98.0.1/24 dev cni0")
    facts["failed"] = conflict.add(lan.host.add_container("unlucky"))
    facts["left"] = (sorted(lan.leases()), [path.name for path in lan.remembered()],
                     [link["ifname"] for link in lan.host.links() if link["ifname"].startswith("veth")].__len__())
    until(lambda: lan.log("/run/server.log").count("DHCPRELEASE") >= 3, "releases arrive")
    facts["server"] = lan.log("/run/server.log")
    return facts


def test_giving_back__del(facts: Facts) -> None:
    """DEL tells the server; without a daemon the plugin does it."""
    assert facts["del"].ok and facts["del alone"].ok and facts["del of nothing"].ok
    for name in ("with", "without"):
        assert f"DHCPRELEASE of {facts['given'][name]} " in facts["server"], name
    assert facts["files while stopped"] == 4


def test_giving_back__daemon(facts: Facts) -> None:
    """Without a daemon STATUS and ADD say what to do; a new one forgets whose namespace is gone."""
    assert facts["status alone"].error()["code"] == 50 and "dhcp daemon" in facts["status alone"].error_text
    assert facts["add alone"].error()["code"] == 11 and "no DHCP daemon" in facts["add alone"].error_text
    assert facts["after a start"] == ["spared", "swept"]


def test_giving_back__gc(facts: Facts) -> None:
    """GC gives back what nobody claims, and ADD again is the same lease."""
    assert facts["gc"].ok and facts["after gc"] == ["spared"] and facts["again"]


def test_giving_back__failure(facts: Facts) -> None:
    """An ADD that fails after the lease gives it back, and leaves no link."""
    assert facts["failed"].error()["code"] == 102
    assert facts["left"] == (["spared"], ["lan:spared:eth0.json"], 1)
    assert facts["server"].count("DHCPRELEASE") >= 3


@story
def patience(lan: Lan) -> Facts:
    """A link without a server keeps nobody on another link waiting."""
    lan.start_daemon("-resendtimeout", "6s")
    lan.dhcpd(60)
    lan.host.must("ip link add cni1 type bridge && ip link set cni1 up")
    deaf = lan.network("deaf", bridge_keys={"bridge": "cni1"})
    net = lan.network()
    lost = [lan.host.add_container(f"lost{number}") for number in range(3)]
    good = lan.host.add_container("good")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pending = [pool.submit(deaf.add, container) for container in lost[:2]]
        until(lambda: len(lan.leases()) == 2, "two searches")
        began = time.monotonic()
        facts: Facts = {"good": net.add(good), "seconds": time.monotonic() - began,
                        "searching": sorted(row["state"] for row in lan.leases().values())}
        # Killed, as by a runtime that has waited long enough.
        facts["killed"] = deaf.add(lost[2], wrapper=["timeout", "-s", "KILL", "1"])
        until(lambda: "lost2" not in lan.leases(), "nobody waits for it")
        facts["lost"] = [future.result() for future in pending]
    facts["left"] = (sorted(lan.leases()), lan.host.must("ip -br link").count("cni1 "))
    facts["del"] = [deaf.delete(container) for container in lost]
    facts["veths"] = sum(link.get("master") == "cni1" for link in lan.host.links())
    return facts


def test_patience__others(facts: Facts) -> None:
    """An ADD on a link with a server is served while others search."""
    assert facts["good"].ok and facts["searching"] == ["bound", "selecting", "selecting"]


def test_patience__end(facts: Facts) -> None:
    """A search is given up in time, or with whoever wanted it, and leaves nothing."""
    for outcome in facts["lost"]:
        assert outcome.error()["code"] == 11 and "no DHCP server" in outcome.error_text
    assert not facts["killed"].ok and facts["left"][0] == ["good"]
    assert all(outcome.ok for outcome in facts["del"]) and facts["veths"] == 0


#: Answers whatever it hears with rubbish: of its own making, and the real answer damaged. Sends rubbish unasked, too.
MALICE = """
import os, random, socket, struct, sys, threading, time
random.seed(5)
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
raw.bind(("eth0", 0))
def frame(target, payload, sport=67, dport=68, ip=b"\\x45"):
    udp = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    total = 20 + len(udp)
    head = ip + struct.pack("!BHHHBBH", 0, total & 0xffff, 0, 0, 64, 17, 0) + bytes([10,99,0,66]) + b"\\xff" * 4
    if ip == b"\\x45":
        s = sum(struct.unpack("!10H", head)); s = (s & 0xffff) + (s >> 16); s = (s & 0xffff) + (s >> 16)
        head = head[:10] + struct.pack("!H", ~s & 0xffff) + head[12:]
    return target + b"\\x02\\x00\\x00\\x00\\x00\\x66" + b"\\x08\\x00" + head + udp
def answer(request, kind, options):
    return (b"\\x02\\x01\\x06\\x00" + request[4:8] + bytes(8) + bytes([10,99,0,200]) + bytes(8) + request[28:44]
            + bytes(192) + b"\\x63\\x82\\x53\\x63" + bytes([53, 1, kind]) + options)
HOSTILE = [
    b"", b"\\xff", b"\\x01", b"\\x01\\xff", bytes([1,4,255,0,255,0,54,4,10,99,0,66,51,4,0,0,0,9,255]),
    bytes([1,4,255,255,255,0,51,4,0,0,0,0,54,4,10,99,0,66,255]), bytes([52,1,3]) + bytes(9),
    bytes([54,4,10,99,0,66]) + bytes([119,4,0xc0,0,0xc0,0]) * 40 + b"\\xff",
    bytes([121,255]) + bytes([32]) * 255 + b"\\xff", bytes([56,255]) + b"%n" * 127 + b"x\\xff",
]
print("ready", flush=True)
count = 0
raw.settimeout(0.001)
while True:
    try:
        packet = raw.recv(4096)
    except OSError:
        for _ in range(20):
            raw.send(frame(b"\\xff" * 6, random.randbytes(random.randrange(0, 1400))))
        continue
    if packet[23] != 17 or packet[36:38] != b"\\x00\\x43":
        continue
    request = packet[42:]
    for options in HOSTILE:
        for kind in (2, 5, 6, 0, 255):
            raw.send(frame(packet[6:12], answer(request, kind, options)))
        raw.send(frame(packet[6:12], answer(request, 2, options)[:random.randrange(300)], ip=b"\\x4f"))
"""


@story
def malice(lan: Lan) -> Facts:
    """A malicious server floods the link beside a real one."""
    lan.start_daemon(*FLAGS)
    evil = lan.start(["/usr/bin/python3", "-c", MALICE], "/run/evil.log", f"/run/netns/{SERVER}")
    until(lambda: "ready" in lan.log("/run/evil.log"), "malice begins")
    lan.dhcpd(8)
    net = lan.network()
    container = lan.host.add_container("c1")
    added = net.add(container)
    facts: Facts = {"added": added, "ended": evil.poll()}
    until(lambda: not added.ok or lan.leases()["c1"]["renewals"] >= 1, "a renewal under fire")
    facts["daemon"] = lan.daemon.poll() if lan.daemon else 1
    facts["log"] = len(lan.log())
    facts["del"] = net.delete(container)
    return facts


def test_malice(facts: Facts) -> None:
    """The real server's lease is found and prolonged, and nothing falls over."""
    assert facts["ended"] is None and facts["daemon"] is None
    assert facts["added"].result()["ips"][0]["address"] == "10.99.0.10/24"
    assert facts["log"] < 100_000 and facts["del"].ok


@story
def strangers(lan: Lan) -> Facts:
    """Whoever connects to the daemon's socket and makes no sense is no trouble for the others."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(60)
    mode = oct(lan.host.path(SOCKET).stat().st_mode & 0o777)
    nonsense: list[Any] = [
        lan.ask(text) for text in (
            b"\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b'{"culvertDHCP": 2, "verb": "list"}\n',
            b'{"culvertDHCP": 1, "verb": "add"}\n',
            b'{"culvertDHCP":1,"verb":"add","order":{"network":"..","containerID":"../x","ifname":"e","netns":"/"}}\n',
            b'{"culvertDHCP":1,"verb":"delete","network":"a/b","containerID":"c","ifname":"e"}\n',
            b'{"culvertDHCP":1,"verb":"add","order":{"network":"n","containerID":"c","ifname":"lo",'
            b'"netns":"/etc/passwd"}}\n',
        )
    ]
    halves: list[Any] = []

    def hang_about() -> bool:
        """One more connection that says half of something."""
        half = links.socket.socket(links.socket.AF_UNIX)
        half.settimeout(5)
        half.connect(str(lan.host.path(SOCKET)))
        half.send(b'{"culvertDHCP": 1, "verb": "st')
        halves.append(half)
        return len(halves) == 300

    until(hang_about, "300 halves")
    added = lan.network().add(lan.host.add_container("c1"))
    for half in halves:
        half.close()
    facts: Facts = {"mode": mode, "nonsense": nonsense, "added": added, "halves": len(halves),
                    "alive": bool(lan.ask({"verb": "status"})), "daemon": lan.daemon.poll() if lan.daemon else 1}
    lan.stop_daemon()
    facts["gone"] = not lan.host.path(SOCKET).exists()
    return facts


def test_strangers(facts: Facts) -> None:
    """Nonsense is refused in words, half a question is waited for, and the socket is for root."""
    assert facts["mode"] == "0o600" and facts["alive"] and facts["daemon"] is None and facts["gone"]
    assert all(answer and answer["error"]["code"] >= 1 for answer in facts["nonsense"]), facts["nonsense"]
    assert facts["added"].ok and facts["halves"] == 300


#: Does what systemd does for a socket unit: the program finds the listening socket as descriptor 3.
ACTIVATION = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
os.makedirs("/run/cni", exist_ok=True)
listener.bind("/run/cni/dhcp.sock")
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.execve(sys.argv[1], sys.argv[1:], {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""


@story
def service(lan: Lan) -> Facts:
    """Started by a service manager, beside the reference's daemon, and again over itself."""
    dhcp = lan.implementation.executable("dhcp")
    lan.start_daemon(command=["/usr/bin/python3", "-c", ACTIVATION, dhcp, "daemon", "-pidfile=/run/dhcp.pid"])
    assert lan.daemon
    lan.dhcpd(60)
    net = lan.network()
    container = lan.host.add_container("c1")
    facts: Facts = {"added": net.add(container), "number": lan.log("/run/dhcp.pid").strip(), "pid": str(lan.daemon.pid)}
    second = lan.host.run([dhcp, "daemon"])
    facts["second"] = (second.status, second.stderr)
    usage = lan.host.run([dhcp, "daemon", "-nonsense"])
    facts["usage"] = (usage.status, usage.stderr)
    status = (lan.host.path(f"/proc/{lan.daemon.pid}/status")).read_text()
    facts["resident kB"] = int(status.split("VmRSS:")[1].split()[0])
    # Between renewals nothing of the container is held open.
    holding = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{lan.daemon.pid}/fd")]
    facts["sockets"] = sum(name.startswith("socket:") for name in holding)
    entry = {"name": "lan", "cniVersion": "1.0.0", "type": "bridge", "ipam": {"type": "dhcp"}}
    facts["their plugin"] = lan.host.plugin(str(REFERENCE.directory / "dhcp"), "ADD", entry, container=container)
    facts["del"] = net.delete(container)
    lan.stop_daemon()
    facts["socket stays"] = lan.host.path(SOCKET).exists()

    lan.start([str(REFERENCE.directory / "dhcp"), "daemon", "-socketpath", "/run/go.sock"], "/run/go.log")
    until(lambda: lan.host.path("/run/go.sock").is_socket(), "the reference's daemon listens")
    foreign = lan.network("foreign", daemonSocketPath="/run/go.sock")
    facts["foreign"] = foreign.add(container)
    facts["foreign status"] = foreign.status()
    facts["foreign del"] = foreign.delete(container)
    return facts


def test_service__activation(facts: Facts) -> None:
    """A socket that is handed over is used, and left where it is; a second daemon does not begin."""
    assert facts["added"].ok and facts["del"].ok and facts["number"] == facts["pid"] and facts["socket stays"]
    assert facts["second"][0] == 1 and "a daemon is running" in facts["second"][1]
    assert facts["usage"][0] == 64 and "there is no flag -nonsense" in facts["usage"][1]


def test_service__idle(facts: Facts) -> None:
    """An idle daemon holds no socket of a container, and is small even with all that is there for debugging."""
    assert facts["resident kB"] < 20_000
    assert facts["sockets"] == 1, "the listener only"


def test_service__reference(facts: Facts) -> None:
    """The reference's daemon is recognised, and so is its plugin; errors say so."""
    assert facts["foreign"].error()["code"] == 107 and "the reference's daemon" in facts["foreign"].error_text
    assert "culvert-dhcpd" in facts["their plugin"].error_text
    assert facts["foreign status"].error()["code"] == 50 and facts["foreign del"].ok


@story
def comparison(lan: Lan) -> Facts:
    """The same servers and configurations for the reference's plugin and ours."""
    lan.start_daemon(*FLAGS)
    lan.start([str(REFERENCE.directory / "dhcp"), "daemon", "-socketpath", "/run/go.sock"], "/run/go.log")
    until(lambda: lan.host.path("/run/go.sock").is_socket(), "the reference's daemon listens")
    lan.dnsmasq("--dhcp-option=tag:static,33,172.16.0.0,10.99.0.7", "--dhcp-option=option:router,10.99.0.1",
                "--dhcp-option=tag:classless,121,10.5.0.0/16,10.99.0.8,0.0.0.0/0,10.99.0.9",
                "--dhcp-vendorclass=set:static,static", "--dhcp-vendorclass=set:classless,classless")
    facts: Facts = {}
    provides = {
        "plain": {}, "static": {"provide": [{"option": "60", "value": "static"}], "request": [{"option": "33"}]},
        "classless": {"provide": [{"option": "vendor-class-identifier", "value": "classless"}],
                      "request": [{"option": "121"}]},
    }
    for name, keys in provides.items():
        results = []
        for implementation, path in ((lan.implementation, SOCKET), (REFERENCE, "/run/go.sock")):
            container = lan.host.add_container(f"{name}-{implementation.name}")
            lan.host.must(f"""
                ip link add port{len(facts)}{len(results)} type veth peer name eth0 netns {container.id}
                ip link set port{len(facts)}{len(results)} master cni0 up
            """)
            entry = {"name": "lan", "cniVersion": "1.0.0", "type": "bridge",
                     "ipam": {"type": "dhcp", "daemonSocketPath": path, **keys}}
            answer = lan.host.plugin(str(implementation.directory / "dhcp"), "ADD", entry, container=container)
            result = answer.result()
            # Old versions of the reference's library print it, newer ones do not.
            result.pop("dns", None)
            result["ips"][0]["address"] = result["ips"][0]["address"].split("/")[1]
            deleted = lan.host.plugin(str(implementation.directory / "dhcp"), "DEL", entry, container=container)
            results.append((json.dumps(result, sort_keys=True), deleted.ok))
        facts[name] = results
    return facts


@pytest.mark.parametrize("kind", ["plain", "static", "classless"])
def test_comparison(facts: Facts, kind: str) -> None:
    """The results are the same but for the address."""
    assert facts[kind][0] == facts[kind][1]


@story
def advertised(lan: Lan) -> Facts:
    """IPv6 by what routers advertise, with and without IPv4."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(60)
    lan.advertise()
    both, six = (lan.host.add_container(name) for name in ("both", "six"))
    dual, single = lan.network(ipv6="slaac"), lan.network("single", ipv4=False, ipv6="slaac")
    lan.host.must("ip link add cni1 type bridge && ip link set cni1 up")
    deaf = lan.network("deaf", bridge_keys={"bridge": "cni1"}, ipv4=False, ipv6="slaac")
    lost = lan.host.add_container("lost")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        pending = [pool.submit(net.add, container) for net, container in ((dual, both), (single, six), (deaf, lost))]
        added = [future.result() for future in pending]
    facts: Facts = {"added": added}
    facts["reaches"] = [lan.host.run(["ping", "-6", "-n", "-q", "-c", "1", "-w", "5", "fd99::1"],
                                     netns=container.netns).ok for container in (both, six)]
    facts["check"] = [dual.check(both), single.check(six)]
    facts["route"] = lan.host.must("ip -6 route show default", netns=both.netns)
    facts["leases"] = sorted(lan.leases())
    lan.stop_daemon()
    facts["status"] = [dual.status().ok, single.status().ok]
    facts["del"] = [single.delete(six), dual.delete(both), deaf.delete(lost)]
    facts["veths"] = [link["ifname"] for link in lan.host.links() if link["ifname"].startswith("veth")]
    return facts


def test_advertised(facts: Facts) -> None:
    """The result lists the kernel's address, which works; the daemon is not needed for it."""
    both, six, lost = facts["added"]
    assert [ip["address"].split("::")[0] for ip in both.result()["ips"]] == ["10.99.0.10/24", "fd99"]
    assert [ip["address"].split("::")[0] for ip in six.result()["ips"]] == ["fd99"]
    assert all(ip["address"].endswith("/64") for ip in six.result()["ips"])
    assert facts["reaches"] == [True, True] and all(outcome.ok for outcome in facts["check"])
    assert "via fe80::" in facts["route"] and "proto ra" in facts["route"]
    assert facts["leases"] == ["both"] and facts["status"] == [False, True]
    assert lost.error()["code"] == 11 and "no router" in lost.error_text
    assert all(outcome.ok for outcome in facts["del"]) and facts["veths"] == []


@story
def stateful(lan: Lan) -> Facts:
    """A lease of IPv6, from its beginning to its end, and both families together."""
    lan.start_daemon(*FLAGS)
    server = lan.dhcpd6()
    single = lan.network("single", ipv4=False, ipv6="dhcpv6", request=[{"option": "6"}, {"option": "domain-search"}])
    one, two = (lan.host.add_container(name) for name in ("one", "two"))
    facts: Facts = {"one": single.add(one), "two": single.add(two)}
    facts["reaches"] = lan.host.must("ip -6 addr show dev eth0", netns=one.netns)
    until(lambda: lan.leases()["one"]["renewals"] >= 2, "two renewals")
    lan.stop_daemon(signal.SIGKILL)
    lan.start_daemon(*FLAGS)
    before = lan.leases()["one"]["renewals"]
    until(lambda: lan.leases()["one"]["renewals"] > before, "a renewal after a restart")
    facts["check"] = single.check(one)
    facts["del"] = single.delete(one)
    until(lambda: "Release" in lan.log("/run/server.log"), "the server hears of it")
    lan.stop(server)
    until(lambda: lan.leases()["two"]["state"] == "rebinding", "rebinding")
    until(lambda: lan.leases()["two"]["state"] == "expired", "expiry")
    facts["expired"] = (lan.is_up(two), "fd99::" in lan.host.must("ip -6 addr show dev eth0", netns=two.netns),
                        single.check(two))
    facts["del two"] = single.delete(two)

    server = lan.dhcpd6(3600, 1000, 2000)
    lan.dhcpd(3600)
    dual = lan.network("dual", ipv6="dhcpv6")
    three, four = (lan.host.add_container(name) for name in ("three", "four"))
    facts["three"] = dual.add(three)
    facts["files"] = [path.name for path in lan.remembered()]
    facts["check three"] = dual.check(three)
    # Of two families one is refused: the other one is given back.
    lan.stop(server)
    lan.stop_daemon()
    lan.start_daemon("-resendtimeout", "3s")
    facts["four"] = dual.add(four)
    facts["kept"] = sorted(row["containerID"] for row in lan.ask({"verb": "list"})["result"]["leases"])
    lan.stop_daemon()
    lan.dhcpd6(3600, 1000, 2000)
    facts["del alone"] = dual.delete(three)
    facts["left"] = [path.name for path in lan.remembered()]
    until(lambda: lan.log("/run/server.log").count("Release") >= 2, "the server hears of it again")
    facts["server"] = lan.log("/run/server.log")
    return facts


def test_stateful__life(facts: Facts) -> None:
    """A lease of IPv6 is got, prolonged, taken over by a new daemon, and given back."""
    result = facts["one"].result()
    (ip,) = result["ips"]
    assert ip["address"].startswith("fd99::1") and ip["address"].endswith("/128")
    assert result["dns"] == {"nameservers": ["fd99::1"], "search": ["lan.example"]}
    assert facts["two"].ok and facts["check"].ok and facts["del"].ok
    assert ip["address"].split("/")[0] in facts["reaches"]


def test_stateful__expiry(facts: Facts) -> None:
    """At the end the address goes, and the link stays, which may have others."""
    is_up, has_address, check = facts["expired"]
    assert is_up and not has_address and check.error()["code"] == 105 and facts["del two"].ok


def test_stateful__both(facts: Facts) -> None:
    """One lease of each family, or none; a plugin alone gives back both."""
    assert [ip["address"].split("/")[1] for ip in facts["three"].result()["ips"]] == ["24", "128"]
    assert facts["files"] == ["dual:three:eth0.json", "dual:three:eth0:v6.json"] and facts["check three"].ok
    assert facts["four"].error()["code"] == 11 and facts["kept"] == ["three", "three"]
    assert facts["del alone"].ok and facts["left"] == []
    assert facts["server"].count("DHCPRELEASE") >= 2


@story
def listing(lan: Lan) -> Facts:
    """What an operator sees."""
    tool = [str(lan.implementation.directory / "cnitool")]
    # The tool goes by its name: this one is the same file.
    lan.host.must(f"ln -s {tool[0]} /run/culvert-tool")
    tool = ["/run/culvert-tool", "dhcp", "status"]
    nothing = lan.host.run(tool)
    lan.start_daemon(*FLAGS)
    lan.dhcpd(7200)
    net, other = lan.network(), lan.network("other")
    good = [net.add(lan.host.add_container("c1")).ok, other.add(lan.host.add_container("container2")).ok]
    facts: Facts = {"added": good, "nothing": nothing, "table": lan.host.run(tool),
                    "json": lan.host.run([*tool, "-o", "json", "--network", "other"]).result()}
    lan.stop_daemon()
    facts["alone"] = lan.host.run(tool)
    return facts


def test_listing(facts: Facts) -> None:
    """A table with a line for each lease, JSON, and the files where no daemon runs."""
    assert facts["added"] == [True, True]
    header = ["CONTAINER", "INTERFACE", "ADDRESS", "SERVER", "STATE", "RENEWS", "EXPIRES"]
    assert facts["nothing"].ok and facts["nothing"].stdout.split() == header
    for outcome in (facts["table"], facts["alone"]):
        lines = [line.split() for line in outcome.stdout.splitlines()]
        assert outcome.ok and lines[0] == header
        assert [line[:6] for line in lines[1:]] == [
            ["c1", "eth0", "10.99.0.10/24", "10.99.0.1", "bound", "0"],
            ["container2", "eth0", "10.99.0.11/24", "10.99.0.1", "bound", "0"]]
        assert all(line[6].startswith("1h59m") for line in lines[1:])
    assert facts["table"].stderr == "" and "nobody prolongs" in facts["alone"].stderr
    (row,) = facts["json"]["leases"]
    assert row["containerID"] == "container2" and 7000 < row["expiresInSeconds"] <= 7200


@story
def crowd(lan: Lan) -> Facts:
    """Many containers at once, and the daemon killed in the middle of it."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(3600, last=200)
    net = lan.network()
    containers = lan.host.add_containers([f"c{number}" for number in range(40)])
    with concurrent.futures.ThreadPoolExecutor(len(containers)) as pool:
        pending = [pool.submit(net.add, container) for container in containers]
        until(lambda: len(lan.remembered()) >= 5, "some leases")
        lan.stop_daemon(signal.SIGKILL)
        lan.start_daemon(*FLAGS)
        added = [future.result() for future in pending]
    good = [container for container, outcome in zip(containers, added) if outcome.ok]
    given = [outcome.result()["ips"][0]["address"] for outcome in added if outcome.ok]
    facts: Facts = {
        "good": len(good), "different": len(set(given)),
        "refusals": sorted({outcome.error()["code"] for outcome in added if not outcome.ok}),
        "kept": {container.id for container in good} <= set(lan.leases()),
        "checks": all(net.check(container).ok for container in good),
    }
    with concurrent.futures.ThreadPoolExecutor(len(containers)) as pool:
        facts["del"] = all(outcome.ok for outcome in pool.map(net.delete, containers))
    facts["left"] = (lan.leases(), [path.name for path in lan.remembered()],
                     [link["ifname"] for link in lan.host.links() if link["ifname"].startswith("veth")])
    return facts


def test_crowd(facts: Facts) -> None:
    """Everybody has an address of their own or a refusal, what was given is kept, and DEL leaves nothing."""
    assert facts["good"] >= 5 and facts["different"] == facts["good"]
    assert set(facts["refusals"]) <= {11} and facts["kept"] and facts["checks"]
    assert facts["del"] and facts["left"] == ({}, [], [])


def left(lan: Lan) -> str:
    """What is there of any attachment; empty when nothing is."""
    found = (lan.leases(), [path.name for path in lan.remembered()],
             [link["ifname"] for link in lan.host.links() if link["ifname"].startswith("veth")],
             [str(path) for path in lan.host.path("/run/culvert/attachments").rglob("*.json")])
    return "" if found == ({}, [], [], []) else str(found)


@story
def killed(lan: Lan) -> Facts:
    """ADD and DEL of a bridge with leases are killed here and there."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(3600)
    net = lan.network()
    container = lan.host.add_container("c1")
    recorder = ["strace", "-f", "-qq", "-o", TRACE]

    def points(outcome: Any) -> list[Point]:
        assert outcome.ok, outcome
        calls = points_in(lan.host.path(TRACE).read_text(errors="replace"))
        # From where the program reads what it is to do.
        start = next(number for number, call in enumerate(calls)
                     if call.name == "read" and call.arguments.startswith("0,"))
        return calls[start:]

    adding, deleting = points(net.add(container, wrapper=recorder)), points(net.delete(container, wrapper=recorder))
    trouble = []
    for name, calls, count in (("ADD", adding, 14), ("DEL", deleting, 8)):
        for point in calls[::max(1, len(calls) // count)]:
            if name == "DEL":
                net.add(container).result()
            outcome = (net.add if name == "ADD" else net.delete)(container, wrapper=point.wrapper)
            again = net.delete(container, remembering=False)
            if not (outcome.ok or outcome.status in KILLED) or not again.ok:
                trouble.append(f"{name} {point}: {outcome} {again}")
            try:
                until(lambda: not left(lan), "nothing is left", 5)
            except AssertionError:
                trouble.append(f"{name} {point}: {left(lan)}")
    return {"trouble": trouble, "points": (len(adding), len(deleting)), "add": net.add(container)}


def test_killed(facts: Facts) -> None:
    """One DEL leaves nothing, wherever they were killed, and the next ADD works."""
    assert facts["trouble"] == [] and min(facts["points"]) > 20 and facts["add"].ok


@story
def foreign(lan: Lan) -> Facts:
    """The reference's macvlan has addresses leased by this plugin."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(60)
    lan.host.must("""
        ip link add uplink type veth peer name port1
        ip link set port1 master cni0 up
        ip link set uplink up
    """)
    container = lan.host.add_container("c1")
    entry = {"name": "lan", "cniVersion": "1.0.0", "type": "macvlan", "master": "uplink", "ipam": {"type": "dhcp"}}

    def call(verb: str) -> Any:
        return lan.host.plugin(str(REFERENCE.directory / "macvlan"), verb, entry, container=container,
                               cni_path=lan.implementation.cni_path)

    facts: Facts = {"added": call("ADD"), "addresses": lan.addresses(container), "leases": sorted(lan.leases()),
                    "reaches": lan.reaches_server(container)}
    facts["del"] = call("DEL")
    facts["left"] = lan.leases()
    return facts


def test_foreign(facts: Facts) -> None:
    """The lease is got through the interface that macvlan made, and goes with it."""
    assert facts["added"].result()["ips"] == [{"interface": 0, "address": "10.99.0.10/24", "gateway": "10.99.0.1"}]
    assert facts["addresses"] == ["10.99.0.10/24"] and facts["leases"] == ["c1"] and facts["reaches"]
    assert facts["del"].ok and facts["left"] == {}


@story
def vanishing(lan: Lan) -> Facts:
    """A container goes without a DEL while the daemon runs."""
    lan.start_daemon(*FLAGS)
    lan.dhcpd(3600)
    net = lan.network()
    containers = [lan.host.add_container(name) for name in ("gone", "stays")]
    added = [net.add(container) for container in containers]
    lan.host.remove_container(containers[0])
    until(lambda: sorted(lan.leases()) == ["stays"], "the lease is forgotten")
    return {"added": added, "files": [path.name for path in lan.remembered()], "del": net.delete(containers[0]),
            "log": lan.log()}


def test_vanishing(facts: Facts) -> None:
    """Its lease is forgotten in less than a minute, and DEL succeeds."""
    assert all(outcome.ok for outcome in facts["added"]) and facts["del"].ok
    assert facts["files"] == ["lan:stays:eth0.json"] and "its namespace is gone" in facts["log"]
