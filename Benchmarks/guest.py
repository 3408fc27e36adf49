# SPDX-License-Identifier: Apache-2.0
"""Measures taken on another kernel, where this one lacks what they need.

The kernel is Debian's own, on a machine that qemu computes, where everything is slower, and all of it by much the same.
In user-mode Linux, the tests' other kernel, each page that a program touches first and each call is a call of the host:
that is ten times as much as elsewhere, for one and the same work, so that figures would tell of the host.
"""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
STARTER = os.path.join(os.path.dirname(HERE), "integration", "in-vm")
SECONDS = 900


def is_possible():
    """Whether there can be a guest on this machine."""
    return shutil.which("qemu-system-x86_64") is not None


def run(*words):
    """Runs a program as root on another kernel, with this machine's files. Returns what it printed."""
    command = [STARTER, "--engine", "qemu", "--seconds", str(SECONDS), "--", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}, in a guest: status {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def measured(case, count):
    """What `interfaces.measured` returns there."""
    words = [sys.executable, f"{HERE}/benchmark.py", "--guest", case, "--rounds", str(count)]
    plugins = f"CULVERT_CNI_DIR={os.environ['CULVERT_CNI_DIR']}"
    return json.loads(run("env", plugins, *words).splitlines()[-1])
