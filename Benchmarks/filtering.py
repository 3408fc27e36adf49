# SPDX-License-Identifier: Apache-2.0
"""Measures of the plugins that tell packet filters what to do, alone and in the chain that podman writes.

Every contestant has a site, a whole host of its own, on which one container stays for good, so that bridge and chains
stay too. What an ADD promises is tried with a packet after each, and a DEL has to have taken it back.
"""

import itertools
from statistics import median

import foreign
import netavark
from filter_floor import FilterFloor
from measures import MILLISECOND, series, trace_counts, traced, turns
from networks import BRIDGE, BRIDGE_PLUGIN, CHAIN, FIREWALL, PLAIN_BRIDGE, PORTMAP, SUBNET
from networks import attached, fresh, plugin_list, settle, split
from proofs import Listed, Masquerade, Published, PublishedMasquerade, Unproved
from report import Row, at_most
from sites import Site

PORT = 10000


def ports_apart(count):
    """No two are neighbours: a range of ports can be told to the kernel as one."""
    return range(PORT, PORT + 2 * count, 2)


# Of 100 rounds that are asked for, how many are taken here.
MASQUERADE_SHARE = 30
FIREWALL_SHARE = 30
CHAIN_SHARE = 25
PORTS_SHARE = 20
LOAD_SHARE = 30
# Which ports to publish, and in how many rounds the reference does it as well: 200 ports take it four seconds.
PORTS = {
    "1": (ports_apart(1), 20),
    "20": (ports_apart(20), 6),
    "200": (ports_apart(200), 2),
    "range": (range(PORT, PORT + 200), 0),
}
REFERENCE_LOAD_ROUNDS = 4
# What is published already, by containers with as many ports as one request has room for.
MAPPINGS = 10000
MAPPINGS_OF_A_CONTAINER = 500


def share(bench, of_a_hundred):
    return max(1, bench.rounds * of_a_hundred // 100)


def one_round(order, containers, ports, proof):
    """An ADD of each contestant, then a DEL of each. Returns milliseconds: verb -> contestant."""
    taken = {"add": {}, "del": {}}
    used, results = {}, {}
    for contestant in order:
        name, container = contestant.name, next(containers[contestant.name])
        nanoseconds, results[name] = contestant.add(container, ports)
        contestant.site.rest()
        proof.added(contestant, container, results[name])
        used[name], taken["add"][name] = container, nanoseconds / MILLISECOND
    for contestant in order:
        name, container = contestant.name, used[contestant.name]
        taken["del"][name] = contestant.delete(container, results[name], ports) / MILLISECOND
        contestant.site.rest()
        proof.deleted(contestant, container, results[name])
    return taken


def rounds(contestants, containers, count, ports, proof, present=lambda contestant, number: True):
    """Rounds after a first one that is not counted. Returns milliseconds: verb -> contestant -> one per round.

    Who is not present sits the round out, but not the first one.
    """
    measured = {"add": series(contestants), "del": series(contestants)}
    one_round(contestants, containers, ports, proof)
    rules = {contestant.name: contestant.site.rules() for contestant in contestants}
    for number in range(count):
        order = [contestant for contestant in turns(contestants, number) if present(contestant, number)]
        collect(measured, one_round(order, containers, ports, proof))
    for contestant in contestants:
        require_same_rules(contestant, rules[contestant.name])
    return measured


def collect(measured, taken):
    for verb, times in taken.items():
        for name, time in times.items():
            measured[verb][name].append(time)


def require_same_rules(contestant, rules):
    """What came and went leaves no rule behind."""
    left = set(contestant.site.rules().splitlines()) - set(rules.splitlines())
    if left:
        raise RuntimeError(f"{contestant.name}: every DEL succeeded, and left " + "; ".join(map(str.strip, left)))


def measure_masquerade(bench):
    contestants = [plugin_list(bench, plugins, [BRIDGE_PLUGIN], version="1.0.0") for plugins in bench.plugins]
    settle(bench, contestants)
    count = share(bench, MASQUERADE_SHARE)
    measured = rounds(contestants, fresh(bench, contestants), count, (), Masquerade())
    add = Row("masq", "ADD, bridge + host-local + ipMasq", "ms", measured["add"])
    return [add.hold_above("reference", "ours", 6), Row("masq-del", "DEL", "ms", measured["del"])]


def measure_ports(bench):
    contestants, containers = split([attached(bench, plugins, PORTMAP) for plugins in bench.plugins])
    measured = {case: {"add": series(contestants), "del": series(contestants)} for case in PORTS}
    for number in range(-1, share(bench, PORTS_SHARE)):
        for case, (ports, limit) in PORTS.items():
            order = [c for c in turns(contestants, number) if c.name == "ours" or number < limit]
            taken = one_round(order, containers, ports, Published(ports[-1]))
            if number >= 0:
                collect(measured[case], taken)
    return port_rows(measured)


def port_rows(measured):
    rows = {}
    for case, taken in measured.items():
        title = {"1": "1 port", "range": "200 ports in a row"}.get(case, f"{case} ports")
        rows[case] = Row(f"ports-{case}", f"ADD, portmap, {title}", "ms", taken["add"])
        rows[f"{case}-del"] = Row(f"ports-{case}-del", "DEL", "ms", taken["del"])
    rows["20"].hold_above("reference", "ours", 50)
    rows["200"].hold_above("reference", "ours", 300)
    rows["200"].series["1 port"] = rows["1"].series["ours"]
    rows["200"].hold_below("ours", "1 port", 3)
    return list(rows.values())


def measure_firewall(bench):
    # Without a policy there is nothing to tell nf_tables.
    configuration = FIREWALL | {"ingressPolicy": "same-bridge"}
    contestants, containers = split([attached(bench, plugins, configuration) for plugins in bench.plugins])
    measured = rounds(contestants, containers, share(bench, FIREWALL_SHARE), (), Listed())
    return [
        Row("firewall", "ADD, firewall, same-bridge", "ms", measured["add"]),
        Row("firewall-del", "DEL", "ms", measured["del"]),
    ]


def measure_chain(bench):
    contestants = [plugin_list(bench, plugins, CHAIN) for plugins in bench.plugins]
    if netavark.is_installed():
        site = Site(bench.launcher.program)
        contestants.append(netavark.Netavark(site, "podman", BRIDGE, SUBNET))
    settle(bench, contestants)
    count = share(bench, CHAIN_SHARE)
    measured = rounds(contestants, fresh(bench, contestants), count, [PORT], PublishedMasquerade(PORT))
    add = Row("chain", "ADD, bridge, portmap, firewall, tuning", "ms", measured["add"])
    delete = Row("chain-del", "DEL", "ms", measured["del"])
    add.hold_above("reference", "ours", 8)
    delete.hold_above("reference", "ours", 5)
    for row in (add, delete):
        if netavark.is_installed():
            row.hold_above("netavark", "ours", 1)
        else:
            row.miss("netavark is not installed")
    return [add, delete, *trace_rows(bench, contestants)]


def trace_rows(bench, contestants):
    calls, starts = series(contestants), series(contestants)
    for contestant, container in zip(contestants, bench.new_containers(len(contestants))):
        total, programs = trace(contestant, container)
        calls[contestant.name].append(total)
        starts[contestant.name].append(programs)
    rows = [
        Row("chain-calls", "system calls of an ADD of the chain", "", calls),
        Row("chain-execs", "programs started by an ADD of the chain", "", starts),
    ]
    rows[1].checks.append(at_most("ours", starts["ours"][0], len(CHAIN)))
    return rows


def trace(contestant, container):
    """System calls and program starts of one ADD, of all programs together."""
    paths = []

    def around(call):
        paths.append(f"/run/strace-{contestant.site.name}-{len(paths)}")
        return traced(call, paths[-1])

    contestant.site.around = around
    _, result = contestant.add(container, [PORT])
    contestant.site.around = None
    contestant.delete(container, result, [PORT])
    return [sum(counts) for counts in zip(*map(trace_counts, paths))]


def loaded(contestant, load):
    """The contestant after others told its host's packet filters something."""
    if load:
        words, text = load
        contestant.site.tool(*words, input=text)
    return contestant


def measure_foreign(bench):
    """The chain on hosts that differ only in what others told the packet filters."""
    loads = {"none": None, "iptables": foreign.FOR_IPTABLES, "nft": foreign.FOR_NFT}
    contestants = [
        loaded(plugin_list(bench, plugins, CHAIN, name=f"{plugins.name} {load}"), loads[load])
        for load, plugins in itertools.product(loads, bench.plugins)
    ]
    floors = [loaded(FilterFloor(bench, f"floor {load}"), loads[load]) for load in loads]
    settle(bench, contestants + floors)
    titles = {
        "none": "ADD of the chain, no foreign chains",
        "iptables": f"{foreign.CHAINS} foreign nat chains, iptables",
        "nft": f"{foreign.CHAINS} foreign chains, nft",
    }
    measured = rounds(
        contestants,
        fresh(bench, contestants),
        share(bench, LOAD_SHARE),
        [PORT],
        PublishedMasquerade(PORT),
        present=lambda contestant, number: contestant.name.startswith("ours") or number < REFERENCE_LOAD_ROUNDS,
    )
    bare = rounds(floors, fresh(bench, floors), share(bench, LOAD_SHARE), (), Unproved())
    for verb, values in bare.items():
        measured[verb] |= values
    rows = load_rows("foreign", titles, measured)
    for load in ("iptables", "nft"):
        row = next(row for row in rows if row.name == f"foreign-{load}")
        bare, idle = row.median("floor"), median(measured["add"]["floor none"])
        growth = row.median("ours") - median(measured["add"]["ours none"])
        row.note = f"bare {bare / idle:.2f} x without: {bare - idle:+.2f} ms, ours {growth:+.2f} ms"
    return rows


def measure_mappings(bench):
    """A port published beside one, and beside many of others; the reference would need minutes to publish these."""
    pairs = [attached(bench, bench.ours, PORTMAP, name=f"ours {load}") for load in ("one", "many")]
    contestants, containers = split(pairs)
    many = contestants[1]
    ports = ports_apart(MAPPINGS)
    crowd = plugin_list(bench, bench.ours, [PLAIN_BRIDGE, PORTMAP], name=many.name, site=many.site)
    for first in range(0, MAPPINGS, MAPPINGS_OF_A_CONTAINER):
        crowd.add(bench.new_containers(1)[0], ports[first : first + MAPPINGS_OF_A_CONTAINER])
    port = ports[-1] + 1
    measured = rounds(contestants, containers, share(bench, LOAD_SHARE), [port], Published(port))
    titles = {"one": "ADD, portmap, 1 port published already", "many": f"{MAPPINGS} ports published already"}
    return load_rows("mappings", titles, measured)


def load_rows(name, titles, measured):
    """A row for each load of a host, ADD and DEL; the first is no load, and the others are held to it."""
    idle = next(iter(titles))
    rows = []
    for (load, title), (verb, suffix) in itertools.product(titles.items(), (("add", ""), ("del", "-del"))):
        values = measured[verb]
        columns = {plugins: values.get(f"{plugins} {load}", []) for plugins in ("ours", "reference", "floor")}
        row = Row(f"{name}-{load}{suffix}", "DEL" if suffix else title, "ms", columns)
        if load != idle:
            row.series[idle] = values[f"ours {idle}"]
            row.hold_below("ours", idle, 1.1)
        rows.append(row)
    return rows


def with_deletions(*names):
    return tuple(name + suffix for name in names for suffix in ("", "-del"))


# Which rows a measure yields, and how to take it.
MEASURES = [
    (with_deletions("masq"), measure_masquerade),
    (with_deletions(*(f"ports-{case}" for case in PORTS)), measure_ports),
    (with_deletions("firewall"), measure_firewall),
    ((*with_deletions("chain"), "chain-calls", "chain-execs"), measure_chain),
    (with_deletions("foreign-none", "foreign-iptables", "foreign-nft"), measure_foreign),
    (with_deletions("mappings-one", "mappings-many"), measure_mappings),
]
