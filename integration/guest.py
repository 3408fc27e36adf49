# SPDX-License-Identifier: Apache-2.0
"""A kernel with all that tests need: this machine's own, or where that lacks something, one that a guest has."""
from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from xml.etree import ElementTree

from implementations import REPOSITORY

IN_VM = REPOSITORY / "integration" / "in-vm"
#: What each engine of `in-vm` is, and which of them tests are sent to.
ENGINES = {"uml": "linux.uml", "qemu": "qemu-system-x86_64"}
ENGINE = os.environ.get("CULVERT_VM_ENGINE", "uml")
#: How long one guest may take; a campaign at every point needs more.
PATIENCE_SECONDS = int(os.environ.get("CULVERT_GUEST_SECONDS", "1800"))
#: Set inside the guest, so that a guest without the feature starts no other one.
INSIDE = "CULVERT_IN_GUEST"
#: What a test's report calls a line to be shown, and why the test could not be run.
SAID, MISSING = "said", "missing"
PROBE = "ip link add br0 type bridge vlan_filtering 1 && ip -d -j link show br0"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a test ended in the guest."""

    #: `passed`, `failed` or `skipped`.
    outcome: str
    text: str = ""
    #: What it had to say beyond.
    said: tuple[str, ...] = ()


#: How a link of a kind is made, upon `lower` where it rests upon another.
LINKS = {
    "dummy": "type dummy", "ipvlan": "link lower type ipvlan", "macvlan": "link lower type macvlan",
    "vlan": "link lower type vlan id 5", "vrf": "type vrf table 5",
}


@functools.cache
def has_links(kind: str) -> bool:
    """Whether this kernel has links of a kind."""
    probe = f"ip link add lower type veth && ip link add probe {LINKS[kind]}"
    return subprocess.run(["unshare", "--net", "sh", "-c", probe], capture_output=True, check=False).returncode == 0


@functools.cache
def filters_vlans() -> bool:
    """Whether this kernel's bridges tell VLANs apart; one that cannot refuses the setting, or ignores it."""
    asked = subprocess.run(["unshare", "--net", "sh", "-c", PROBE], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return False
    return json.loads(asked.stdout)[0]["linkinfo"].get("info_data", {}).get("vlan_filtering") == 1


def missing(engine: str = ENGINE) -> str:
    """Why there can be no guest on this machine; empty when there can be one."""
    program = ENGINES[engine]
    return "" if shutil.which(program) else f"no {program} here: install the packages of integration/packages.txt"


def inside() -> bool:
    """Whether these tests run in a guest themselves."""
    return INSIDE in os.environ


def command(engine: str, *words: str) -> list[str]:
    """What runs a command in a guest."""
    return [str(IN_VM), "--engine", engine, "--seconds", str(PATIENCE_SECONDS), *words]


def run_tests(tests: Sequence[str], engine: str = ENGINE) -> dict[str, Verdict]:
    """Runs tests, given by file and name, in one guest; the answer calls them `file::name`, the file by its stem."""
    with tempfile.TemporaryDirectory(prefix="guest-", dir="/tmp") as directory:
        report = pathlib.Path(directory) / "report.xml"
        settings = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("CULVERT_")]
        done = subprocess.run(
            command(engine, "--share", directory, "env", f"{INSIDE}=1", *settings, sys.executable, "-m", "pytest",
                    "-p", "no:cacheprovider", "--quiet", f"--junitxml={report}", *tests),
            cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert report.exists(), f"the guest has no report, exit {done.returncode}: {done.stderr}\n{done.stdout}"
        return read(report)


def read(report: pathlib.Path) -> dict[str, Verdict]:
    """The verdicts of a report as pytest writes it."""
    verdicts: dict[str, Verdict] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        said = tuple(entry.get("value", "") for entry in case.iter("property") if entry.get("name") == SAID)
        verdict = Verdict("passed", said=said)
        for child in case:
            if child.tag in ("failure", "error"):
                verdict = Verdict("failed", child.text or "", said)
            elif child.tag == "skipped":
                verdict = Verdict("skipped", child.get("message", ""))
        verdicts[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = verdict
    return verdicts
