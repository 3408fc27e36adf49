# SPDX-License-Identifier: Apache-2.0
"""The journal of calls, culvert log, traces, the host's log, and culvert export."""
from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faults import points_in
from host import PATIENCE_SECONDS, Container, Host, Outcome
from implementations import Implementation
from operator_tool import Operator, connected
from otlp import COLLECTOR, spans_of
from runtime import Network, Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

JOURNAL = "/run/culvert/journal"
CURRENT, PREVIOUS = f"{JOURNAL}/calls.jsonl", f"{JOURNAL}/calls.1.jsonl"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
STATUS = json.dumps({"cniVersion": "1.1.0", "name": "lan", "type": "loopback"})
#: Ends a server in Python with the host.
MORTAL = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
"""
#: Keeps every datagram that comes to a socket in a file, a line in JSON each.
LISTENER = """
import json, os, socket, sys
path, kept = sys.argv[1:]
os.makedirs(os.path.dirname(path), exist_ok=True)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
print("ready", flush=True)
with open(kept, "w", buffering=1) as file:
    while True:
        file.write(json.dumps(listener.recv(65536).decode()) + "\\n")
"""


def lan() -> Network:
    """A chain of two plugins, and one for addresses."""
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return network(bridge(host_local("10.77.0.0/24")), ports, name="lan", version="1.1.0")


@dataclasses.dataclass
class Site:
    """A host with a network, and what is to be found in its journal."""

    host: Host
    runtime: Runtime
    tool: Operator

    def lines(self, *paths: str) -> list[dict[str, Any]]:
        """Every line of the journal, each of which has to be whole."""
        texts = [self.host.path(path).read_text() for path in paths or (CURRENT,)]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def log(self, *words: str) -> list[dict[str, Any]]:
        """What `culvert log` prints for programs."""
        return [json.loads(line) for line in self.tool.must("log", *words, "-o", "json").splitlines()]

    def status(self, env: dict[str, str | None] | None = None) -> Outcome:
        """A call that asks nothing of the kernel."""
        return self.host.plugin(self.runtime.implementation.executable("loopback"), "STATUS", STATUS, env=env)

    def many(self, count: int, limit: int) -> None:
        """As many such calls, sixteen at a time, each under a name of its own."""
        loopback = self.runtime.implementation.executable("loopback")
        self.host.path("/run/status.json").write_text(STATUS)
        self.host.must(
            f"export CNI_COMMAND=STATUS CNI_PATH=/nowhere CULVERT_JOURNAL_BYTES={limit}; seq 0 {count - 1} |"
            f" xargs -P 16 -I {{}} env CNI_CONTAINERID=c{{}} sh -c '{loopback} </run/status.json'")

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on until it is no longer looked at."""
        process = self.host.start([self.tool.binary, *words])
        try:
            yield process
        finally:
            process.kill()

    def start(self, script: str, *words: str) -> None:
        """A server in Python that runs as long as the host."""
        process = self.host.start([sys.executable, "-c", MORTAL + script, *words])
        assert process.stdout and process.stdout.readline() == "ready\n"


@pytest.fixture
def site(host: Host, ours: Implementation) -> Site:
    """A host with a network that nobody has joined."""
    return Site(host, Runtime(host, ours, lan()), Operator(host, ours, lan()))


def eventually(found: Callable[[], Any]) -> Any:
    """What is found, as soon as there is any."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (result := found()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return result


def kept(host: Host, path: str) -> list[Any]:
    """What a server has kept so far, whole lines only."""
    file = host.path(path)
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def test_every_call_of_a_chain_is_kept(site: Site) -> None:
    """Who called for what, how long it took, and what the time went into."""
    container = connected(site.runtime, "c1", capabilities=PORTS)
    assert site.runtime.check(container, capabilities=PORTS).ok
    assert site.runtime.delete(container, capabilities=PORTS).ok
    calls = [(entry["plugin"], entry["verb"]) for entry in site.lines()]
    assert calls == [("bridge", "ADD"), ("portmap", "ADD"), ("bridge", "CHECK"), ("portmap", "CHECK"),
                     ("portmap", "DEL"), ("bridge", "DEL")]
    first = site.lines()[0]
    assert first["v"] == 1 and first["addressPlugin"] == "host-local" and "code" not in first
    assert (first["network"], first["container"], first["interface"]) == ("lan", "c1", "eth0")
    assert first["netns"] == container.netns and abs(first["time"] / 1e9 - time.time()) < 3600
    assert sum(took for _, took in first["steps"]) == first["took"] > 0
    assert {name for name, _ in first["steps"]} >= {"parse", "work", "record", "addresses", "links", "answer"}
    assert {path.name: path.stat().st_mode & 0o777 for path in site.host.path(JOURNAL).iterdir()} == {
        "calls.jsonl": 0o600}
    assert site.host.path(JOURNAL).stat().st_mode & 0o777 == 0o700


#: What ADD and DEL of chained plugins spend their time with, besides what all have.
CHAINED = {
    "tuning": ({"record", "links"}, {"record", "links"}),
    "sbr": ({"links"}, {"links"}),
    "bandwidth": ({"links"}, {"links"}),
    "portmap": ({"record", "filter"}, {"record", "filter"}),
    "firewall": ({"record", "filter"}, {"record", "filter"}),
}


def test_steps_of_chained_plugins_have_names(site: Site) -> None:
    """What they write down, and what they ask of the kernel, is told apart from their own work."""
    limits = {"ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000, "egressBurst": 800_000}
    site.runtime = Runtime(site.host, site.runtime.implementation, network(
        bridge(host_local("10.77.0.0/24")), {"type": "tuning", "mtu": 1400}, {"type": "sbr"},
        {"type": "bandwidth", **limits}, {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "firewall"}, name="lan", version="1.1.0"))
    container = connected(site.runtime, "c1", capabilities=PORTS)
    assert site.runtime.delete(container, capabilities=PORTS).ok
    found = {(line["plugin"], line["verb"]): {name for name, _ in line["steps"]} for line in site.lines()}
    for plugin, phases in CHAINED.items():
        added, deleted = phases
        assert found[plugin, "ADD"] == {"parse", "work", "answer", *added}, plugin
        assert found[plugin, "DEL"] == {"parse", "work", *deleted}, plugin


def test_a_failure_is_kept_with_its_reason_and_found_again(site: Site) -> None:
    """culvert log: filters, forms, and the steps of each call."""
    container = connected(site.runtime, "c1")
    error = site.runtime.add(container).error()
    assert site.status().ok
    failed, = site.log("--failed")
    assert (failed["code"], failed["message"], failed["details"]) == (error["code"], error["msg"], error["details"])
    assert failed["result"] == "failed" and failed["verb"] == "ADD" and len(failed["steps"]) > 2
    assert [entry["result"] for entry in site.log("--container", "c", "--plugin", "bridge")] == ["ok", "failed"]
    assert [entry["plugin"] for entry in site.log("--network", "lan", "--verb", "status")] == ["loopback"]
    assert site.log("-n", "1")[0]["verb"] == "STATUS" and len(site.log("--since", "1h")) == 4
    assert site.log("--since", "2100-01-01T00:00:00Z") == [] == site.log("--network", "other")
    assert site.log("--trace", failed["traceID"][:8]) == [failed]
    table = site.tool.must("log", "--steps")
    assert "failed, code 101" in table and f"  {error['msg']}\n  {error['details']}\n" in table
    assert "  addresses (host-local)" in table and "█" in table.replace("#", "█")
    assert "TRACE" in site.tool.must("log", "-o", "wide")
    assert site.tool.run("log", "--since", "soon").status == 64


def test_without_a_journal_there_are_clear_words(site: Site) -> None:
    """An operator learns why nothing is there; a plugin that is told to keep none keeps none."""
    assert site.status({"CULVERT_JOURNAL_BYTES": "0"}).ok
    outcome = site.tool.run("log")
    assert outcome.status == 1 and "there is no journal in /run/culvert/journal" in outcome.stderr
    assert "CULVERT_JOURNAL_BYTES=0" in outcome.stderr and not site.host.path("/run/culvert/journal").exists()


def test_calls_at_the_same_time_keep_their_lines_whole(site: Site) -> None:
    """Fifty calls, fifty lines; and none is lost when the files are turned over meanwhile."""
    site.many(50, 4 << 20)
    assert {entry["container"] for entry in site.lines()} == {f"c{number}" for number in range(50)}
    size = site.host.path(CURRENT).stat().st_size
    site.host.must(f"rm -r {JOURNAL}")
    limit = size * 2
    site.many(150, limit)
    assert {entry["container"] for entry in site.lines(PREVIOUS, CURRENT)} == {f"c{number}" for number in range(150)}
    assert all(site.host.path(path).stat().st_size <= limit + 16 * 500 for path in (PREVIOUS, CURRENT))
    assert len(site.log()) == 150


@pytest.mark.parametrize("obstacle", [
    "mount -t tmpfs -o size=4k tmpfs /run/culvert/journal; head -c 8k /dev/zero >/run/culvert/journal/full || :",
    "mount -t tmpfs -o ro tmpfs /run/culvert/journal",
    "rmdir /run/culvert/journal; touch /run/culvert/journal",
    "mkfifo /run/culvert/journal/calls.jsonl",
    "ln -s /run/victim /run/culvert/journal/calls.jsonl",
    "ln /run/victim /run/culvert/journal/calls.jsonl",
    "rmdir /run/culvert/journal; mkdir /run/elsewhere; ln -s /run/elsewhere /run/culvert/journal",
], ids=["full", "read-only", "a file", "a pipe", "a symbolic link", "a hard link", "a linked directory"])
def test_no_call_fails_because_of_its_journal(site: Site, obstacle: str) -> None:
    """Nor is anything written to where a link leads."""
    site.host.must(f"mkdir -p {JOURNAL}; echo untouched >/run/victim; {obstacle}")
    container = connected(site.runtime, "c1", capabilities=PORTS)
    assert site.runtime.delete(container).ok
    assert site.host.path("/run/victim").read_text() == "untouched\n"
    assert not list(site.host.path("/run").glob("elsewhere/*"))


def test_half_a_line_of_one_that_was_killed_hides_nobody(site: Site) -> None:
    """A plugin killed anywhere in its journal has answered, and the next one is read."""
    container = site.host.add_container("c1")
    bare = Runtime(site.host, site.runtime.implementation, network(bridge(), name="lan"))
    assert bare.add(container, wrapper=["strace", "-f", "-o", "/run/trace"]).ok and bare.delete(container).ok
    points = points_in(site.host.path("/run/trace").read_text())
    start = next(number for number, point in enumerate(points) if "culvert/journal" in point.arguments)
    for point in points[start:]:
        assert bare.add(container, wrapper=point.wrapper).status in (0, -9, 137), str(point)
        assert bare.delete(container).ok, str(point)
    with site.host.path(CURRENT).open("a") as file:
        file.write(site.host.path(CURRENT).read_text().splitlines()[0][:-40])
    assert site.status().ok
    assert site.log()[-1]["verb"] == "STATUS"


def test_a_trace_goes_on_in_what_a_plugin_runs(site: Site) -> None:
    """The foreign plugin for addresses gets the call as its parent; one that makes no sense is dropped."""
    site.host.must("mkdir /run/foreign")
    script = site.host.path("/run/foreign/shell-ipam")
    script.write_text("#!/bin/sh\nenv >/run/environment\n"
                      'echo \'{"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]}\'\n')
    script.chmod(0o755)
    ours = site.runtime.implementation
    entry = {"cniVersion": "1.0.0", "name": "lan", **bridge({"type": "shell-ipam"})}

    def environment(parent: str, verb: str = "ADD") -> dict[str, str]:
        outcome = site.host.plugin(ours.executable("bridge"), verb, entry, container=container,
                                   cni_path=f"{ours.cni_path}:/run/foreign",
                                   env={"TRACEPARENT": parent, "TRACESTATE": "vendor=1"})
        assert outcome.ok, outcome.stdout
        lines = site.host.path("/run/environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    container = site.host.add_container("c1")
    passed = environment(f"00-{TRACE}-{SPAN}-01")
    entry_in_journal = site.log()[-1]
    assert (entry_in_journal["traceID"], entry_in_journal["parentSpanID"]) == (TRACE, SPAN)
    assert passed["TRACEPARENT"] == f"00-{TRACE}-{entry_in_journal['spanID']}-01" and passed["TRACESTATE"] == "vendor=1"
    restarted = environment(f"00-{TRACE}-{SPAN}-01-more", "DEL")
    assert TRACE not in restarted["TRACEPARENT"] and "TRACESTATE" not in restarted
    assert "parentSpanID" not in site.log()[-1]


def test_cnitool_passes_its_trace_on(site: Site) -> None:
    """Whoever calls cnitool finds the plugins' calls in his trace."""
    container = site.host.add_container("c1")
    outcome = site.tool.run("cnitool", "add", "lan", container.netns, env={"TRACEPARENT": f"00-{TRACE}-{SPAN}-01"})
    assert outcome.ok, outcome.stderr
    assert {(entry["traceID"], entry["parentSpanID"]) for entry in site.log()} == {(TRACE, SPAN)}


def test_the_hosts_log_is_told_of_failures(site: Site) -> None:
    """journald gets fields; as long as it is there, nobody else is told; success is told only when asked for."""
    site.start(LISTENER, "/run/systemd/journal/socket", "/run/datagrams")
    container = connected(site.runtime, "c1")
    assert not site.runtime.add(container, env={"CULVERT_JOURNALD": "off"}).ok
    error = site.runtime.add(container).error()
    assert site.status({"CULVERT_JOURNALD": "all"}).ok
    failure, success = eventually(lambda: (found := kept(site.host, "/run/datagrams"))[1:] and found)
    fields = dict(line.split("=", 1) for line in failure.splitlines())
    assert fields["SYSLOG_IDENTIFIER"] == "culvert" and fields["PRIORITY"] == "3"
    assert (fields["CULVERT_PLUGIN"], fields["CULVERT_VERB"], fields["CULVERT_CODE"]) == ("bridge", "ADD", "101")
    assert (fields["CULVERT_NETWORK"], fields["CULVERT_CONTAINER"]) == ("lan", "c1")
    assert error["msg"] in fields["MESSAGE"] and fields["MESSAGE"].startswith("bridge ADD lan/c1:eth0 failed after ")
    assert "PRIORITY=6\n" in success and "CULVERT_VERB=STATUS\n" in success


def test_a_log_that_nobody_reads_delays_nobody(site: Site) -> None:
    """/dev/log is told where there is no journald; what does not fit is dropped."""
    site.host.must("mkdir /run/dev; mount --rbind /dev /run/dev; mount -t tmpfs tmpfs /dev; "
                   "for name in null zero random urandom; do touch /dev/$name; mount --bind /run/dev/$name /dev/$name; done")
    site.start(LISTENER, "/dev/log", "/run/lines")
    container = connected(site.runtime, "c1")
    error = site.runtime.add(container).error()
    line, = eventually(lambda: kept(site.host, "/run/lines"))
    assert line.startswith("<27>") and " culvert[" in line and error["msg"] in line and "\n" not in line
    site.host.must("mkdir -p /run/systemd/journal")
    site.start("import socket, time\nlistener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
               "listener.bind('/run/systemd/journal/socket')\nprint('ready', flush=True)\ntime.sleep(600)")
    for _ in range(30):
        assert site.runtime.add(container).error() == error


def test_calls_are_exported_as_spans(site: Site) -> None:
    """In the JSON of OTLP, once the collector is ready, and each call once."""
    container = connected(site.runtime, "c1", env={"TRACEPARENT": f"00-{TRACE}-{SPAN}-01"})
    error = site.runtime.add(container).error()
    site.start(COLLECTOR, "/run/requests", "2")
    export = ["export", "--otlp", "http://127.0.0.1:4318", "--once"]
    outcome = site.tool.run(*export)
    assert outcome.ok and "status 503; trying again" in outcome.stderr, outcome.stderr
    requests = kept(site.host, "/run/requests")
    assert [request["status"] for request in requests] == [503, 503, 200]
    assert {(request["path"], request["type"]) for request in requests} == {("/v1/traces", "application/json")}
    spans = spans_of(requests[-1])
    calls = [span for span in spans if span["kind"] == 2]
    assert [span["name"] for span in calls] == ["bridge ADD", "portmap ADD", "bridge ADD"]
    first, _, last = calls
    assert (first["traceId"], first["parentSpanId"], first["status"]) == (TRACE, SPAN, {})
    assert isinstance(first["startTimeUnixNano"], str)
    assert int(first["endTimeUnixNano"]) > int(first["startTimeUnixNano"])
    assert {"key": "cni.container_id", "value": {"stringValue": "c1"}} in first["attributes"]
    assert last["status"] == {"code": 2, "message": error["msg"]} and last["events"][0]["name"] == "exception"
    steps = [span for span in spans if span.get("parentSpanId") == first["spanId"]]
    assert steps[0]["startTimeUnixNano"] == first["startTimeUnixNano"] and {span["kind"] for span in steps} == {1}
    assert steps[-1]["endTimeUnixNano"] == first["endTimeUnixNano"] and len({s["spanId"] for s in spans}) == len(spans)
    assert site.tool.run(*export).ok and len(kept(site.host, "/run/requests")) == 3


def test_an_exporter_that_is_killed_loses_nothing(site: Site) -> None:
    """Killed before it remembers, it sends the same spans again; calls that come while it waits follow."""
    assert site.status().ok
    site.start(COLLECTOR, "/run/requests", "0")
    export = ["export", "--otlp", "http://127.0.0.1:4318"]
    killed = site.tool.run(*export, wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat,renameat2",
                                             "-e", "inject=renameat,renameat2:signal=KILL"])
    assert killed.status in (-9, 137), killed.stderr
    with site.running(*export, "--follow") as process:
        first, second = eventually(lambda: (found := kept(site.host, "/run/requests"))[1:] and found)[:2]
        assert spans_of(first) == spans_of(second)
        assert site.tool.run(*export).status == 1
        assert site.status({"CNI_CONTAINERID": "late"}).ok
        third = eventually(lambda: kept(site.host, "/run/requests")[2:])[0]
        assert {"key": "cni.container_id", "value": {"stringValue": "late"}} in spans_of(third)[0]["attributes"]
        assert process.poll() is None


def test_what_is_no_collector_is_refused_with_what_to_do(site: Site) -> None:
    """TLS, nonsense, and one that nobody answers at."""
    outcome = site.tool.run("export", "--otlp", "https://collector:4318")
    assert outcome.status == 64 and "name a collector on this host" in outcome.stderr
    assert site.tool.run("export").status == 64
    assert site.status().ok
    outcome = site.tool.run("export", "--otlp", "http://127.0.0.1:4318", "--patience", "0")
    assert outcome.status == 1 and "Connection refused" in outcome.stderr


def test_the_log_is_followed_across_a_turn_of_the_files(site: Site) -> None:
    """culvert log -f begins before there is a journal, and goes on in the next file."""
    with site.running("log", "-f", "-o", "json") as process:
        assert site.status({"CNI_CONTAINERID": "first"}).ok
        assert process.stdout and json.loads(process.stdout.readline())["containerID"] == "first"
        site.many(40, 4096)
        seen = [json.loads(process.stdout.readline())["containerID"] for _ in range(8)]
        assert len(set(seen)) == 8 and process.poll() is None
