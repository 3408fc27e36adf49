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
    config.addinivalue_line("markers", "last: comes after all others, whose findings it looks at")
    config.addinivalue_line("markers", "needs_vlans: runs in a guest where this kernel has no VLAN-aware bridges")
    config.addinivalue_line("markers", "needs_links(kind): runs in a guest where this kernel has no such links")


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
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    for item in items:
        if needs_guest(item):
            item.add_marker(pytest.mark.xdist_group("guest"))
    if not implementations.testing_the_reference():
        return
    for item in items:
        if item.get_closest_marker("beats_reference"):
            item.add_marker(pytest.mark.xfail(strict=True, reason="a defect of the reference"))
        if item.get_closest_marker("needs_culvert"):
            item.add_marker(pytest.mark.skip(reason="only with the plugins of this project"))


def needs_guest(item: pytest.Item) -> bool:
    """Whether this kernel lacks what a test needs."""
    if item.get_closest_marker("needs_vlans") and not guest.filters_vlans():
        return True
    return any(not guest.has_links(kind) for marker in item.iter_markers("needs_links") for kind in marker.args)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Has tests that this kernel cannot run run in a guest: all of them at once, when the first one's turn comes."""
    if not needs_guest(pyfuncitem):
        return None
    if reason := guest.why_not():
        pytest.skip(reason)
    stash = pyfuncitem.session.stash
    if VERDICTS not in stash:
        # Said before, so that a guest that cannot be had is not tried again for each.
        stash[VERDICTS] = {}
        items = [item for item in pyfuncitem.session.items if needs_guest(item)]
        stash[VERDICTS] = guest.run_tests([f"{item.path}::{item.name}" for item in items])
    missing = guest.Verdict("failed", "the guest has not run it")
    verdict = stash[VERDICTS].get(f"{pyfuncitem.path.stem}::{pyfuncitem.name}", missing)
    if verdict.outcome == "skipped":
        pytest.skip(verdict.text)
    if verdict.outcome == "failed":
        pytest.fail(f"in the guest:\n{verdict.text}", pytrace=False)
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
    """What tests have to say beyond having passed."""
    said = [value for reports in terminalreporter.stats.values() for report in reports
            if getattr(report, "when", "") == "call" for name, value in report.user_properties if name == SAID]
    if said:
        terminalreporter.section("what was tried")
        for line in sorted(said):
            terminalreporter.write_line(line)


MACHINE = pytest.StashKey[dict[str, list[str]]]()
LEAKS = pytest.StashKey[list[str]]()
SAID = "said"
VERDICTS = pytest.StashKey[dict[str, guest.Verdict]]()


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
