# SPDX-License-Identifier: Apache-2.0
"""What the reference plugins get wrong about leases, garbage and status, one test for each."""
from __future__ import annotations

from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import LEASES, lease_files, left_behind
from runtime import Runtime, bridge, host_local, network, valid_attachments

beats_reference = pytest.mark.beats_reference
needs_culvert = pytest.mark.needs_culvert
ONE = [{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.10", "rangeEnd": "10.77.0.10"}]


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def leasing(host: Host, ours: Implementation, ipam: dict[str, Any] | None = None, version: str = "1.0.0") -> Runtime:
    """A network which only gives addresses."""
    return Runtime(host, ours, network({"type": "host-local", "ipam": ipam or host_local("10.77.0.0/24")},
                                       version=version))


def addresses(outcome: Outcome) -> list[str]:
    """The addresses of a result."""
    return [entry["address"] for entry in good(outcome).result()["ips"]]


@beats_reference
def test_add_after_a_crash_gives_the_same_address(host: Host, ours: Implementation) -> None:
    """The container died with the machine's power, its lease did not: it gets the same address again."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24", "fd77::/64"))))
    first = host.add_container("c1")
    before = addresses(runtime.add(first))
    host.remove_container(first)
    again = host.add_container("c1")
    assert addresses(runtime.add(again)) == before
    good(runtime.delete(again))
    assert left_behind(host, [again]) == {}


@beats_reference
def test_add_after_a_reboot_gives_the_same_address(host: Host, ours: Implementation) -> None:
    """The same when /run is empty, too."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24"))))
    first = host.add_container("c1")
    before = addresses(runtime.add(first))
    host.remove_container(first)
    host.must("rm -rf /run/culvert; ip link del cni0")
    assert addresses(runtime.add(host.add_container("c1"))) == before


@beats_reference
@pytest.mark.parametrize("content", ["", " ", "\r\n"], ids=["no bytes", "a blank", "an empty line"])
def test_empty_lease_file_heals(host: Host, ours: Implementation, content: str) -> None:
    """What a crash of the reference left behind does not cost an address for ever."""
    host.path(f"{LEASES}/net").mkdir(parents=True)
    host.path(f"{LEASES}/net/10.77.0.10").write_text(content)
    runtime = leasing(host, ours, {"type": "host-local", "ranges": [ONE]})
    assert addresses(runtime.add(Container("c1", "/run/netns/none"))) == ["10.77.0.10/24"]


@beats_reference
def test_del_needs_no_ranges(host: Host, ours: Implementation) -> None:
    """Leases go although the configuration names no range any more."""
    runtime = leasing(host, ours)
    container = Container("c1", "/run/netns/none")
    good(runtime.add(container))
    del runtime.network["plugins"][0]["ipam"]["ranges"]
    good(runtime.delete(container))
    assert lease_files(host) == {}


@beats_reference
def test_address_list_in_arguments(host: Host, ours: Implementation) -> None:
    """multus asks for several addresses in one argument."""
    runtime = leasing(host, ours, host_local("10.77.0.0/24", "fd77::/64"))
    outcome = runtime.add(Container("c1", "/run/netns/none"), args="IgnoreUnknown=1;IP=10.77.0.66,fd77::66")
    assert addresses(outcome) == ["10.77.0.66/24", "fd77::66/64"]


@beats_reference
@pytest.mark.parametrize("ranges", [
    [{"Subnet": "10.99.0.0/24", "RangeStart": "10.99.0.7", "RangeEnd": "", "Gateway": ""}],
    [{"subnet": "10.99.0.0/24", "rangeStart": "10.99.0.7"}],
], ids=["as containerd", "lower case"])
def test_flat_ranges_of_containerd(host: Host, ours: Implementation, ranges: list[dict[str, str]]) -> None:
    """The capability ipRanges as a list of ranges instead of a list of lists."""
    runtime = leasing(host, ours, {"type": "host-local"})
    runtime.network["plugins"][0]["capabilities"] = {"ipRanges": True}
    outcome = runtime.add(Container("c1", "/run/netns/none"), capabilities={"ipRanges": ranges})
    assert addresses(outcome) == ["10.99.0.7/24"]


def test_lease_of_an_old_release_is_released(host: Host, ours: Implementation) -> None:
    """It holds the container id alone."""
    host.path(f"{LEASES}/net").mkdir(parents=True)
    host.path(f"{LEASES}/net/10.77.0.10").write_text("c1\n")
    good(leasing(host, ours).delete(Container("c1", "")))
    assert lease_files(host) == {}


def test_unknown_files_in_the_store_are_left_alone(host: Host, ours: Implementation) -> None:
    """Neither counted, nor read as leases, nor removed."""
    store = host.path(f"{LEASES}/net")
    (store / "folder").mkdir(parents=True)
    (store / "README").write_text("c1\r\neth0")
    (store / "010.77.0.9").write_text("other")
    runtime = leasing(host, ours)
    container = Container("c1", "/run/netns/none")
    good(runtime.add(container))
    good(runtime.check(container))
    good(runtime.delete(Container("c2", "")))
    assert {path.name for path in store.iterdir()} >= {"folder", "README", "010.77.0.9"}


# GC


def collecting(host: Host, ours: Implementation) -> tuple[Runtime, list[Container]]:
    """A network with three containers."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24")), version="1.1.0"))
    containers = host.add_containers(["c1", "c2", "c3"])
    for container in containers:
        good(runtime.add(container))
    return runtime, containers


def owners(host: Host) -> set[str]:
    """Who has leases."""
    return {content.replace("\r\n", " ") for content in lease_files(host).values()}


@beats_reference
@pytest.mark.parametrize("keys", [("cni.dev/valid-attachments",), ("cni.dev/attachments",),
                                  ("cni.dev/valid-attachments", "cni.dev/attachments")], ids="+".join)
def test_gc_keeps_only_the_listed(host: Host, ours: Implementation, keys: tuple[str, ...]) -> None:
    """Leases, links and records of the others go; both names of the list are understood."""
    runtime, (one, two, three) = collecting(host, ours)
    listed = valid_attachments((two.id, "eth0"))
    assert good(runtime.sweep({key: listed[key] for key in keys})).stdout == ""
    assert owners(host) == {"c2 eth0"}
    good(runtime.check(two))
    good(runtime.delete(two))
    assert left_behind(host, [one, two, three]) == {}


@beats_reference
@pytest.mark.parametrize("survivors", [None, []], ids=["null", "empty list"])
def test_gc_of_everything(host: Host, ours: Implementation, survivors: Any) -> None:
    """CRI-O without pods sends null: nothing is valid."""
    runtime, containers = collecting(host, ours)
    good(runtime.sweep({"cni.dev/valid-attachments": survivors, "cni.dev/attachments": survivors}))
    assert left_behind(host, containers) == {}


@needs_culvert
def test_gc_without_a_list_is_refused(host: Host, ours: Implementation) -> None:
    """An absent list is not an empty one."""
    runtime, containers = collecting(host, ours)
    assert "cni.dev/valid-attachments" in runtime.sweep({}).error_text
    for container in containers:
        good(runtime.check(container))


@needs_culvert
@pytest.mark.parametrize("survivors", ["c1", {}, [{"ifname": "eth0"}], [17]], ids=str)
def test_gc_with_a_bad_list_is_refused(host: Host, ours: Implementation, survivors: Any) -> None:
    """Nothing is collected on a guess."""
    runtime, _ = collecting(host, ours)
    runtime.sweep({"cni.dev/valid-attachments": survivors}).error()
    assert owners(host) == {"c1 eth0", "c2 eth0", "c3 eth0"}


@beats_reference
def test_gc_looks_at_the_interface_too(host: Host, ours: Implementation) -> None:
    """A container may be on one network twice; leases of old releases go by the id alone."""
    runtime, (one, two, three) = collecting(host, ours)
    good(runtime.add(one, "eth1"))
    host.path(f"{LEASES}/net/10.77.0.200").write_text("c1")
    host.path(f"{LEASES}/net/10.77.0.201").write_text("c9")
    good(runtime.sweep(valid_attachments(("c1", "eth1"), ("c2", "eth0"))))
    assert owners(host) == {"c1 eth1", "c2 eth0", "c1"}
    assert three.id not in owners(host)


@needs_culvert
def test_gc_stays_in_its_network(host: Host, ours: Implementation) -> None:
    """Attachments of other networks on the same bridge are not touched."""
    runtime, (one, *_) = collecting(host, ours)
    other = Runtime(host, ours, network(bridge(host_local("10.78.0.0/24")), name="other", version="1.1.0"))
    good(other.add(one, "eth1"))
    good(runtime.sweep(valid_attachments()))
    assert owners(host) == set()
    good(other.check(one, "eth1"))


# STATUS


@needs_culvert
@pytest.mark.parametrize("plugin", ["bridge", "host-local"])
def test_status_reports_exhaustion(host: Host, ours: Implementation, plugin: str) -> None:
    """Code 50 when no address is left, for host-local itself and through bridge; success before and after."""
    ipam = {"type": "host-local", "ranges": [ONE]}
    entry = bridge(ipam) if plugin == "bridge" else {"type": plugin, "ipam": ipam}
    runtime = Runtime(host, ours, network(entry, version="1.1.0"))
    container = host.add_container("c1")
    assert good(runtime.status()).stdout == ""
    good(runtime.add(container))
    document = runtime.status().error()
    assert document["code"] == 50
    assert "no IP addresses available in range set" in f"{document['msg']} {document.get('details')}"
    good(runtime.delete(container))
    good(runtime.status())


@needs_culvert
def test_status_with_empty_variables(host: Host, ours: Implementation) -> None:
    """containerd sets them, but empty."""
    runtime = Runtime(host, ours, network(bridge(), {"type": "loopback"}, version="1.1.0"))
    good(runtime.status())
    assert left_behind(host) == {}


@beats_reference
@pytest.mark.parametrize("edited", [None, {"type": "host-local", "subnet": "10.99.0.0/24", "dataDir": "/run/other"}],
                         ids=["none", "elsewhere"])
def test_del_gives_back_what_add_took_whatever_became_of_ipam(
        host: Host, ours: Implementation, edited: dict[str, Any] | None) -> None:
    """Somebody has edited the network between the two, and its runtime reads it anew."""
    before = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24"))))
    container = host.add_container("c1")
    good(before.add(container))
    after = Runtime(host, ours, network(bridge(edited)))
    after.results = before.results
    good(after.delete(container))
    assert left_behind(host, [container]) == {}
