#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Finds out which functions plugins run, and writes Sources/Together/link-order.txt: the linker puts them side by side.

A plugin lives for two milliseconds and starts with nothing in memory: every stretch of the file it touches is a page
fault. Runs the binary, which must not be stripped, in a private host under valgrind (callgrind): the usual chains, from
ADD to DEL. Functions that most runs use come first. A name that the linker does not know any more does no harm.
Needs root and valgrind; `make link-order` calls it.
"""

import collections
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import host

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
ORDER = f"{TOP}/Sources/Together/link-order.txt"
# What a plugin finds under its own file's name is valgrind's: with that for host-local, it is called in the process.
TOOL = "/usr/libexec/valgrind/callgrind-amd64-linux"

LOWER = "low0"  # what links rest upon
SUBNETS = (["10.88.0.0/16"], ["fd00:88::/64"])
BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": True,
    "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}]},
}
PODMAN = [
    BRIDGE | {"ipMasq": True, "hairpinMode": True},
    {"type": "portmap", "capabilities": {"portMappings": True}},
    {"type": "firewall"},
    {"type": "tuning"},
]
PTP, MACVLAN, TAP = (
    interface | {"ipam": BRIDGE["ipam"]}
    for interface in ({"type": "ptp"}, {"type": "macvlan", "master": LOWER}, {"type": "tap"})
)
# The networks, the families they have addresses of, and their chains. A network's first container costs more than the
# ones after it: these count.
CHAINS = [
    ("plain", 1, [BRIDGE]),
    ("plain", 1, [BRIDGE]),
    ("dual", 2, [BRIDGE]),
    ("podman", 1, PODMAN),
    ("wire", 2, [PTP]),
    ("wire", 2, [PTP]),
    ("stations", 1, [MACVLAN]),
    ("stations", 1, [MACVLAN]),
    ("tap", 1, [TAP]),
    ("loopback", 0, [{"type": "loopback"}]),
]
USUAL = (1, 5, 7)  # whose ADDs come before everything else, in this order
PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]


class Profiler:
    def __init__(self, binary, directory):
        self.binary, self.directory = binary, directory
        self.runs = []
        os.symlink(TOOL, f"{directory}/host-local")
        for name in {plugin["type"] for _, _, chain in CHAINS for plugin in chain}:
            os.symlink(binary, f"{directory}/{name}")

    def call(self, configuration, command, container):
        """Runs one plugin; returns what it prints."""
        profile = f"{self.directory}/profile"
        environment = {
            "PATH": os.environ["PATH"],
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": container * 8,
            "CNI_NETNS": f"/run/netns/{container}",
            "CNI_IFNAME": "lo" if configuration["type"] == "loopback" else "eth0",
            "CNI_PATH": self.directory,
        }
        words = ["valgrind", "-q", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={profile}"]
        done = subprocess.run(
            [*words, f"{self.directory}/{configuration['type']}"],
            input=json.dumps(configuration).encode(),
            capture_output=True,
            env=environment,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{configuration['type']} {command}: {done.stdout.decode()} {done.stderr.decode()}")
        with open(profile, encoding="utf-8") as file:
            names = re.findall(r"^c?fn=\(\d+\) ([^'\n]+)", file.read(), re.MULTILINE)
        self.runs.append([name for name in dict.fromkeys(names) if not name.startswith("0x")])
        return json.loads(done.stdout) if done.stdout else None

    def live(self, container, network, families, chain):
        """The life of one container. Returns the functions of its first ADD."""
        host.add_namespaces([container])
        first = len(self.runs)
        result = None
        calls = []
        for plugin in chain:
            configuration = {"cniVersion": "1.0.0", "name": network, **plugin}
            if "ipam" in plugin:
                ranges = [[{"subnet": subnet}] for set in SUBNETS[:families] for subnet in set]
                configuration["ipam"] = plugin["ipam"] | {"ranges": ranges}
            if "capabilities" in plugin:
                configuration["runtimeConfig"] = {"portMappings": PORTS}
            if result:
                configuration["prevResult"] = result
            result = self.call(configuration, "ADD", container)
            calls.append(configuration)
        for configuration in calls:
            self.call(configuration | {"prevResult": result}, "CHECK", container)
        for configuration in reversed(calls):
            self.call(configuration | {"prevResult": result}, "DEL", container)
        return self.runs[first]

    def order(self):
        """All functions, those that most runs use first."""
        uses = collections.Counter(name for run in self.runs for name in run)
        return sorted(uses, key=lambda name: -uses[name])


def measure(binary):
    host.furnish()
    host.run("ip", "link", "add", LOWER, "up", "type", "veth", "peer", "name", "low1")
    with tempfile.TemporaryDirectory() as directory:
        profiler = Profiler(binary, directory)
        lives = [profiler.live(f"c{number}", *chain) for number, chain in enumerate(CHAINS)]
        # musl's first instructions have a symbol of which valgrind knows nothing.
        usual = itertools.chain.from_iterable(lives[number] for number in USUAL)
        names = dict.fromkeys(["_start", *usual, *profiler.order()])
    with open(ORDER, "w", encoding="utf-8") as file:
        file.write("".join(f"{name}\n" for name in names))
    print(f"{len(names)} functions in {ORDER}")
    return 0


def main():
    if len(sys.argv) == 2:
        return subprocess.run([*host.ENTER, sys.executable, __file__, "--inside", sys.argv[1]]).returncode
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        return measure(os.path.abspath(sys.argv[2]))
    print("link_order.py: give the binary, with its symbols", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
