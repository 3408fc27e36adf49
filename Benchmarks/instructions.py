#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the forwarding core's operations, and fails when one takes 5 % more than it used to.

    instructions.py FORWARDING-BENCH            compares with baseline.json
    instructions.py FORWARDING-BENCH --record   writes it

Valgrind (callgrind) counts between the marks that Benchmarks/Forwarding/Operations.swift sets. What counts is only the
code of the binary itself, which is compiled for any x86-64: libraries choose among their functions by processor (memcpy)
or are not ours (the run-time library). So the numbers are those of every machine. What the code calls in libraries is
listed instead: a call more than before is a failure too, and memory may not be asked for at all.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BASELINE = f"{HERE}/baseline.json"
# How much more is a failure; and from what on less is worth to be recorded.
LIMIT = 0.05
# Calls that come once for a whole burst or window are nobody's: fewer than this for each operation.
RARE = 0.05
ALLOCATORS = re.compile(
    r"^(malloc|calloc|realloc|aligned_alloc|posix_memalign|mmap|_Zn[aw]m\w*|swift_alloc\w+|swift_slowAlloc\w*)$"
)
# The C library's name for one of its functions on one kind of processor.
CHOSEN = re.compile(r"^__(mem\w+?|str\w+?)_(?:avx|sse|evex|erms|ssse)\w*$")


class Refusal(Exception):
    """Nothing could be counted or compared; says why."""


def run(binary, directory):
    """Runs all operations under callgrind: their names, how often each was done, and a file for each."""
    stripped = f"{directory}/forwarding-bench"
    # Valgrind cannot read the debugging information of so new a compiler; it needs only the symbols.
    subprocess.run(["strip", "--strip-debug", "-o", stripped, binary], check=True)
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={directory}/counts"]
    command += ["--zero-before=reference_count_begins", "--dump-before=reference_count_ends"]
    # Dictionaries in the same order in every run: it decides in which slots rules come to lie.
    environment = os.environ | {"SWIFT_DETERMINISTIC_HASHING": "1", "LD_BIND_NOW": "1"}
    done = subprocess.run([*command, stripped, "operations"], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal(f"forwarding-bench under valgrind: exit status {done.returncode}\n{done.stderr}")
    for number, line in enumerate(done.stdout.splitlines(), 1):
        times, name = line.split("\t")
        with open(f"{directory}/counts.{number}", encoding="utf-8") as file:
            yield name, int(times), file.read()


def count(text, own):
    """The instructions in the object of this file name, and the calls from it to others by the name of the callee.

    Calls to what gives out memory count wherever they come from. `text` is in callgrind's format: lines of costs below
    the object (ob) and the function they belong to; a line `calls=` is followed by the cost of the callee.
    """
    names = {}
    instructions, calls = 0, {}
    here, callee, target = None, None, None
    is_inclusive = False

    def resolve(kind, value):
        number, _, name = value.partition(" ")
        if name:
            names[kind, number] = name
        return names[kind, number]

    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key in ("ob", "cob", "fn", "cfn"):
            name = resolve("object" if key.endswith("ob") else "function", value)
            here = name if key == "ob" else here
            target = name if key == "cob" else target
            callee = name if key == "cfn" else callee
        elif key == "calls":
            times = int(value.split()[0])
            name = CHOSEN.sub(r"\1", callee)
            if times and (ALLOCATORS.match(name) or (os.path.basename(here) == own and target not in (None, here))):
                calls[name] = calls.get(name, 0) + times
            target = None
            is_inclusive = True
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            if not is_inclusive and os.path.basename(here) == own:
                instructions += int(line.split()[1])
            is_inclusive = False
    return instructions, calls


def measure(binary):
    """What baseline.json has below "operations"."""
    operations = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, times, text in run(binary, directory):
            instructions, calls = count(text, "forwarding-bench")
            calls = {callee: round(number / times, 2) for callee, number in sorted(calls.items())}
            operations[name] = {
                "instructions": round(instructions / times, 2),
                "calls": {callee: number for callee, number in calls.items() if number >= RARE},
            }
    if not operations:
        raise Refusal("forwarding-bench did no operation")
    return operations


def compare(baseline, operations):
    """A line for each operation, and what is wrong."""
    lines, problems = [], []
    for name, now in operations.items():
        before = baseline.get(name)
        change = now["instructions"] / before["instructions"] - 1 if before else 0
        shown = f"{before['instructions']:10.2f} {change:+8.1%}" if before else f"{'new':>10} {'':8}"
        lines.append(f"{name:44} {now['instructions']:10.2f} {shown}")
        if not before:
            problems.append(f"{name}: not in baseline.json; `make baseline` records it")
            continue
        if change > LIMIT:
            problems.append(f"{name}: {now['instructions']} instructions instead of {before['instructions']}")
        for callee, number in now["calls"].items():
            if number > before["calls"].get(callee, 0) + RARE:
                problems.append(f"{name}: calls {callee} {number} times instead of {before['calls'].get(callee, 0)}")
    for name, now in operations.items():
        problems += [
            f"{name}: asks for memory ({callee}, {number} times)"
            for callee, number in now["calls"].items()
            if ALLOCATORS.match(callee)
        ]
    problems += [f"{name}: in baseline.json, and not done" for name in baseline if name not in operations]
    return lines, problems


def compiler():
    """The version of the compiler, which decides as much as the sources do."""
    text = subprocess.run(["swift", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"Swift version (\S+)", text)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", metavar="FORWARDING-BENCH")
    parser.add_argument("--record", action="store_true", help="write baseline.json")
    arguments = parser.parse_args()
    if platform.machine() != "x86_64":
        print(f"instructions: baseline.json is for x86_64, and this is {platform.machine()}: nothing to compare")
        return 0
    version = compiler()
    operations = measure(arguments.binary)
    if arguments.record:
        lines, problems = compare(operations, operations)
        if not problems:
            with open(BASELINE, "w", encoding="utf-8") as file:
                json.dump({"compiler": version, "operations": operations}, file, indent=4)
                file.write("\n")
    else:
        with open(BASELINE, encoding="utf-8") as file:
            baseline = json.load(file)
        if baseline["compiler"] != version:
            raise Refusal(f"baseline.json is of Swift {baseline['compiler']}, not {version}: `make baseline`")
        lines, problems = compare(baseline["operations"], operations)
    print(f"{'instructions for each operation':44} {'now':>10} {'before':>10}", *lines, sep="\n")
    for problem in problems:
        print(f"instructions: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Refusal, OSError) as problem:
        sys.exit(f"instructions: {problem}")
