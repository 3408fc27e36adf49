# SPDX-License-Identifier: Apache-2.0
"""Measures taken on another kernel, where this one lacks what they need."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STARTER = os.path.join(os.path.dirname(HERE), "integration", "guest.sh")


def is_possible():
    """Whether there can be a guest on this machine."""
    return shutil.which("linux.uml") is not None


def run(*words):
    """Runs a program as root on another kernel, with this machine's files. Returns what it printed."""
    # The kernel's own socket lies in it, and the path of a socket is short.
    directory = tempfile.mkdtemp(prefix="guest-", dir="/tmp")
    try:
        done = subprocess.run([STARTER, directory, *words], capture_output=True, text=True, check=False)
        output = ""
        if os.path.exists(f"{directory}/output"):
            with open(f"{directory}/output", encoding="utf-8", errors="replace") as file:
                output = file.read()
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}, in a guest: status {done.returncode}: {done.stderr}{output}")
        return output
    finally:
        shutil.rmtree(directory)


def measured(case, count):
    """What `interfaces.measured` returns there."""
    words = [sys.executable, f"{HERE}/benchmark.py", "--guest", case, "--rounds", str(count)]
    plugins = f"CULVERT_CNI_DIR={os.environ['CULVERT_CNI_DIR']}"
    return json.loads(run("env", plugins, *words).splitlines()[-1])
