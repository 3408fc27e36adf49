# SPDX-License-Identifier: Apache-2.0
"""Either implementation carries on where the other stopped, and both at once on one directory."""
from __future__ import annotations

import concurrent.futures
import random

import pytest

from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import lease_files, left_behind
from runtime import Network, Runtime, bridge, host_local, network

DUAL = ("10.77.0.0/24", "fd77::/64")
LEASES_ONLY = network({"type": "host-local", "ipam": host_local(*DUAL)})
PARTIES = 16


@pytest.fixture(params=["ours then theirs", "theirs then ours"])
def sides(request: pytest.FixtureRequest, ours: Implementation,
          reference: Implementation) -> tuple[Implementation, Implementation]:
    """Who makes, and who goes on."""
    return (ours, reference) if request.param == "ours then theirs" else (reference, ours)


def hand_over(host: Host, sides: tuple[Implementation, Implementation],
              listed: Network) -> tuple[Runtime, Runtime]:
    """Two runtimes that share what they know about attachments."""
    first, second = (Runtime(host, side, listed) for side in sides)
    second.results = first.results
    return first, second


def addresses(outcome: Outcome) -> list[str]:
    """The addresses of a result, without their prefixes."""
    return [entry["address"].split("/")[0] for entry in outcome.result()["ips"]]


def test_lease_is_checked_and_released_by_the_other(host: Host, sides: tuple[Implementation, Implementation]) -> None:
    """A lease file means the same to both."""
    first, second = hand_over(host, sides, LEASES_ONLY)
    container = host.add_container("c1")
    assert set(addresses(first.add(container))) == set(lease_files(host))
    assert second.check(container).ok
    assert second.delete(container).ok
    assert lease_files(host) == {}


def test_next_address_follows_the_other(host: Host, sides: tuple[Implementation, Implementation]) -> None:
    """The last address reserved by one is where the other begins to search."""
    first, second = hand_over(host, sides, LEASES_ONLY)
    one, two = host.add_containers(["c1", "c2"])
    assert addresses(first.add(one)) == ["10.77.0.2", "fd77::2"]
    assert first.delete(one).ok
    assert addresses(second.add(two)) == ["10.77.0.3", "fd77::3"]


def test_link_is_checked_and_removed_by_the_other(host: Host, sides: tuple[Implementation, Implementation]) -> None:
    """An attachment to a bridge survives an upgrade or a downgrade, and ends properly after it."""
    first, second = hand_over(host, sides, network(bridge(host_local(*DUAL), isDefaultGateway=True)))
    container = host.add_container("c1")
    first.add(container).result()
    checked = second.check(container)
    assert checked.ok, checked.stdout
    deleted = second.delete(container)
    assert deleted.ok, deleted.stdout
    assert left_behind(host, [container], name="net").get("links") is None
    assert lease_files(host) == {}


def test_bridge_is_shared_with_the_other(host: Host, sides: tuple[Implementation, Implementation]) -> None:
    """Containers of both reach each other over the bridge that one of them made."""
    first, second = hand_over(host, sides, network(bridge(host_local(*DUAL), isDefaultGateway=True)))
    one, two = host.add_containers(["c1", "c2"])
    first.add(one).result()
    for target in addresses(second.add(two)):
        host.must(f"ping -c1 -W5 {target}", netns=one.netns)
    for container in (one, two):
        assert second.delete(container).ok


@pytest.mark.parametrize("foreign", ["bridge", "host-local"])
def test_plugins_of_both_in_one_chain(host: Host, ours: Implementation, reference: Implementation,
                                      foreign: str) -> None:
    """A bridge of one takes its addresses from host-local of the other."""
    directories = {"bridge": ours.directory, "host-local": ours.directory, foreign: reference.directory}
    mixed = host.must(f"mkdir -p /run/mixed && cp {directories['bridge']}/bridge {directories['host-local']}/host-local"
                      " /run/mixed && echo /run/mixed").strip()
    entry = bridge(host_local(*DUAL), isDefaultGateway=True)
    runtime = Runtime(host, ours, network(entry))
    container = host.add_container("c1")

    def call(verb: str, previous: object = None) -> Outcome:
        return host.plugin(f"{mixed}/bridge", verb, runtime.stdin(entry, previous), container=container)

    added = call("ADD")
    assert addresses(added) == ["10.77.0.2", "fd77::2"]
    assert call("CHECK", added.result()).ok
    assert call("DEL", added.result()).ok
    assert left_behind(host, [container]) == {}


def test_both_at_once_on_one_directory(host: Host, ours: Implementation, reference: Implementation) -> None:
    """Sixteen of each take and free addresses at once: no address is given twice, none is lost."""
    runtimes = [Runtime(host, side, LEASES_ONLY) for side in (ours, reference)]
    jobs = [(runtimes[number % 2], Container(f"c{number}", "/run/netns/none")) for number in range(2 * PARTIES)]
    with concurrent.futures.ThreadPoolExecutor(2 * PARTIES) as crowd:
        for _ in range(3):
            random.shuffle(jobs)
            added = list(crowd.map(lambda job: job[0].add(job[1]), jobs))
            given = [address for outcome in added for address in addresses(outcome)]
            assert len(set(given)) == len(given) == 4 * PARTIES
            assert set(lease_files(host)) == set(given)
            jobs = [(runtimes[0] if runtime is runtimes[1] else runtimes[1], container) for runtime, container in jobs]
            assert all(outcome.ok for outcome in crowd.map(lambda job: job[0].delete(job[1]), jobs))
            assert lease_files(host) == {}
