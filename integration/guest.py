# SPDX-License-Identifier: Apache-2.0
"""A kernel with all that tests need: this machine's own, or where that lacks something, user-mode Linux."""
from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from xml.etree import ElementTree

from implementations import REPOSITORY

STARTER = REPOSITORY / "integration" / "guest.sh"
#: Set inside the guest, so that a guest without the feature starts no other one.
INSIDE = "CULVERT_IN_GUEST"
PROBE = "ip link add br0 type bridge vlan_filtering 1 && ip -d -j link show br0"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a test ended in the guest."""

    #: `passed`, `failed` or `skipped`.
    outcome: str
    text: str = ""


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


def why_not() -> str:
    """Why there can be no guest on this machine; empty when there can be one."""
    if os.environ.get(INSIDE):
        return "the guest's kernel lacks what the test needs"
    if platform.machine() != "x86_64":
        return "this kernel lacks what the test needs, and user-mode Linux is for x86_64"
    return ""


def run_tests(tests: Sequence[str]) -> dict[str, Verdict]:
    """Runs tests, given by file and name, in one guest; the answer calls them `file::name`, the file by its stem."""
    assert shutil.which("linux.uml"), "no linux.uml: install the packages of integration/packages.txt"
    # The kernel's own socket lies in it, and the path of a socket is short.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="guest-", dir="/tmp"))
    try:
        report = directory / "report.xml"
        settings = [f"{name}={os.environ[name]}" for name in os.environ if name.startswith("CULVERT_")]
        command = [str(STARTER), str(directory), "env", f"{INSIDE}=1", *settings, sys.executable, "-m", "pytest",
                   "-p", "no:cacheprovider", "--quiet", f"--junitxml={report}", *tests]
        done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        output = (directory / "output").read_text(errors="replace") if (directory / "output").exists() else ""
        assert report.exists(), f"the guest has no report, exit {done.returncode}: {done.stderr}\n{output}"
        return read(report)
    finally:
        shutil.rmtree(directory)


def read(report: pathlib.Path) -> dict[str, Verdict]:
    """The verdicts of a report as pytest writes it."""
    verdicts: dict[str, Verdict] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        verdict = Verdict("passed")
        for child in case:
            if child.tag in ("failure", "error"):
                verdict = Verdict("failed", child.text or "")
            elif child.tag == "skipped":
                verdict = Verdict("skipped", child.get("message", ""))
        verdicts[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = verdict
    return verdicts
