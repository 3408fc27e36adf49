# SPDX-License-Identifier: Apache-2.0
"""The switch of `Forwarding` beside a bridge of the kernel: the same stories, told to both by `forwarding-replay`."""
from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable

import pytest

from implementations import REPOSITORY

pytestmark = pytest.mark.needs_culvert

#: It is no plugin and stands beside no other's.
PROGRAM = REPOSITORY / ".build" / "release" / "forwarding-replay"
#: How many steps are told; a campaign has a million (`make replay`).
STEPS = int(os.environ.get("CULVERT_REPLAY_STEPS", "60000"))
#: A machine that has much else to do tells less, and says so.
SECONDS = int(os.environ.get("CULVERT_REPLAY_SECONDS", "20"))
#: A bridge of `Forwarding` that lacks one of these is found out.
DEFECTS = ("isolation", "locking", "flooding")
SUMMARY = re.compile(r"replayed (?P<steps>\d+) steps .* (?P<arrivals>\d+) arrivals, (?P<looks>\d+) comparisons")
SHORTEST = re.compile(r"shortest story with a difference, of (\d+) steps")


def tell(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs a campaign; every test can be repeated with the seed that it prints."""
    seed = ["--seed", os.environ["CULVERT_TEST_SEED"]] if "CULVERT_TEST_SEED" in os.environ else []
    return subprocess.run([PROGRAM, *seed, *options], capture_output=True, text=True, timeout=1500, check=False)


def assert_alike(say: Callable[[str], None], *options: str) -> None:
    """Both switches did the same, and had something to do."""
    told = tell("--steps", str(STEPS), "--seconds", str(SECONDS), *options)
    assert told.returncode == 0, told.stdout + told.stderr
    say(told.stdout.strip())
    summary = SUMMARY.search(told.stdout)
    assert summary, told.stdout
    assert int(summary["steps"]) > 1000 and int(summary["arrivals"]) > 500 and int(summary["looks"]) > 10


def assert_found(defect: str, *options: str) -> None:
    """A switch with a defect is not alike, and the story that shows it is a short one."""
    told = tell("--steps", "200000", "--length", "1500", "--defect", defect, *options)
    assert told.returncode == 1, told.stdout + told.stderr
    shortest = SHORTEST.search(told.stdout)
    assert shortest and int(shortest[1]) <= 12, told.stdout
    assert "theSwitch.addInterface" in told.stdout


def test_stories(say: Callable[[str], None]) -> None:
    """What comes out of the kernel's bridge comes out of ours, and both know the same stations."""
    assert_alike(say)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect(defect: str) -> None:
    """The stories are good enough to find what is wrong, and are told again until hardly anything is left of them."""
    assert_found(defect)


@pytest.mark.needs_vlans
def test_stories_of_vlans(say: Callable[[str], None]) -> None:
    """So it is with access, trunk and native VLANs, with tags of customers and of providers."""
    assert_alike(say, "--vlans")


@pytest.mark.needs_vlans
def test_a_defect_about_vlans() -> None:
    """A tag that stays where it should be taken away is found, too."""
    assert_found("untagging", "--vlans")
