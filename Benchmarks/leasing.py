# SPDX-License-Identifier: Apache-2.0
"""host-local alone: what an address costs while others have many."""

import json
import os

from contestants import LEASES, Container
from measures import MILLISECOND, series, turns
from report import Row

COUNTS = (0, 1000, 10_000, 50_000)
CROWD = 50
CROWDED = 10_000
# Times the reference has to be slower by, at each count.
FASTER = {0: 2.5, 1000: 8, 10_000: 8, 50_000: 200}
NOWHERE = "/run/netns/none"


class Pool:
    """A network of one contestant that gives addresses and makes nothing, with many leases of others."""

    def __init__(self, bench, contestant, count, tag):
        self.bench = bench
        self.contestant = contestant
        self.name = f"{tag}{count}-{contestant.name}"
        self.path = f"{LEASES}/{self.name}"
        self.configuration = {
            "cniVersion": "1.0.0",
            "name": self.name,
            "type": "host-local",
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.0.0.0/8"}]]},
        }
        os.makedirs(self.path)
        self.seeds = [self.seed(number) for number in range(count)]
        last = f"{self.address(count + 1)}" if count else ""
        if last:
            self.write("last_reserved_ip.0", last)

    @staticmethod
    def address(number):
        value = (10 << 24) + number + 1
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))

    def write(self, name, text):
        with open(f"{self.path}/{name}", "w", encoding="ascii", newline="") as file:
            file.write(text)

    def seed(self, number):
        """A lease as the reference writes it."""
        container = Container(1_000_000 + number, "none")
        self.write(self.address(number + 1), f"{container.id}\r\neth0")
        return container

    def call(self, verb, container):
        return self.contestant.call(verb, container, self.configuration, NOWHERE)

    def add(self, container):
        """Returns the outcome and the address."""
        outcome = self.bench.run(self.call("ADD", container))
        return outcome, self.require_lease(outcome, container)

    def require_lease(self, outcome, container):
        address = json.loads(outcome.output)["ips"][0]["address"].split("/")[0]
        with open(f"{self.path}/{address}", encoding="ascii", newline="") as file:
            if file.read() != f"{container.id}\r\neth0":
                raise RuntimeError(f"{self.name}: ADD returned {address}, which is somebody else's")
        return address

    def delete(self, container, address):
        outcome = self.bench.run(self.call("DEL", container))
        if os.path.exists(f"{self.path}/{address}"):
            raise RuntimeError(f"{self.name}: DEL succeeded and left {address}")
        return outcome

    def delete_old(self):
        number = len(self.seeds)
        return self.delete(self.seeds.pop(), self.address(number))

    def clear(self):
        for entry in os.scandir(self.path):
            os.unlink(entry.path)
        os.rmdir(self.path)


def strangers(bench, count):
    """Containers that need no namespace."""
    first = bench.containers
    bench.containers += count
    return [Container(number, "none") for number in range(first, first + count)]


def measure_pool(bench, count):
    rounds = max(3, bench.rounds // (1 if count <= 1000 else 4 if count <= 10_000 else 10))
    pools = {contestant.name: Pool(bench, contestant, count, "pool") for contestant in bench.plugins}
    added, deleted, aged = (series(bench.plugins) for _ in range(3))
    for number in range(-1, rounds):
        for contestant in turns(bench.plugins, number):
            pool, (container,) = pools[contestant.name], strangers(bench, 1)
            add, address = pool.add(container)
            delete = pool.delete(container, address)
            age = pool.delete_old() if pool.seeds else delete
            if number >= 0:
                for measured, outcome in ((added, add), (deleted, delete), (aged, age)):
                    measured[contestant.name].append(outcome.nanoseconds / MILLISECOND)
    for pool in pools.values():
        pool.clear()
    words = f"with {count:,} leases".replace(",", " ")
    rows = [
        Row(f"lease-add-{count}", f"host-local ADD {words}", "ms", added),
        Row(f"lease-del-{count}", f"host-local DEL of the latest {words}", "ms", deleted),
    ]
    if count:
        rows.append(Row(f"lease-old-{count}", f"host-local DEL of an old one {words}", "ms", aged))
    for row in rows:
        row.hold_above("reference", "ours", FASTER[count])
    return rows


def measure_pools(bench):
    return [row for count in COUNTS for row in measure_pool(bench, count)]


def measure_flatness(bench):
    """Ours with many leases and with none, in turns: the reference, between them, would empty the processor's caches."""
    loads = {"ours": COUNTS[-1], "none": 0}
    pools = {load: Pool(bench, bench.ours, count, "flat") for load, count in loads.items()}
    added, deleted = {load: [] for load in loads}, {load: [] for load in loads}
    for number in range(-1, bench.rounds):
        for load in sorted(loads, reverse=number % 2 == 0):
            pool, (container,) = pools[load], strangers(bench, 1)
            add, address = pool.add(container)
            delete = pool.delete(container, address)
            if number >= 0:
                added[load].append(add.nanoseconds / MILLISECOND)
                deleted[load].append(delete.nanoseconds / MILLISECOND)
    for pool in pools.values():
        pool.clear()
    words = f"with {COUNTS[-1]:,} leases, beside none".replace(",", " ", 1)
    return [
        Row("lease-flat", f"host-local ADD {words}", "ms", added).hold_below("ours", "none", 1.3),
        Row("lease-flat-del", f"host-local DEL of the latest {words}", "ms", deleted).hold_below("ours", "none", 1.3),
    ]


def measure_crowded_pool(bench):
    """Many come to a pool at once; how long until the last one has his address."""
    waits = series(bench.plugins)
    pools = {contestant.name: Pool(bench, contestant, CROWDED, "crowd") for contestant in bench.plugins}
    for number in range(-1, 3):
        for contestant in turns(bench.plugins, number):
            pool, crowd = pools[contestant.name], strangers(bench, CROWD)
            outcomes, nanoseconds = bench.launcher.together([pool.call("ADD", container) for container in crowd])
            addresses = {pool.require_lease(*pair) for pair in zip(outcomes, crowd)}
            if len(addresses) != CROWD:
                raise RuntimeError(f"{contestant.name}: {CROWD} containers share {len(addresses)} addresses")
            if number >= 0:
                waits[contestant.name].append(nanoseconds / MILLISECOND)
    for pool in pools.values():
        pool.clear()
    title = f"{CROWD} ADDs of host-local at once with {CROWDED:,} leases".replace(",", " ")
    return [Row("lease-crowd", title, "ms", waits).hold_above("reference", "ours", 40)]


MEASURES = [
    (
        tuple(
            f"lease-{verb}-{count}"
            for count in COUNTS for verb in (("add", "del", "old") if count else ("add", "del"))
        ),
        measure_pools,
    ),
    (("lease-flat", "lease-flat-del"), measure_flatness),
    (("lease-crowd",), measure_crowded_pool),
]
