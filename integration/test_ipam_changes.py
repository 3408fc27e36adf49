# SPDX-License-Identifier: Apache-2.0
"""What operators change with `ipam` while containers come and go, with our plugins and the reference's."""
from __future__ import annotations

import json

import pytest

from host import Container, Host
from implementations import Implementation
from ipam_tool import Leases, Tool
from kernel_state import LEASES, RECORDS
from runtime import Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert
NOWHERE = "/run/netns/none"
POD = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0"
LISTED = network({"type": "host-local", "ipam": host_local("10.77.0.0/24", quarantineSeconds=0)})
SMALL = network({"type": "host-local", "ipam": host_local("10.77.0.0/29", quarantineSeconds=0)}, version="1.1.0")


def given(runtime: Runtime, name: str, **options: object) -> str:
    """The address that a new container gets."""
    return runtime.add(Container(name, NOWHERE), **options).result()["ips"][0]["address"].split("/")[0]


def test_reservations(host: Host, ours: Implementation, reference: Implementation) -> None:
    """What is reserved goes to its pod alone, comes back, and is respected by the Go host-local."""
    runtime, other, tool, leases = Runtime(host, ours, LISTED), Runtime(host, reference, LISTED), Tool(host, LISTED), \
        Leases(host)
    assert given(runtime, "c1") == "10.77.0.2"
    tool.must("reserve", "10.77.0.3-10.77.0.4", "--note", "printers")
    tool.must("reserve", "10.77.0.5", "--for", "default/web-0")
    refused = tool.run("reserve", "10.77.0.2")
    assert refused.status == 1 and "10.77.0.2 of c1 eth0" in refused.stderr
    assert given(other, "go1") == "10.77.0.6"
    assert given(runtime, "c2") == "10.77.0.7"
    for address in ("10.77.0.4", "10.77.0.5"):
        assert runtime.add(Container("c3", NOWHERE), args=f"IP={address}").error()["code"] == 104
    for life in range(3):
        assert given(runtime, f"pod{life}", args=POD) == "10.77.0.5"
        assert leases.owners()["10.77.0.5"] == f"pod{life}\r\neth0"
        # Both ways to end it; Go does not know who comes next, but the line does.
        assert (other if life == 1 else runtime).delete(Container(f"pod{life}", NOWHERE)).ok
        if life == 1:
            assert "10.77.0.5" not in leases.owners()
            assert given(runtime, "thief") != "10.77.0.5"
            assert tool.problems() == [("reservation", "10.77.0.5")]
            tool.must("gc", "--yes")
        assert leases.owners()["10.77.0.5"] == "@reserved\r\ndefault/web-0"
    assert tool.problems() == []
    assert "3 reservations ended" in tool.must("unreserve", "10.77.0.0/24")
    assert not (leases.path / ".culvert.kept").exists()
    assert given(runtime, "c4", args="IP=10.77.0.5") == "10.77.0.5"


def test_full_pool_counts_reservations(host: Host, ours: Implementation) -> None:
    """The error for the one too many says where the addresses are, and collection spares what was given by hand."""
    runtime, tool = Runtime(host, ours, SMALL), Tool(host, SMALL)
    tool.must("reserve", "10.77.0.2")
    tool.must("allocate", "--owner", "vm1", "--ip", "10.77.0.3", "--note", "build server")
    for name in ("a", "b", "c"):
        given(runtime, name)
    error = runtime.add(Container("d", NOWHERE)).error()
    assert error["code"] == 103 and "5 in total, 4 used, 1 reserved" in error["details"]
    assert runtime.status().status in (0, 1)
    assert runtime.sweep({"cni.dev/valid-attachments": [], "cni.dev/attachments": []}).ok
    assert Leases(host).owners() == {"10.77.0.2": "@reserved\r\n", "10.77.0.3": "vm1\r\neth0"}
    pool = json.loads(tool.must("usage", "-o", "json"))["networks"][0]["pools"][0]
    assert (pool["total"], pool["used"], pool["reserved"]) == (5, 1, 1)
    tool.must("release", "10.77.0.3")
    assert Leases(host).owners() == {"10.77.0.2": "@reserved\r\n"}


def test_release_asks_who_lives(host: Host, ours: Implementation) -> None:
    """With real containers on a bridge: the living is refused, the dead is released, and a report does it too."""
    listed = network(bridge(host_local("10.77.0.0/24")))
    runtime, tool = Runtime(host, ours, listed), Tool(host, listed)
    containers = host.add_containers(["c1", "c2", "c3"])
    addresses = [runtime.add(container).result()["ips"][0]["address"].split("/")[0] for container in containers]
    assert tool.problems() == []
    refused = tool.run("release", *addresses)
    assert refused.status == 1 and refused.stderr.count("lives in /run/netns/") == 3
    assert sorted(Leases(host).owners()) == sorted(addresses)
    for container in containers[1:]:
        host.remove_container(container)
    assert tool.problems() == [("deadOwner", addresses[1]), ("deadOwner", addresses[2])]
    tool.must("release", addresses[1])
    assert tool.run("check", "-o", "/run/report.json").status == 3
    # Comes to life again between report and release.
    revived = host.add_container("c3")
    runtime.delete(revived)
    assert runtime.add(revived).ok
    late = tool.run("release", "--from-report", "/run/report.json")
    assert late.status == 0 or "since" in late.stderr or "by now" in late.stderr
    assert runtime.check(revived).ok
    assert runtime.check(containers[0]).ok
    # An address that a living container has and no lease of.
    (Leases(host).path / addresses[0]).unlink()
    assert tool.problems() == [("unleased", addresses[0])]
    tool.must("release", "--force", "--container", "c3")
    assert host.path(RECORDS).exists()


def test_check_sees_every_kind(host: Host, ours: Implementation) -> None:
    """Each kind of trouble, by its exit status and its word; looking changes nothing."""
    listed = network({"type": "host-local", "ipam": host_local("10.77.0.0/24", exclude=["10.77.0.9"])})
    tool, leases = Tool(host, listed), Leases(host)
    for name, content in {
        "10.77.0.1": "c1\r\neth0", "10.77.0.9": "c2\r\neth0", "10.9.9.9": "c3\r\neth0", "10.77.0.4": "",
        "10.77.0.5": "\0\0\0", "fd77:0::1": "c4\r\neth0", "fd77::1": "c5\r\neth0", ".culvert.new": "c",
        "last_reserved_ip.0": "nonsense", "10.77.0.6": "@reserved\r\n",
    }.items():
        leases.write(name, content)
    leases.write("10.77.0.7", "old\r\neth0", is_old=True)
    before = leases.all()
    assert tool.problems() == [
        ("duplicate", "fd77::1"), ("deadOwner", "10.77.0.7"), ("outside", "10.9.9.9"), ("outside", "fd77::1"),
        ("barred", "10.77.0.1"), ("barred", "10.77.0.9"), ("garbage", "10.77.0.4"), ("garbage", "10.77.0.5"),
        ("leftover", None), ("lastReserved", None), ("reservation", "10.77.0.6"),
    ]
    assert tool.run("gc").ok and leases.all() == before
    tool.must("gc", "--yes")
    assert [kind for kind, _ in tool.problems()] == ["duplicate", "outside", "outside", "barred", "barred"]
    assert tool.run("check", "--conf-dir", "/nowhere", "--data-dir", "/nowhere").status == 0
    assert tool.run("check", "--network", "none").status == 1
    assert tool.run("check", "-o", "nonsense").status == 64


def test_export_and_import_between_hosts(host: Host, ours: Implementation) -> None:
    """A directory goes from one place to another in each form, and containers there keep their addresses."""
    runtime, tool, leases = Runtime(host, ours, LISTED), Tool(host, LISTED), Leases(host)
    mine = given(runtime, "c1", args=POD)
    tool.must("reserve", "10.77.0.50", "--for", "default/db", "--note", "a, \"b\"")
    tool.must("allocate", "--owner", "vm1")
    wanted = leases.owners()
    texts = {form: tool.must("export", "--form", form) for form in ("jsonl", "csv")}
    tool.must("export", "--form", "host-local", "/run/copy")
    for source, stdin, form in (("-", texts["jsonl"], "jsonl"), ("-", texts["csv"], "csv"), ("/run/copy", "", "")):
        host.must(f"rm -rf {LEASES} /run/culvert")
        words = ["import", source, *(["--form", form] if form else [])]
        assert "to be imported" in tool.must(*words, "--dry-run", stdin=stdin)
        assert not leases.path.exists()
        tool.must(*words, stdin=stdin)
        assert leases.owners() == wanted and tool.problems() == []
        assert "0 leases and 0 reservations imported" in tool.must(*words, stdin=stdin)
        assert given(runtime, "c1", args=POD) == mine
        clash = json.dumps({"network": "net", "address": mine, "containerID": "other", "interface": "eth0"})
        fresh = json.dumps({"network": "net", "address": "10.77.0.99", "containerID": "new"})
        refused = tool.run("import", "-", stdin=f"{fresh}\n{clash}\n")
        assert refused.status == 1 and "other eth0" in refused.stderr and "c1 eth0" in refused.stderr
        assert leases.owners() == wanted
