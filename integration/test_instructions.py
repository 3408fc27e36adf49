# SPDX-License-Identifier: Apache-2.0
"""The judgement about counted instructions, which `make instructions` passes on the forwarding core."""
from __future__ import annotations

import importlib.util
import pathlib
from types import ModuleType

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "Benchmarks/instructions.py"

# What callgrind writes: the binary calls one of its own functions, memcpy, and a function of the run-time library, which
# asks for memory.
COUNTS = """# callgrind format
version: 1
positions: line
events: Ir
ob=(1) /usr/lib/libc.so.6
fl=(1) ???
fn=(1) __memcpy_avx_unaligned_erms
0 700
ob=(2) /tmp/forwarding-bench
fl=(2) ???
fn=(2) work
16 40
+2 2
cfn=(3) part
calls=10 0
* 500
cob=(1)
cfi=(1)
cfn=(1)
calls=7 0
* 700
cob=(3) /opt/libswiftCore.so
cfn=(4) swift_allocObject
calls=2 0
-1 90
fn=(3)
12 450
+1 50
ob=(3)
fl=(1)
fn=(4)
0 60
cob=(1)
cfn=(5) malloc
calls=2 0
0 30
totals: 1302
"""


@pytest.fixture(name="instructions", scope="module")
def _instructions() -> ModuleType:
    specification = importlib.util.spec_from_file_location("instructions", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def operation(instructions: float, **calls: float) -> dict:
    return {"instructions": instructions, "calls": calls}


def test_only_the_binary_counts_and_its_calls_into_libraries_do(instructions: ModuleType) -> None:
    counted, calls = instructions.count(COUNTS, "forwarding-bench")
    assert counted == 40 + 2 + 450 + 50
    assert calls == {"memcpy": 7, "swift_allocObject": 2, "malloc": 2}


@pytest.mark.parametrize(
    ("now", "complaint"),
    [
        ({"lookup": operation(104.9)}, None),
        ({"lookup": operation(50)}, None),
        ({"lookup": operation(105.1)}, "105.1 instructions instead of 100"),
        ({"lookup": operation(100, swift_retain=1)}, "calls swift_retain 1 times instead of 0"),
        ({"lookup": operation(100, malloc=1)}, "asks for memory (malloc"),
        ({"lookup": operation(100), "parse": operation(1)}, "parse: not in baseline.json"),
        ({}, "lookup: in baseline.json, and not done"),
    ],
)
def test_what_costs_more_than_it_did_is_a_failure(instructions: ModuleType, now: dict, complaint: str | None) -> None:
    _, problems = instructions.compare({"lookup": operation(100)}, now)
    if complaint is None:
        assert problems == []
    else:
        assert any(complaint in problem for problem in problems), problems


def test_what_asks_for_memory_cannot_be_recorded(instructions: ModuleType) -> None:
    now = {"lookup": operation(100, swift_allocObject=0.5)}
    _, problems = instructions.compare(now, now)
    assert problems == ["lookup: asks for memory (swift_allocObject, 0.5 times)"]
