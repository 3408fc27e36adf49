# SPDX-License-Identifier: Apache-2.0
"""What the reference plugins get wrong about links and verbs, one test for each; see also test_lease_defects."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import PLUGINS, Implementation
from kernel_state import lease_files, left_behind, read_network, read_tree
from runtime import Runtime, bridge, host_local, network

DUAL = ("10.77.0.0/24", "fd77::/64")
VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
#: Which of them is the first that a plugin speaks, if it is not the first of all: as the reference's.
OLDEST = {"bandwidth": 2, "firewall": 4, "vrf": 3}
beats_reference = pytest.mark.beats_reference
needs_culvert = pytest.mark.needs_culvert


@pytest.fixture
def runtime(host: Host, ours: Implementation) -> Runtime:
    """A dual-stack network with gateways."""
    return Runtime(host, ours, network(bridge(host_local(*DUAL), isDefaultGateway=True)))


@pytest.fixture
def container(host: Host) -> Container:
    """One container."""
    return host.add_container("c1")


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


# DEL


@beats_reference
@pytest.mark.parametrize("remembering", [True, False], ids=["with prevResult", "without prevResult"])
def test_del_without_namespace_removes_the_link(host: Host, runtime: Runtime, container: Container,
                                                remembering: bool) -> None:
    """containerd and nerdctl send no namespace; the link goes all the same."""
    good(runtime.add(container))
    good(runtime.delete(container, env={"CNI_NETNS": ""}, remembering=remembering))
    assert left_behind(host, [container]) == {}


@beats_reference
@pytest.mark.parametrize("plugin", ["bridge", "loopback"])
def test_del_with_a_plain_file_for_a_namespace(host: Host, ours: Implementation, runtime: Runtime,
                                               container: Container, plugin: str) -> None:
    """The left-over of a lost mount does not keep a pod terminating for ever."""
    if plugin == "loopback":
        runtime = Runtime(host, ours, network({"type": "loopback"}))
    good(runtime.add(container))
    host.must("touch /run/netns/plain")
    good(runtime.delete(container, env={"CNI_NETNS": "/run/netns/plain"}))
    assert left_behind(host, [container]) == {}


@pytest.mark.parametrize("plugin", [
    pytest.param(plugin, marks=[beats_reference] if plugin in ("host-device", "sbr") else [])
    for plugin in PLUGINS])
@pytest.mark.parametrize("netns", ["", "/run/netns/never", "/proc/1/ns/none"])
def test_del_of_what_never_was(host: Host, ours: Implementation, plugin: str, netns: str) -> None:
    """DEL succeeds, twice, without namespace, link, lease, prevResult and record."""
    entry = {"bridge": bridge(), "host-local": {"type": "host-local", "ipam": host_local("10.77.0.0/24")}}.get(
        plugin, {"type": plugin})
    runtime = Runtime(host, ours, network(entry))
    for _ in range(2):
        assert good(runtime.call("DEL", entry, Container("c1", netns))).stdout == ""
    assert left_behind(host) == {}


def test_del_does_not_take_the_lease_of_another_interface(host: Host, runtime: Runtime, container: Container) -> None:
    """One container on one network twice: each DEL frees its own."""
    good(runtime.add(container))
    good(runtime.add(container, "eth1"))
    good(runtime.delete(container))
    assert set(lease_files(host).values()) == {"c1\r\neth1"}
    good(runtime.check(container, "eth1"))
    good(runtime.delete(container, "eth1"))


@needs_culvert
def test_del_ignores_what_add_refuses(runtime: Runtime, host: Host, container: Container) -> None:
    """A network whose configuration became unacceptable can still be left."""
    good(runtime.add(container))
    runtime.network["plugins"][0].update(ipMasq=True, vlan=5)
    good(runtime.delete(container))
    assert left_behind(host, [container]) == {}


def test_del_in_an_anonymous_namespace(host: Host, runtime: Runtime) -> None:
    """Namespaces need no name: a process holds them."""
    container = host.add_anonymous_container("a1")
    good(runtime.add(container))
    good(runtime.check(container))
    good(runtime.delete(container))
    assert left_behind(host) == {}


# ADD that fails


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "bridge address conflict": (bridge(host_local(*DUAL), isGateway=True),
                                "ip link add cni0 type bridge && ip addr add 192.0.2.1/24 dev cni0"),
    "unreachable route": (bridge(host_local(*DUAL, routes=[{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}])), ""),
    "the same route twice": (bridge(host_local(*DUAL, routes=[{"dst": "192.0.2.0/24"}] * 2)), ""),
    "second range set exhausted": (bridge({"type": "host-local", "ranges": [
        [{"subnet": "fd77::/64"}],
        [{"subnet": "10.77.0.0/30", "gateway": "10.77.0.1", "rangeEnd": "10.77.0.1"}]]}), ""),
}


@beats_reference
@pytest.mark.parametrize("why", REFUSED)
def test_refused_add_leaves_nothing(host: Host, ours: Implementation, container: Container, why: str) -> None:
    """No link in the container, none on the host, no lease, no record, and that without any DEL."""
    entry, prepare = REFUSED[why]
    if prepare:
        host.must(prepare)
    runtime = Runtime(host, ours, network(entry))
    first = runtime.add(container).error()
    assert left_behind(host, [container]) == {}
    assert runtime.add(container).error()["msg"] == first["msg"], "the second refusal has another reason"


@needs_culvert
def test_refused_second_add_keeps_the_first(host: Host, runtime: Runtime, container: Container) -> None:
    """ADD for an interface that exists is an error, and takes nothing from the running container."""
    good(runtime.add(container))
    leases, links = lease_files(host), read_network(host, container.netns)
    runtime.add(container).error()
    assert (lease_files(host), read_network(host, container.netns)) == (leases, links)
    good(runtime.check(container))


# CHECK


@beats_reference
@pytest.mark.parametrize("ipam", [{}, None], ids=["empty ipam", "no ipam"])
def test_check_of_layer_two(host: Host, ours: Implementation, container: Container, ipam: Any) -> None:
    """A network without addresses passes CHECK."""
    runtime = Runtime(host, ours, network(bridge(ipam)))
    good(runtime.add(container))
    good(runtime.check(container))


@beats_reference
def test_check_survives_churn_of_ports(host: Host, ours: Implementation) -> None:
    """A bridge without address keeps its MAC address while containers come and go."""
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24"))))
    containers = host.add_containers([f"c{number}" for number in range(12)])
    macs = [good(runtime.add(one)).result()["interfaces"][0]["mac"] for one in containers]
    for one in containers[:6]:
        good(runtime.delete(one))
    for one in containers[6:]:
        good(runtime.check(one))
    assert len({*macs, read_network(host)["links"]["cni0"]["mac"]}) == 1


@pytest.mark.parametrize("damage", [
    "ip addr del 10.77.0.2/24 dev eth0", "ip route del default", "ip link set eth0 address 0a:00:00:00:00:01",
    "ip link del eth0", "ip link set eth0 name eth5"])
def test_check_notices_damage_in_the_container(host: Host, runtime: Runtime, container: Container,
                                               damage: str) -> None:
    """What ADD promised has to be there."""
    good(runtime.add(container))
    host.must(damage, netns=container.netns)
    runtime.check(container).error()


@pytest.mark.parametrize("damage", ["rm /var/lib/cni/networks/net/10.77.0.2 /var/lib/cni/networks/net/fd77::2",
                                    "ip link set dev $(ls /sys/class/net | grep veth) nomaster"])
def test_check_notices_damage_on_the_host(host: Host, runtime: Runtime, container: Container, damage: str) -> None:
    """Lease and port have to be there as well."""
    good(runtime.add(container))
    host.must(damage)
    runtime.check(container).error()


def test_check_tolerates_additions(host: Host, runtime: Runtime, container: Container) -> None:
    """Later plugins and administrators may add to what ADD made."""
    good(runtime.add(container))
    host.must("ip addr add 192.0.2.5/24 dev eth0; ip route add 198.51.100.0/24 dev eth0; ip link set lo up",
              netns=container.netns)
    good(runtime.check(container))


# Links and addresses


@beats_reference
def test_ipv6_gateway_answers_at_once(host: Host, runtime: Runtime, container: Container) -> None:
    """No address is tentative when ADD returns, on neither side."""
    good(runtime.add(container))
    for state in (read_network(host), read_network(host, container.netns)):
        addresses = [entry for name in ("cni0", "eth0") if name in state["links"]
                     for entry in state["links"][name]["addresses"] if entry["scope"] == "global"]
        assert addresses and not any(entry.get("tentative") for entry in addresses)
    host.must("ping -c1 -W1 fd77::1", netns=container.netns)


@beats_reference
def test_name_of_the_host_end_is_always_the_same(host: Host, runtime: Runtime, container: Container) -> None:
    """`veth` and eight hexadecimal digits that follow from the attachment, not from chance."""
    names = []
    for _ in range(2):
        names.append(good(runtime.add(container)).result()["interfaces"][1]["name"])
        good(runtime.delete(container))
    names.append(good(runtime.add(container, "eth1")).result()["interfaces"][1]["name"])
    assert all(re.fullmatch(r"veth[0-9a-f]{8}", name) for name in names)
    assert names[0] == names[1] != names[2]


@beats_reference
def test_bridge_mac_is_set_when_it_is_made(host: Host, ours: Implementation, container: Container) -> None:
    """The bridge does not borrow the address of a port."""
    added = good(Runtime(host, ours, network(bridge({}))).add(container)).result()
    link = read_network(host)["links"]["cni0"]
    assert link["mac origin"] == "set"
    assert added["interfaces"][0]["mac"] == link["mac"] != added["interfaces"][1]["mac"]


@beats_reference
def test_mtu_and_mss_of_routes_are_applied(host: Host, ours: Implementation, container: Container) -> None:
    """They reach the kernel and come back in the result."""
    route = {"dst": "192.0.2.0/24", "gw": "10.77.0.9", "mtu": 1280, "advmss": 1200, "priority": 77}
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24", routes=[route])), version="1.1.0"))
    assert good(runtime.add(container)).result()["routes"] == [route]
    (found,) = [entry for entry in read_network(host, container.netns)["routes"] if entry["dst"] == "192.0.2.0/24"]
    assert found["metric"] == 77
    assert {"mtu": 1280, "advmss": 1200}.items() <= found["metrics"][0].items()
    good(runtime.check(container))


@beats_reference
def test_table_and_scope_of_routes_are_applied(host: Host, ours: Implementation, container: Container) -> None:
    """A route may go to another table."""
    routes = [{"dst": "192.0.2.0/24", "table": 77, "scope": 253}]
    runtime = Runtime(host, ours, network(bridge(host_local("10.77.0.0/24", routes=routes)), version="1.1.0"))
    good(runtime.add(container))
    (found,) = [entry for entry in read_network(host, container.netns)["routes"] if entry["dst"] == "192.0.2.0/24"]
    assert (found["table"], found["scope"]) == ("77", "link")


@beats_reference
def test_port_isolation(host: Host, ours: Implementation) -> None:
    """Isolated containers reach the gateway, but not each other."""
    runtime = Runtime(host, ours, network(bridge(isGateway=True, portIsolation=True)))
    one, two = host.add_containers(["c1", "c2"])
    good(runtime.add(one))
    good(runtime.add(two))
    host.must("ping -c1 -W2 10.77.0.1", netns=one.netns)
    assert not host.run(["ping", "-c1", "-W1", "10.77.0.3"], netns=one.netns).ok


# Results and answers


@beats_reference
@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0"])
def test_old_results_of_loopback_name_the_version(host: Host, ours: Implementation, container: Container,
                                                  version: str) -> None:
    """Each address has its `version`."""
    added = good(Runtime(host, ours, network({"type": "loopback"}, version=version)).add(container, "lo")).result()
    assert {(entry["address"], entry["version"]) for entry in added["ips"]} == {("127.0.0.1/8", "4"), ("::1/128", "6")}


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0"])
def test_loopback_passes_the_previous_result_on(host: Host, ours: Implementation, container: Container,
                                                version: str) -> None:
    """Behind another plugin, loopback changes nothing in the result."""
    alone = Runtime(host, ours, network(bridge(host_local(*DUAL)), version=version))
    before = good(alone.add(container)).result()
    after = good(alone.call("ADD", {"type": "loopback"}, container, previous=before)).result()
    assert after == before


@beats_reference
@pytest.mark.parametrize("plugin", PLUGINS)
def test_banner_has_a_version(host: Host, ours: Implementation, plugin: str) -> None:
    """Without a command: name and a version of at least 1.9.1 on stderr, and nothing on stdout."""
    outcome = good(host.plugin(ours.executable(plugin), "", "", env={"CNI_COMMAND": None}))
    first, second = outcome.stderr.splitlines()
    found = re.fullmatch(rf"CNI {plugin} plugin v?(\d+)\.(\d+)\.(\d+)\S*", first)
    assert found and tuple(map(int, found.groups())) >= (1, 9, 1)
    assert second.startswith(f"CNI protocol versions supported: {VERSIONS[OLDEST.get(plugin, 0)]}, ")
    assert outcome.stdout == ""


@beats_reference
@pytest.mark.parametrize("plugin", PLUGINS)
def test_answer_to_version(host: Host, ours: Implementation, plugin: str) -> None:
    """The newest version and all others, on one line with its end; no other variable and no input is needed."""
    outcome = good(host.run([ours.executable(plugin)], env={"CNI_COMMAND": "VERSION"}))
    assert outcome.stdout.count("\n") == 1 and outcome.stdout.endswith("\n")
    assert json.loads(outcome.stdout) == {
        "cniVersion": "1.1.0", "supportedVersions": VERSIONS[OLDEST.get(plugin, 0):]}


@beats_reference
def test_errors_carry_the_version(host: Host, runtime: Runtime) -> None:
    """Of the configuration, as far as it could be read."""
    assert runtime.add(Container("c1", "/run/netns/none")).error()["cniVersion"] == "1.0.0"


@needs_culvert
def test_pairs_have_one_queue_each_way(host: Host, runtime: Runtime, container: Container) -> None:
    """Neither end has others, which the kernel would have to switch off."""
    good(runtime.add(container))
    for netns in (None, container.netns):
        (end,) = json.loads(host.must("ip -d -j link show type veth", netns=netns))
        assert (end["num_tx_queues"], end["num_rx_queues"]) == (1, 1)


@needs_culvert
def test_records_exist_as_long_as_the_attachment(host: Host, runtime: Runtime, container: Container) -> None:
    """One record by network, container id and interface, from ADD to DEL; the directory can be moved."""
    good(runtime.add(container))
    records = read_tree(host.path("/run/culvert/attachments"))
    assert [path for path, entry in records.items() if entry["content"] is not None] == ["net/c1:eth0.json"]
    json.loads(records["net/c1:eth0.json"]["content"])
    good(runtime.delete(container))
    assert left_behind(host, [container]) == {}
    good(runtime.add(container, env={"CULVERT_RUN_DIR": "/run/elsewhere"}))
    assert host.path("/run/elsewhere/attachments/net/c1:eth0.json").is_file()
    good(runtime.delete(container, env={"CULVERT_RUN_DIR": "/run/elsewhere"}))
    assert not host.path("/run/elsewhere/attachments/net/c1:eth0.json").exists()
