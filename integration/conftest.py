# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures, and the proof that a run leaves nothing on this machine."""
from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import guest
import implementations
from host import Host, new_host
from implementations import REFERENCE, Implementation


def machine() -> dict[str, list[str]]:
    """What a leaking test would change on this machine."""
    links = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout)
    named = pathlib.Path("/run/netns")
    stores = [pathlib.Path("/var/lib/cni"), pathlib.Path("/run/culvert")]
    return {
        "links": sorted(link["ifname"] for link in links if link),
        "network namespaces": sorted(path.name for path in named.iterdir()) if named.is_dir() else [],
        "mounts": sorted(line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
        "files": sorted(str(path) for store in stores if store.exists() for path in store.rglob("*")),
        "control groups": sorted(str(path) for path in pathlib.Path("/sys/fs/cgroup").glob("**/culvert-*")),
    }


def pytest_configure(config: pytest.Config) -> None:
    """Declares our markers."""
    config.addinivalue_line("markers", "beats_reference: fails with the reference plugins, as it should")
    config.addinivalue_line("markers", "needs_culvert: makes no sense with the reference plugins")
    config.addinivalue_line("markers", "xdist_group: of several workers, one takes all tests of a group")
    config.addinivalue_line("markers", "long: takes long, and begins early, so that no worker waits for it in the end")
    config.addinivalue_line("markers", "last: comes after all others, whose findings it looks at")
    config.addinivalue_line("markers", "needs_vlans: runs in a guest where this kernel has no VLAN-aware bridges")
    config.addinivalue_line("markers", "needs_links(kind): runs in a guest where this kernel has no such links")
    config.addinivalue_line("markers", "stock_kernel: runs in a guest of Debian's kernel, whatever this one has")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuses to begin without root, and remembers the machine; of several workers, who gives them work does."""
    if os.geteuid() != 0:
        pytest.exit("the integration tests need root: they make network namespaces", returncode=3)
    if not hasattr(session.config, "workerinput"):
        session.config.stash[MACHINE] = machine()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts tests in order, and says where they run.

    With the reference under test, tests of its defects must fail: that proves they can.
    """
    if seed := os.environ.get("CULVERT_TEST_SEED"):
        chance = random.Random(int(seed))
        # What tests of a file share is made once.
        places = {path: chance.random() for path in sorted({str(item.path) for item in items})}
        chance.shuffle(items)
        items.sort(key=lambda item: places[str(item.path)])
    for item in items:
        if engine := guest_for(item):
            item.add_marker(pytest.mark.xdist_group(f"guest {engine}"))
    items.sort(key=turn)
    if not implementations.testing_the_reference():
        return
    for item in items:
        if item.get_closest_marker("beats_reference"):
            item.add_marker(pytest.mark.xfail(strict=True, reason="a defect of the reference"))
        if item.get_closest_marker("needs_culvert"):
            item.add_marker(pytest.mark.skip(reason="only with the plugins of this project"))


def turn(item: pytest.Item) -> int:
    """When the time of a test comes: what occupies a worker for longest comes first, for the other to do the rest."""
    if item.get_closest_marker("last"):
        return 3
    if guest_for(item) == guest.ENGINE:
        return 0
    return 1 if item.get_closest_marker("xdist_group") or item.get_closest_marker("long") else 2


def guest_for(item: pytest.Item) -> str:
    """The engine of the guest that a test has to be sent to; empty when it can run here."""
    if item.get_closest_marker("stock_kernel"):
        return "" if guest.inside() else "qemu"
    lacking = [kind for marker in item.iter_markers("needs_links") for kind in marker.args if not guest.has_links(kind)]
    if item.get_closest_marker("needs_vlans") and not guest.filters_vlans():
        lacking.append("bridges that tell VLANs apart")
    return guest.ENGINE if lacking else ""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Has tests that this kernel cannot run run in a guest: all of them at once, when the first one's turn comes."""
    engine = guest_for(pyfuncitem)
    if not engine:
        return None
    if guest.inside():
        pytest.fail("the guest's kernel lacks what the test needs", pytrace=False)
    if reason := guest.missing(engine):
        pyfuncitem.user_properties.append((guest.MISSING, reason))
        pytest.skip(reason)
    verdicts = pyfuncitem.session.stash.setdefault(VERDICTS, {})
    if engine not in verdicts:
        # Said before, so that a guest that cannot be had is not tried again for each.
        verdicts[engine] = {}
        items = [item for item in pyfuncitem.session.items if guest_for(item) == engine]
        verdicts[engine] = guest.run_tests([f"{item.path}::{item.name}" for item in items], engine)
    unknown = guest.Verdict("failed", "the guest has not run it")
    verdict = verdicts[engine].get(f"{pyfuncitem.path.stem}::{pyfuncitem.name}", unknown)
    pyfuncitem.user_properties.extend((SAID, line) for line in verdict.said)
    if verdict.outcome != "passed":
        pytest.fail(f"{verdict.outcome} in the guest:\n{verdict.text}", pytrace=False)
    return True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run when a link, a namespace, a mount, a file or a host process is left."""
    leaks = [f"host process {host.pid}" for host in Host.living] + session.config.stash.get(LEAKS, [])
    if before := session.config.stash.get(MACHINE, None):
        after = machine()
        leaks += [f"{what}: {sorted(set(after[what]) ^ set(before[what]))}" for what in after
                  if after[what] != before[what]]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["leaks"] = leaks
    elif leaks:
        print("\nLEFT ON THIS MACHINE: " + "; ".join(leaks))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Passes on what a worker left behind."""
    node.config.stash.setdefault(LEAKS, []).extend(getattr(node, "workeroutput", {}).get("leaks", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests have to say beyond having passed, and how many of them have not been run at all."""
    properties = [entry for category, reports in terminalreporter.stats.items() if category
                  for report in reports for entry in getattr(report, "user_properties", ())]
    if said := [value for name, value in properties if name == SAID]:
        terminalreporter.section("what was tried")
        for line in sorted(said):
            terminalreporter.write_line(line)
    if reasons := [value for name, value in properties if name == guest.MISSING]:
        terminalreporter.section("NOT RUN", red=True, bold=True)
        for reason in sorted(set(reasons)):
            terminalreporter.write_line(f"{reasons.count(reason)} tests for another kernel: {reason}", red=True)


MACHINE = pytest.StashKey[dict[str, list[str]]]()
LEAKS = pytest.StashKey[list[str]]()
SAID = guest.SAID
VERDICTS = pytest.StashKey[dict[str, dict[str, guest.Verdict]]]()


@pytest.fixture(scope="session")
def ours() -> Iterator[Implementation]:
    """The plugins under test."""
    implementation = implementations.install()
    yield implementation
    implementations.uninstall(implementation)


@pytest.fixture(scope="session")
def reference() -> Implementation:
    """The plugins we are compared with."""
    return REFERENCE


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Puts a line below the run's results."""
    return lambda line: record_property(SAID, line)


@pytest.fixture
def host() -> Iterator[Host]:
    """A fresh host."""
    with new_host() as fresh:
        yield fresh
