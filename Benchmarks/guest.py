# SPDX-License-Identifier: Apache-2.0
"""Measures taken on another kernel, where this one lacks what they need."""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
STARTER = os.path.join(os.path.dirname(HERE), "integration", "in-vm")


def is_possible():
    """Whether there can be a guest on this machine."""
    return shutil.which("linux.uml") is not None


def run(*words):
    """Runs a program as root on another kernel, with this machine's files. Returns what it printed."""
    done = subprocess.run([STARTER, "--", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}, in a guest: status {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def measured(case, count):
    """What `interfaces.measured` returns there."""
    words = [sys.executable, f"{HERE}/benchmark.py", "--guest", case, "--rounds", str(count)]
    plugins = f"CULVERT_CNI_DIR={os.environ['CULVERT_CNI_DIR']}"
    return json.loads(run("env", plugins, *words).splitlines()[-1])
