# SPDX-License-Identifier: Apache-2.0
"""Many containers come and go at the same time."""
from __future__ import annotations

import concurrent.futures
import random
from collections.abc import Iterable

import pytest

from host import Container, Host, Outcome
from implementations import Implementation
from kernel_state import left_behind, lease_files
from runtime import Runtime, bridge, host_local, network, valid_attachments

CONTAINERS = 200
AT_ONCE = 32
NETWORK = network(bridge(host_local("10.77.0.0/16", "fd77::/64"), isGateway=True), version="1.0.0")


def complaints(outcomes: Iterable[Outcome]) -> list[str]:
    """What failed, in the plugins' words."""
    return [outcome.stdout + outcome.stderr for outcome in outcomes if not outcome.ok]


def test_two_hundred_containers(host: Host, ours: Implementation) -> None:
    """200 ADDs and 200 DELs, 32 at a time: every address is unique, nothing fails, nothing is left."""
    runtime = Runtime(host, ours, NETWORK)
    containers = host.add_containers([f"c{number}" for number in range(CONTAINERS)])
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
        added = list(crowd.map(runtime.add, containers))
        assert complaints(added) == []
        given = [entry["address"] for outcome in added for entry in outcome.result()["ips"]]
        assert len(set(given)) == len(given) == 2 * CONTAINERS
        macs = [outcome.result()["interfaces"][0]["mac"] for outcome in added]
        assert len(set(macs)) == 1, "the bridge changed its MAC address"
        random.shuffle(containers)
        assert complaints(crowd.map(runtime.delete, containers)) == []
    assert left_behind(host) == {}


@pytest.mark.needs_culvert
def test_two_deletions_at_once(host: Host, ours: Implementation) -> None:
    """Kubernetes sends two DELs of one container at the same moment; both succeed."""
    runtime = Runtime(host, ours, NETWORK)
    containers = host.add_containers([f"c{number}" for number in range(12)])
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
        assert complaints(crowd.map(runtime.add, containers)) == []
        twice = [container for container in containers for _ in range(2)]
        assert complaints(crowd.map(lambda one: runtime.delete(one, remembering=False), twice)) == []
    assert left_behind(host, containers) == {}


@pytest.mark.needs_culvert
def test_collecting_while_others_arrive(host: Host, ours: Implementation) -> None:
    """GC keeps the listed ones and those that arrive meanwhile, and takes the others."""
    runtime = Runtime(host, ours, {**NETWORK, "cniVersion": "1.1.0"})
    names = [f"c{number}" for number in range(60)]
    containers = host.add_containers(names)
    dead, survivors, newcomers = containers[:20], containers[20:40], containers[40:]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
        assert complaints(crowd.map(runtime.add, dead + survivors)) == []
        # The runtime lists those it knows: the survivors, and the ones it is adding at this moment.
        listed = valid_attachments(*((container.id, "eth0") for container in survivors + newcomers))
        arriving = [crowd.submit(runtime.add, container) for container in newcomers]
        swept = [crowd.submit(runtime.sweep, listed) for _ in range(3)]
        assert complaints(job.result() for job in arriving + swept) == []
        owners = {content.split("\r\n")[0] for content in lease_files(host).values()}
        assert owners == {container.id for container in survivors + newcomers}
        assert complaints(crowd.map(runtime.check, survivors + newcomers)) == []
        assert complaints(crowd.map(runtime.delete, containers)) == []
    assert left_behind(host, containers) == {}


@pytest.mark.needs_culvert
def test_collecting_without_knowing_the_newcomers(host: Host, ours: Implementation) -> None:
    """GC that overtakes ADDs it was not told of breaks nothing: no error, no address twice, nothing lost for good."""
    runtime = Runtime(host, ours, {**NETWORK, "cniVersion": "1.1.0"})
    containers = host.add_containers([f"c{number}" for number in range(40)])
    survivors, newcomers = containers[:10], containers[10:]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
        assert complaints(crowd.map(runtime.add, survivors)) == []
        listed = valid_attachments(*((container.id, "eth0") for container in survivors))
        swept = [crowd.submit(runtime.sweep, listed) for _ in range(3)]
        arriving = list(crowd.map(runtime.add, newcomers))
        assert complaints(job.result() for job in swept) == []
        assert complaints(arriving) == []
        assert complaints(crowd.map(runtime.check, survivors)) == []
        assert complaints(crowd.map(runtime.delete, containers)) == []
    assert left_behind(host, containers) == {}


def test_one_container_on_many_networks(host: Host, ours: Implementation) -> None:
    """Loopback and several networks are wired into one container at the same time, as containerd does it."""
    container = host.add_container("c1")
    networks = [
        (f"eth{number}", Runtime(host, ours, network(
            bridge(host_local(f"10.{number}.0.0/24"), bridge=f"cni{number}"), name=f"net{number}")))
        for number in range(6)
    ]
    networks.append(("lo", Runtime(host, ours, network({"type": "loopback"}, name="cni-loopback", version="0.3.1"))))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
        assert complaints(crowd.map(lambda job: job[1].add(container, job[0]), networks)) == []
        assert complaints(crowd.map(lambda job: job[1].check(container, job[0]), networks[:-1])) == []
        assert complaints(crowd.map(lambda job: job[1].delete(container, job[0]), networks)) == []
    assert left_behind(host, [container], bridges=[f"cni{number}" for number in range(6)]) == {}


def test_helper_names_containers() -> None:
    """The list of survivors carries both spellings of its key."""
    one = Container("c1", "/run/netns/c1")
    assert set(valid_attachments((one.id, "eth0"))) == {"cni.dev/valid-attachments", "cni.dev/attachments"}
