# SPDX-License-Identifier: Apache-2.0
"""culvert metrics: what calls count, whoever calls and whatever happens, and who can read it."""
from __future__ import annotations

import concurrent.futures
import pathlib
import shutil
import signal
import subprocess
import time
from typing import Any

import pytest

import monitoring
from host import PATIENCE_SECONDS, Host
from implementations import Implementation
from monitoring import CONFIGURATION, Prometheus, total
from operator_tool import Operator, connected
from runtime import Runtime, bridge, host_local, network, valid_attachments
from switching import SOCKET, new_switch, until

pytestmark = pytest.mark.needs_culvert

COUNTERS = "/run/culvert/metrics"
#: A call that needs nothing, changes nothing and succeeds.
STATUS = {"cniVersion": "1.1.0", "name": "lan", "type": "loopback"}


def call(host: Host, ours: Implementation, **options: Any) -> None:
    """One call that is counted; nobody who calls notices whether it is."""
    outcome = host.plugin(ours.executable("loopback"), "STATUS", STATUS, **options)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "", "")


def counted(host: Host, ours: Implementation, env: dict[str, str] | None = None) -> float:
    """How many of these calls were counted."""
    outcome = Operator(host, ours).run("metrics", env=env)
    assert outcome.ok, outcome.stderr
    return total(outcome.stdout, "culvert_plugin_calls_total", plugin="loopback", verb="STATUS")


def test_fifty_calls_at_once_are_counted_to_the_last(host: Host, ours: Implementation) -> None:
    """Whichever of them makes the file; the leases that they were given as well."""
    entry = {"cniVersion": "1.1.0", "name": "lan", "ipam": host_local("10.77.0.0/24", "fd77::/64")}
    containers = host.add_containers([f"c{number}" for number in range(50)])

    def run(verb: str) -> None:
        with concurrent.futures.ThreadPoolExecutor(25) as pool:
            outcomes = pool.map(
                lambda container: host.plugin(ours.executable("host-local"), verb, entry, container=container),
                containers)
            assert all(outcome.ok for outcome in outcomes)

    run("ADD")
    text = Operator(host, ours).must("metrics")
    plugin = {"plugin": "host-local", "verb": "ADD"}
    assert total(text, "culvert_plugin_calls_total", **plugin) == 50
    assert total(text, "culvert_plugin_calls_total", **plugin, result="success") == 50
    assert total(text, "culvert_plugin_duration_seconds_count", **plugin) == 50
    assert total(text, "culvert_plugin_duration_seconds_bucket", **plugin, le="+Inf") == 50
    assert 0 < total(text, "culvert_plugin_duration_seconds_sum", **plugin) < 50 * PATIENCE_SECONDS
    assert total(text, "culvert_plugin_lock_wait_seconds_count", plugin="host-local") == 50
    for family in ("ipv4", "ipv6"):
        assert total(text, "culvert_leases_given_total", network="lan", family=family) == 50
    run("DEL")
    run("DEL")
    text = Operator(host, ours).must("metrics")
    assert total(text, "culvert_plugin_calls_total", plugin="host-local", verb="DEL", result="success") == 100
    assert total(text, "culvert_leases_released_total", network="lan") == 100
    assert total(text, "culvert_leases_given_total") == 100
    assert [entry.name for entry in host.path(COUNTERS).parent.glob("metrics*")] == ["metrics"]


def test_failures_are_counted_by_their_reason(host: Host, ours: Implementation) -> None:
    """And who was refused is no success."""
    listed = network(bridge(host_local("10.77.0.0/30")), name="lan", version="1.1.0")
    runtime = Runtime(host, ours, listed)
    connected(runtime, "first")
    second = host.add_container("second")
    assert runtime.add(second).error()["code"] == 103
    assert runtime.add(second).error()["code"] == 103
    executable = ours.executable("bridge")
    assert host.plugin(executable, "ADD", "{", container=second).error()["code"] == 6
    wrong = {"cniVersion": "1.1.0", "name": "", "type": "bridge"}
    assert host.plugin(executable, "ADD", wrong, container=second).error()["code"] == 7
    assert host.plugin(executable, "ADD", listed["plugins"][0], container=second, env={"CNI_IFNAME": None}).error()
    assert host.plugin(executable, "VERSION", "{}").ok
    text = Operator(host, ours).must("metrics")
    name = "culvert_plugin_failures_total"
    assert total(text, name, plugin="bridge", verb="ADD", code="103", reason="addresses_exhausted") == 2
    assert total(text, name, reason="decoding") == total(text, name, reason="invalid_configuration") == 1
    assert total(text, name, reason="invalid_environment") == 1
    assert total(text, name) == 5 == total(text, "culvert_plugin_calls_total", result="failure")
    assert total(text, "culvert_plugin_calls_total", result="success") == 1
    assert total(text, "culvert_plugin_calls_total") == 6
    assert total(text, "culvert_leases_given_total") == 1


def test_leases_of_the_dead_are_counted(host: Host, ours: Implementation) -> None:
    """Those that an ADD takes over, by network."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/29")), name="lan", version="1.1.0"))
    containers = [connected(runtime, f"c{number}") for number in range(5)]
    tool = Operator(host, ours, runtime.network)
    text = tool.must("metrics")
    pool = {"network": "lan", "family": "ipv4", "set": "0"}
    assert total(text, "culvert_pool_capacity_addresses", **pool) == 5
    assert total(text, "culvert_pool_addresses", **pool, state="leased") == 5
    assert total(text, "culvert_pool_addresses", **pool, state="free") == 0
    for container in containers[:4]:
        host.remove_container(container)
    connected(runtime, "next")
    text = tool.must("metrics")
    reclaimed = total(text, "culvert_leases_reclaimed_total", network="lan")
    assert 1 <= reclaimed <= 4 and total(text, "culvert_leases_given_total", network="lan") == 6
    assert total(text, "culvert_pool_addresses", **pool) == 5


def test_who_is_killed_over_the_counters_leaves_them_usable(host: Host, ours: Implementation) -> None:
    """The next call completes what was begun, and counts right."""
    directory = host.path(COUNTERS).parent
    points = [(name, 1) for name in ("flock", "ftruncate", "fallocate", "pwrite64", "rename", "munmap")]
    for name, ordinal in points + [("madvise", ordinal) for ordinal in (1, 2, 3)]:
        shutil.rmtree(directory, ignore_errors=True)
        wrapper = ("strace", "-o", "/dev/null", "-e", f"inject={name}:signal=SIGKILL:when={ordinal}")
        outcome = host.plugin(ours.executable("loopback"), "STATUS", STATUS, wrapper=wrapper)
        assert outcome.status in (0, 137, -signal.SIGKILL), outcome.stderr
        before = counted(host, ours)
        assert before <= 1
        call(host, ours)
        call(host, ours)
        assert counted(host, ours) == before + 2, f"killed at {name} {ordinal}"
        assert [entry.name for entry in directory.glob("metrics*")] == ["metrics"]


def test_calls_do_not_notice_that_they_cannot_be_counted(host: Host, ours: Implementation) -> None:
    """A file system that is full or read-only, no directory at all, or something else in the place of the file."""
    call(host, ours)
    head = host.path(COUNTERS).read_bytes()[:4096]
    size = host.path(COUNTERS).stat().st_size
    host.must("mkdir /run/ro /run/full /run/sparse /run/odd /run/odd/metrics && mount -t tmpfs -o ro none /run/ro")
    for name in ("full", "sparse"):
        host.must(f"mount -t tmpfs -o size=64k none /run/{name}")
    # Its first page is there and says that it is one of ours; for the others there is no room.
    with open(host.path("/run/sparse/metrics"), "wb") as file:
        file.write(head)
        file.truncate(size)
    for name in ("full", "sparse"):
        host.must(f"head -c 1M /dev/zero >/run/{name}/filler 2>/dev/null || true")
    container = host.add_container("c1")
    for place in ("/run/ro", "/run/ro/deeper", "/run/full", "/run/sparse", "/run/odd", "/dev/null", "/proc/culvert"):
        env = {"CULVERT_RUN_DIR": place}
        for _ in range(2):
            call(host, ours, env=env)
        added = host.plugin(ours.executable("loopback"), "ADD", STATUS, container=container, ifname="lo", env=env)
        assert added.ok and added.stderr == "", f"{place}: {added}"
    assert not list(host.path("/run/full").glob("metrics*"))
    for error in ("ENOSPC", "EIO", "EDQUOT", "ENOMEM"):
        host.path(COUNTERS).unlink()
        for point in ("flock", "ftruncate", "fallocate", "rename", "madvise"):
            wrapper = ("strace", "-o", "/dev/null", "-e", f"inject={point}:error={error}")
            call(host, ours, wrapper=wrapper)
    assert counted(host, ours) == 0
    call(host, ours)
    assert counted(host, ours) == 1
    odd = Operator(host, ours).run("metrics", env={"CULVERT_RUN_DIR": "/run/odd"})
    assert odd.ok and "cannot read the counters" in odd.stderr
    assert total(odd.stdout, "culvert_collection_failures", part="counters") == 1


def test_a_file_that_is_none_of_ours_is_replaced(host: Host, ours: Implementation) -> None:
    """Cut off, overwritten, or of another version: counting begins anew."""
    call(host, ours)
    path = host.path(COUNTERS)
    good = path.read_bytes()
    for octets in (b"", good[:5000], good + b"x", b"\x02" + good[1:], bytes(len(good))):
        path.write_bytes(octets)
        assert counted(host, ours) == 0
        call(host, ours)
        assert counted(host, ours) == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_both_texts_are_what_they_claim_to_be(host: Host, ours: Implementation, tmp_path: pathlib.Path) -> None:
    """By promtool, and by a strict reader of OpenMetrics; names that somebody made up included."""
    from prometheus_client.openmetrics import parser

    odd = 'we"ird\\net'
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    listed = network(bridge(host_local("10.77.0.0/24", "fd77::/64")), ports, name="lan", version="1.1.0")
    runtime = Runtime(host, ours, listed)
    mappings = [{"hostPort": port, "containerPort": port, "protocol": name}
                for port, name in ((80, "tcp"), (81, "tcp"), (53, "udp"))]
    connected(runtime, "c1", capabilities={"portMappings": mappings})
    connected(runtime, "c2")
    host.must(f"mkdir -p '/var/lib/cni/networks/{odd}' && echo -n 'x\neth0' >'/var/lib/cni/networks/{odd}/10.1.1.1'")
    tool = Operator(host, ours, listed)
    text = tool.must("metrics", "--format", "text")
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    families = {family.name: family for family in parser.text_string_to_metric_families(tool.must("metrics"))}
    assert families["culvert_plugin_calls"].type == "counter" and families["culvert_build"].type == "info"
    assert families["culvert_plugin_duration_seconds"].unit == "seconds"
    strays = {sample.labels["network"]: sample.value for sample in families["culvert_pool_stray_leases"].samples}
    assert strays == {"lan": 0, odd: 1}
    assert total(text, "culvert_host_ports", network="lan", protocol="tcp") == 2
    assert total(text, "culvert_host_ports", network="lan", protocol="udp") == 1
    assert total(text, "culvert_attachments", network="lan", state="whole", container="alive") == 2
    assert total(text, "culvert_pool_addresses", network="lan", family="ipv6", state="free") > 1 << 63
    path = tmp_path / "culvert.prom"
    tool.must("metrics", "--textfile", str(path))
    written = path.read_text()
    assert set(monitoring.samples(written)) == set(monitoring.samples(text)) and "# EOF" not in written
    assert [entry.name for entry in tmp_path.iterdir()] == ["culvert.prom"] and path.stat().st_mode & 0o777 == 0o644
    path.unlink()
    path.mkdir()
    refused = tool.run("metrics", "--textfile", str(path))
    assert refused.status == 1 and str(path) in refused.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["culvert.prom"]


def test_the_configuration_for_prometheus_is_sound() -> None:
    """The example, the alerts, and what the alerts are supposed to tell."""
    for words in (["check", "config", "prometheus.yml"], ["check", "rules", "culvert-alerts.yml"],
                  ["test", "rules", "culvert-alerts-test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=CONFIGURATION, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_switches_in_user_space_are_counted(host: Host, ours: Implementation) -> None:
    """By port and reason; a daemon that is away is missed only where somebody needs it, and is no gap."""
    listed = network({"type": "vswitch", "portIsolation": True, "ipam": host_local("10.78.0.0/24")}, name="lab",
                     version="1.1.0")
    runtime, tool = Runtime(host, ours, listed), Operator(host, ours, listed)
    name = "culvert_switch_port_drops_total"
    with new_switch(host, ours) as switch:
        assert total(tool.must("metrics"), "culvert_switch_up", daemon=SOCKET) == 1
        one, two = connected(runtime, "c1"), connected(runtime, "c2")
        host.run(["ping", "-c", "1", "-W", "1", runtime.results["c2", "eth0"]["ips"][0]["address"].split("/")[0]],
                 netns=one.netns)
        text = tool.must("metrics")
        port = {"daemon": SOCKET, "switch": "vs0", "port": "c1:eth0", "network": "lab"}
        counters = switch.ports()["c1:eth0"]["counters"]
        assert 0 < total(text, "culvert_switch_port_received_frames_total", **port) <= counters["receivedFrames"]
        # What the host sends to nobody is told apart by its reason; only isolated ones are there.
        assert 0 < total(text, name, **port) <= sum(drop["frames"] for drop in counters["drops"])
        assert total(text, "culvert_switch_ports", switch="vs0") == 2 == switch.ask("status")["result"]["ports"]
        assert total(text, "culvert_switch_stations", switch="vs0") >= 1
        assert total(text, "culvert_switch_lost_ports") == 0
        switch.stop(signal.SIGKILL)
        away = tool.run("metrics")
        assert away.ok and away.stderr == "" and total(away.stdout, "culvert_collection_failures") == 0
        assert ("culvert_switch_up", frozenset({("daemon", SOCKET)})) in monitoring.samples(away.stdout)
        assert total(away.stdout, "culvert_switch_up") == 0 and total(away.stdout, "culvert_switch_ports") == 0
        host.must("ip link del eth0", netns=two.netns)
        switch.start()
        until(lambda: total(tool.must("metrics"), "culvert_switch_lost_ports") == 1, "one port cannot be opened")
        assert runtime.delete(one).ok and runtime.delete(two).ok
        until(lambda: total(tool.must("metrics"), "culvert_switch_lost_ports") == 0, "nobody misses it")
        switch.stop()
    nothing = tool.run("metrics")
    assert nothing.ok and nothing.stderr == "" and "\nculvert_switch_up{" not in nothing.stdout


class Server:
    """`culvert metrics --listen` on a free port."""

    def __init__(self, tool: Operator) -> None:
        script = 'exec "$0" metrics --listen 127.0.0.1:0 2>&1'
        self.process = tool.host.start(["sh", "-c", script, tool.binary], env=tool.env)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert "metrics are at http://127.0.0.1:" in line, line
        self.port = int(line.rsplit(":", 1)[1].split("/")[0])

    def memory(self) -> int:
        """The most that it ever had, in kilobytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def end(self) -> int:
        """Its exit status after SIGTERM."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *unused: object) -> None:
        self.process.kill()


def test_prometheus_reads_a_real_run(host: Host, ours: Implementation, tmp_path: pathlib.Path) -> None:
    """Every panel of the dashboard has something to show, and every alert can be evaluated."""
    with new_switch(host, ours):
        read_by_prometheus(host, ours, tmp_path)


def read_by_prometheus(host: Host, ours: Implementation, tmp_path: pathlib.Path) -> None:
    """The same, with a switch that runs."""
    lone = connected(Runtime(host, ours, network({"type": "vswitch", "ipam": host_local("10.78.0.0/24")}, name="lab",
                                                 version="1.1.0")), "lone")
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    listed = network(bridge(host_local("10.77.0.0/24")), ports, name="lan", version="1.1.0")
    runtime = Runtime(host, ours, listed)
    tool = Operator(host, ours, listed)
    mapping = {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]}
    connected(runtime, "stays", capabilities=mapping)
    other = host.add_container("other")
    with Server(tool) as server, Prometheus(host, tmp_path, server.port) as prometheus:
        prometheus.wait_until_up()
        waiting = dict.fromkeys(monitoring.panels())
        end = time.monotonic() + PATIENCE_SECONDS
        while waiting:
            assert time.monotonic() < end, f"nothing to show: {list(waiting)}"
            assert runtime.add(other).ok and not runtime.add(other).ok and runtime.delete(other).ok
            assert runtime.sweep(valid_attachments(("stays", "eth0"))).ok
            # Nobody else is there who could hear it.
            host.run(["ping", "-c", "1", "-W", "1", "10.78.0.99"], netns=lone.netns)
            for title, expression in list(waiting):
                if prometheus.query(expression):
                    del waiting[title, expression]
        scraped = prometheus.query("culvert_plugin_calls_total{plugin='bridge', verb='ADD'} > 0")
        assert {sample["metric"]["result"] for sample in scraped} == {"success", "failure"}
        types = prometheus.get("metadata")["data"]
        # A name without the ending and a unit are what only OpenMetrics has.
        assert types["culvert_plugin_duration_seconds"][0] == {
            "type": "histogram", "unit": "seconds", "help": "How long calls of plugins took"}
        alerts = {rule["name"]: rule for group in prometheus.get("rules")["data"]["groups"] for rule in group["rules"]}
        while any(rule["health"] == "unknown" for rule in alerts.values()):
            assert time.monotonic() < end
            alerts = {rule["name"]: rule
                      for group in prometheus.get("rules")["data"]["groups"] for rule in group["rules"]}
        assert len(alerts) == 10 and {rule["health"] for rule in alerts.values()} == {"ok"}, alerts
        for rule in alerts.values():
            prometheus.query(rule["query"])
        page = (CONFIGURATION.parent.parent / "docs" / "metrics.md").read_text()
        assert all(f"| `{name}` |" in page for name in alerts)
        assert server.end() == 0


def test_the_server_outlives_its_clients(host: Host, ours: Implementation) -> None:
    """Slow, loud, wrong and many at once; nobody keeps another one waiting."""
    tool = Operator(host, ours)
    call(host, ours)
    with Server(tool) as server:
        found = monitoring.misbehave(host, server.port)
        plain, openly = found["plain"], found["open"]
        assert plain["status"] == 200 and plain["fields"]["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert openly["fields"]["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert plain["whole"] and openly["whole"] and openly["body"].endswith("# EOF\n")
        assert total(plain["body"], "culvert_plugin_calls_total", plugin="loopback", verb="STATUS") == 1
        head = found["head"]
        assert head["status"] == 200 and head["body"] == "" and int(head["fields"]["Content-Length"]) > 1000
        assert found["root"]["status"] == 200 and found["nowhere"]["status"] == 404
        assert found["post"]["status"] == 405 and found["post"]["fields"]["Allow"] == "GET, HEAD"
        assert found["garbage"]["status"] == 400
        assert found["huge"]["status"] == 431 and found["lines"]["status"] == 431
        assert found["tail"]["status"] == 200 and found["tail"]["whole"]
        assert found["nothing"]["status"] == 0
        assert len(found["many"]) == 20 and all(each["status"] == 200 and each["whole"] for each in found["many"])
        assert found["crowded"]["status"] == 200
        assert found["slow"][0] == "408"
        assert server.memory() < 100_000
        taken = tool.run("metrics", "--listen", f"127.0.0.1:{server.port}")
        assert taken.status == 1 and "Address already in use" in taken.stderr
        assert server.end() == 0


def test_strangers_are_served_only_when_that_is_meant(host: Host, ours: Implementation) -> None:
    """An address that others can reach needs a word more."""
    tool = Operator(host, ours)
    for place in ("0.0.0.0:9345", ":9345", "[::]:9345", "10.0.0.1:80"):
        refused = tool.run("metrics", "--listen", place)
        assert refused.status == 64 and "--allow-remote" in refused.stderr
    for words in (["--listen", "9345"], ["--listen", "127.0.0.1:0", "--textfile", "/x"], ["--allow-remote"],
                  ["--textfile", "/x", "--format", "text"]):
        assert tool.run("metrics", *words).status == 64
    assert tool.run("metrics", "--listen", "10.0.0.1:80", "--allow-remote").status == 1
