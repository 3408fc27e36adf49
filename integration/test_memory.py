# SPDX-License-Identifier: Apache-2.0
"""The plugins' own malloc(3): every block keeps what it was given, whatever happens to the others."""

import os
import random
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(os.path.dirname(HERE), "Sources/CMusl")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("memory") / "memory")
    words = ["musl-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-fno-builtin", f"-I{SOURCES}/include"]
    subprocess.run([*words, "-o", path, f"{HERE}/memory.c", f"{SOURCES}/Memory.c"], check=True)
    return path


@pytest.mark.parametrize("number", [1, 2, 0], ids=["1", "2", "any"])
def test_every_block_keeps_what_it_was_given(program, number):
    seed = number or random.randrange(1 << 30)
    outcome = subprocess.run([program, str(seed), "40000"], stdout=subprocess.PIPE, text=True, timeout=300)
    assert (outcome.returncode, outcome.stdout) == (0, "40000 blocks\n"), f"seed {seed}: {outcome.stdout}"
