#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Culvert's plugins with the reference plugins and with the floor, the bare kernel work (floor.c).

Everything is measured as whole processes, from spawn to exit, inside a private host: own network, own processes,
empty /run and /var/lib/cni. Nothing of it touches this machine's network, and nothing of it stays.
Needs root, musl-gcc, iproute2, iptables, nftables, util-linux, strace and the reference plugins; netavark is compared if it
is there. CULVERT_CNI_DIR names another directory of plugins to take for ours; without it hard links to
.build/release/culvert-cni are used. With CULVERT_CNI_DIR set to the reference's directory, reference/ours shows how far
equal programs seem to differ on this machine.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True

import attaching
import filtering
import host
import interfaces
import leasing
import measures
from contestants import LEASES, Floor, Plugins
from launcher import Launcher
from measures import Bench
from report import print_table

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(HERE), ".build")
BINARIES = f"{BUILD}/bench"
REFERENCE = "/usr/lib/cni"
PLUGINS = {"bridge", "host-local", "portmap", "firewall", "tuning", *(case.type for case in interfaces.CASES)}
# Programs of ours and what each is made of.
PROGRAMS = {
    "spawn": ["spawn"],
    "empty": ["empty"],
    "floor": ["floor", "floor_parts"],
    "floor_links": ["floor_links", "floor_parts"],
    "floor_filter": ["floor_filter", "floor_parts"],
}
MEASURES = [
    *measures.MEASURES, *interfaces.MEASURES, *filtering.MEASURES, *leasing.MEASURES, *attaching.MEASURES,
]
# musl, as for our plugins: what glibc asks the processor at every start is not among the things that have to be done.
COMPILER = ("musl-gcc", "-idirafter", "/usr/include", "-idirafter", f"/usr/include/{os.uname().machine}-linux-gnu")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [name for names, _ in MEASURES for name in names]
    parser.add_argument("--rounds", type=int, default=100, help="lives of a container per contestant (default 100)")
    parser.add_argument("--json", metavar="FILE", help="also write the values to FILE")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if a target is missed")
    parser.add_argument("--reference", default=REFERENCE, metavar="DIR", help=f"reference plugins ({REFERENCE})")
    parser.add_argument("--inside", type=int, metavar="FD", help=argparse.SUPPRESS)
    parser.add_argument("--guest", metavar="CASE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    return arguments


def link_plugins():
    """A plugin directory made of hard links to the one binary, as `make install` makes it."""
    binary, directory = f"{BUILD}/release/culvert-cni", f"{BINARIES}/cni"
    if not os.path.exists(binary):
        sys.exit(f"benchmark: {binary} is missing; `make build` makes it (or set CULVERT_CNI_DIR)")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    for plugin in PLUGINS:
        os.link(os.path.realpath(binary), f"{directory}/{plugin}")
    return directory


def prepare(arguments):
    """Builds what the private host will run. Returns the directory of our plugins."""
    if os.geteuid() != 0:
        sys.exit("benchmark: needs root")
    if not os.path.exists(f"{arguments.reference}/bridge"):
        sys.exit(f"benchmark: no reference plugins in {arguments.reference} (Debian: containernetworking-plugins)")
    os.makedirs(BINARIES, exist_ok=True)
    for program, parts in PROGRAMS.items():
        words = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-o", f"{BINARIES}/{program}"]
        subprocess.run([*COMPILER, *words, *(f"{HERE}/{part}.c" for part in parts)], check=True)
    ours = os.environ.get("CULVERT_CNI_DIR") or link_plugins()
    subprocess.run(["strip", "-o", f"{BINARIES}/stripped", f"{ours}/bridge"], check=True)
    return os.path.abspath(ours)


def enter(arguments, ours):
    """Runs this script again in a private host and returns its exit status."""
    with open(arguments.json or os.devnull, "w", encoding="utf-8") as values:
        words = [*host.ENTER, sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
        words += ["--inside", str(values.fileno())]
        process = subprocess.Popen(
            words, pass_fds=[values.fileno()], env=os.environ | {"CULVERT_CNI_DIR": ours}, process_group=0
        )
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 130
        finally:
            process.kill()
            process.wait()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": models[0] if models else os.uname().machine,
        "kernel": os.uname().release,
        "load": round(os.getloadavg()[0], 2),
    }


def new_bench(arguments):
    return Bench(
        ours=Plugins("ours", os.environ["CULVERT_CNI_DIR"]),
        reference=Plugins("reference", os.path.abspath(arguments.reference)),
        floor=Floor(f"{BINARIES}/floor"),
        launcher=Launcher(f"{BINARIES}/spawn"),
        empty=f"{BINARIES}/empty",
        binary=f"{BINARIES}/stripped",
        link_floor=f"{BINARIES}/floor_links",
        filter_floor=f"{BINARIES}/floor_filter",
        rounds=arguments.rounds,
    )


def measure_as_guest(arguments):
    """Takes the rounds of one kind of interface on the kernel of a guest. Returns the exit status."""
    os.makedirs(LEASES, exist_ok=True)  # all else a guest has
    bench = new_bench(arguments)
    case = next(case for case in interfaces.CASES if case.name == arguments.guest)
    print(json.dumps(interfaces.measured(bench, case, arguments.rounds)))
    return 0


def measure(arguments):
    """The part that runs inside the private host. Returns the exit status."""
    host.furnish()
    bench = new_bench(arguments)
    about = machine()
    rows = []
    for names, take in MEASURES:
        wanted = [name for name in names if not arguments.only or name in arguments.only]
        if wanted:
            rows += [row for row in take(bench) if row.name in wanted]
    print_table(rows)
    print("machine: " + ", ".join(f"{key} {value}" for key, value in about.items()))
    with open(arguments.inside, "w", encoding="utf-8") as file:
        json.dump({"machine": about, "rows": [row.encoded() for row in rows]}, file, indent=2)
        file.write("\n")
    missed = [check for row in rows for check in row.checks if not check.met]
    return 1 if missed and arguments.strict else 0


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.inside is None and not arguments.guest:
        return enter(arguments, prepare(arguments))
    try:
        return measure_as_guest(arguments) if arguments.guest else measure(arguments)
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
