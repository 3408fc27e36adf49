# SPDX-License-Identifier: Apache-2.0
"""culvert list and culvert show: what is on this host, from the records alone."""
from __future__ import annotations

import fcntl
import json
import os

import pytest

from host import Container, Host
from implementations import Implementation
from operator_tool import Operator, connected
from runtime import Network, Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

ID = "3f2a" + "0123456789ab" * 5
RECORDS = "/run/culvert/attachments"


def lan() -> Network:
    """A network with all that keeps records."""
    entry = bridge(host_local("10.77.0.0/24", "fd77::/64"), isDefaultGateway=True, ipMasq=True, mtu=1400)
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    wall = {"type": "firewall", "ingressPolicy": "isolated"}
    return network(entry, ports, wall, name="lan", version="1.1.0")


def wire() -> Network:
    """A network of another kind."""
    return network({"type": "ptp", "ipam": host_local("10.78.0.0/24")}, name="wire", version="1.1.0")


class Site:
    """Containers in several states."""

    def __init__(self, host: Host, ours: Implementation) -> None:
        self.host = host
        self.lan, self.wire = Runtime(host, ours, lan()), Runtime(host, ours, wire())
        self.tool = Operator(host, ours, lan(), wire())
        mappings = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
        self.long = connected(self.lan, "long", capabilities=mappings)
        self.lan.delete(self.long)
        self.long = Container(ID, self.long.netns)
        assert self.lan.add(self.long, capabilities=mappings).ok
        self.web = connected(self.lan, "web-0")
        assert self.wire.add(self.web, "net1").ok
        self.dead = connected(self.wire, "dead")
        host.remove_container(self.dead)


@pytest.fixture
def site(host: Host, ours: Implementation) -> Site:
    """A host with attachments."""
    return Site(host, ours)


def test_every_attachment_is_listed_with_its_state_and_life(site: Site) -> None:
    """For people and for programs, whole and filtered."""
    listed = site.tool.attachments()
    assert {name: (entry["network"], entry["state"], entry["container"]) for name, entry in listed.items()} == {
        f"{ID}:eth0": ("lan", "whole", "alive"), "web-0:eth0": ("lan", "whole", "alive"),
        "web-0:net1": ("wire", "whole", "alive"), "dead:eth0": ("wire", "whole", "dead"),
    }
    entry = listed[f"{ID}:eth0"]
    assert entry["plugins"] == ["bridge", "portmap", "firewall"] and listed["web-0:net1"]["plugins"] == ["ptp"]
    inside = json.loads(site.host.must("ip -n long -j address show dev eth0 scope global"))[0]["addr_info"]
    assert entry["addresses"] == [f"{address['local']}/{address['prefixlen']}" for address in inside if address]
    assert entry["mtu"] == 1400 and entry["hostInterface"]["bridge"] == "cni0" and entry["hostInterface"]["isThere"]
    link = json.loads(site.host.must("ip -n long -j link show dev eth0"))[0]
    assert entry["mac"] == link["address"] and entry["netns"] == site.long.netns
    table = site.tool.must("list").splitlines()
    assert table[0].split()[:3] == ["NETWORK", "CONTAINER", "INTERFACE"] and len(table) == 5
    assert ID[:12] in table[1] and ID not in table[1] and max(map(len, table)) <= 120
    assert ID in site.tool.must("list", "-o", "wide")
    assert site.tool.must("list", "-o", "name", "--network", "wire").split() == ["dead:eth0", "web-0:net1"]
    assert site.tool.must("list", "-o", "name", "--container", "web").split() == ["web-0:eth0", "web-0:net1"]
    assert site.tool.must("list", "-o", "name", "--container-is", "dead").split() == ["dead:eth0"]
    assert site.tool.must("list", "-o", "name", "--state", "begun") == ""
    assert "no such attachments" in site.tool.run("list", "--network", "nowhere").stderr


def test_counters_are_those_of_the_host_end(site: Site) -> None:
    """What the container sends, the host receives."""
    before = site.tool.attachments()[f"{ID}:eth0"]["hostInterface"]
    site.host.must("ping -q -c 5 -i 0.01 10.77.0.1", netns=site.long.netns)
    after = site.tool.attachments()[f"{ID}:eth0"]["hostInterface"]
    for way in ("rx", "tx"):
        assert after[f"{way}Packets"] >= before[f"{way}Packets"] + 5, (before, after)
        assert after[f"{way}Bytes"] >= before[f"{way}Bytes"] + 5 * 98
    assert after["rxDropped"] == 0


def test_states_follow_the_records(site: Site) -> None:
    """An ADD that was cut off, a DEL that could not be finished, a half-written record, somebody at work."""
    record = site.host.path(f"{RECORDS}/lan/web-0:eth0.json")
    document = json.loads(record.read_text())

    def state() -> str:
        return site.tool.attachments()["web-0:eth0"]["state"]

    for written, expected in (("intended", "begun"), ("removing", "pending"), ("attached", "whole")):
        record.write_text(json.dumps({**document, "state": written}))
        assert state() == expected
    with record.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert state() == "busy"
    firewall = site.host.path(f"{RECORDS}/lan/web-0:eth0:firewall.json")
    firewall.write_text(firewall.read_text().replace('"attached"', '"removing"'))
    assert state() == "pending"
    record.write_text("{")
    firewall.unlink()
    assert state() == "begun"
    record.unlink()
    assert "web-0:eth0" not in site.tool.attachments()
    document.update(netns="", netnsIdentity="", hostInterface="")
    record.write_text(json.dumps(document))
    assert site.tool.attachments()["web-0:eth0"]["container"] == "unknown"
    # Of a clock that this boot has not reached.
    document["intendedBootNanoseconds"] = 2**62
    record.write_text(json.dumps(document))
    assert site.tool.attachments()["web-0:eth0"]["container"] == "dead"


def test_a_namespace_that_lost_its_path_still_lives(site: Site) -> None:
    """As long as a process is in it."""
    site.host.start_inside(site.web.netns)
    site.host.must("umount /run/netns/web-0; rm /run/netns/web-0")
    entry = site.tool.attachments()["web-0:net1"]
    assert entry["container"] == "alive" and "not under" in entry["proof"]


def test_the_number_of_a_dead_namespace_is_no_life(site: Site) -> None:
    """The kernel gives it to the next namespace; that one has interfaces of its own."""
    record = site.host.path(f"{RECORDS}/wire/dead:eth0.json")
    document = json.loads(record.read_text())
    another = json.loads(site.host.path(f"{RECORDS}/wire/web-0:net1.json").read_text())["netnsIdentity"]
    record.write_text(json.dumps({**document, "netnsIdentity": another}))
    assert site.tool.attachments()["dead:eth0"]["container"] == "dead"


def test_show_tells_everything_in_order(site: Site) -> None:
    """Addresses, routes, host end, leases, rules and records."""
    card = site.tool.must("show", "3f2a")
    lines = card.splitlines()
    assert lines[0] == f"{ID}:eth0 in network lan is whole, its container is alive"
    titles = [line.split("  ")[1] for line in lines[1:]]
    order = ["MAC", "MTU", "Address", "Route", "Host end", "Received there", "Sent there", "Container", "Begun",
             "Lease", "Rules", "Record"]
    assert list(dict.fromkeys(titles)) == order, card
    for words in ("gateway 10.77.0.1", "port of cni0", "0 dropped", "masquerades 10.77.0.", "by nftables",
                  "0.0.0.0:8080/tcp leads to 10.77.0.", ":80", "ingress policy isolated", "provisional, in /var/lib",
                  "firewall, attached: /run/culvert/attachments/lan/"):
        assert words in card, (words, card)
    assert "Missing" not in card
    site.host.must("nft delete table inet cni_plugins_masquerade")
    missing = site.tool.document("show", f"{ID}:eth0")["attachments"][0]["rules"][0]["missing"]
    assert missing and f"bridge: {missing[0]}" in site.tool.must("show", "3f2")
    both = site.tool.document("show", "web-0")["attachments"]
    assert [(entry["network"], entry["interface"]) for entry in both] == [("lan", "eth0"), ("wire", "net1")]
    assert [lease["address"] for lease in both[1]["leases"]] == [both[1]["addresses"][0].split("/")[0]]
    assert both[0]["records"][0]["configuration"]["type"] == "bridge" and both[0]["result"]["ips"]
    assert site.tool.must("show", "web-0:net1").count("\n\n") == 0


def test_names_that_lead_nowhere_are_answered_with_help(site: Site) -> None:
    """What may have been meant, and the exit status."""
    for words, status, says in (
        (("show", "wbe-0"), 1, "did you mean web-0?"), (("show", "web-0:eth9"), 1, "it has: eth0, net1"),
        (("show", "nobody-at-all"), 1, "culvert list shows all"), (("show", ":eth0"), 64, "names no container"),
        (("list", "--state", "nice"), 64, "whole"), (("show",), 64, "name"),
    ):
        outcome = site.tool.run(*words)
        assert (outcome.status, says in outcome.stderr) == (status, True), (words, outcome)
    assert "whole" in site.tool.must("list", "--help")


def test_hosts_without_attachments(host: Host, ours: Implementation) -> None:
    """Nothing is made by looking."""
    tool = Operator(host, ours)
    assert tool.attachments() == {}
    assert "there are no attachments at all" in tool.run("show", "x").stderr
    assert not host.path("/run/culvert").exists()


def test_manual_and_completions_know_the_commands(host: Host, ours: Implementation) -> None:
    """From the same words as --help."""
    tool = Operator(host, ours)
    page = tool.must("manual", "culvert")
    for command in ("list", "show", "reload"):
        assert f'.SS "culvert {command}"' in page, page
    assert '.SS "culvert ipam"' not in page
    assert "--container" in tool.must("completions", "bash")


def test_what_is_no_record_hides_none(site: Site) -> None:
    """A file among the networks, and a directory, a link and a pipe among the records: the others count all the same."""
    records = site.host.path(RECORDS)
    (records / "stray").write_text("no network")
    (records / "lan/folder:eth0.json").mkdir()
    (records / "lan/link:eth0.json").symlink_to(f"{ID}:eth0.json")
    os.mkfifo(records / "wire/pipe:eth0.json")
    listed = site.tool.attachments()
    assert {name for name, entry in listed.items() if entry["state"] == "whole"} == {
        f"{ID}:eth0", "web-0:eth0", "web-0:net1", "dead:eth0"}
    assert "all is well with 3 attachments" in site.tool.must("reconcile")
    assert "nothing is missing" in site.tool.must("reload")
    newer = connected(site.lan, "newer", capabilities={
        "portMappings": [{"hostPort": 8081, "containerPort": 80, "protocol": "tcp"}]})
    assert site.lan.delete(newer).ok and site.lan.delete(site.long).ok
    refused = site.lan.add(Container("folder", site.host.add_container("f").netns))
    assert refused.error()["code"] == 106 and "no regular file; remove it" in refused.error_text


def test_records_that_cannot_be_written_can_be_read(site: Site) -> None:
    """On a file system that somebody made read-only, as the kernel does after an error."""
    host = site.host
    before = site.tool.attachments()
    host.must("mkdir /run/copy; cp -a /run/culvert/. /run/copy; "
              "mount --bind /run/copy /run/copy; mount -o remount,bind,ro /run/copy")
    env = {"CULVERT_RUN_DIR": "/run/copy"}
    names = site.tool.run("list", "-o", "name", env=env)
    assert names.ok and set(names.stdout.split()) == set(before), names
    assert site.tool.run("show", "web-0", env=env).ok
