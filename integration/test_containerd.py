# SPDX-License-Identifier: Apache-2.0
"""containerd itself, with pods made as kubelet makes them, and containers of its own tool."""
from __future__ import annotations

import concurrent.futures
import json
import os
import time
from collections.abc import Iterator

import pytest

from containerd import BUSYBOX, NETWORKS, PAGE, PLUGINS, TCP, ContainerdHost, Pod
from cri import Refused
from host import until
from implementations import PLUGINS as OUR_PLUGINS
from implementations import Implementation
from kernel_state import LEASES, RECORDS
from operator_tool import Operator
from runtime import bridge, host_local, network
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, bracketed, fetch, serve
from witnesses import Call, witnessed

pytestmark = [pytest.mark.xdist_group("containerd"), pytest.mark.needs_culvert]
PUBLISHED = {"protocol": TCP, "container_port": 80, "host_port": 8080}
MEGABIT = 1_000_000


@pytest.fixture(scope="module")
def machine(ours: Implementation) -> Iterator[ContainerdHost]:
    """One host for all tests."""
    with ContainerdHost(ours) as host:
        add_outside(host)
        yield host


@pytest.fixture
def node(machine: ContainerdHost) -> Iterator[ContainerdHost]:
    """The host, on which nothing may be left once all pods of the test have ended."""
    yield machine
    machine.clear()
    assert machine.remains() == {}


def pings(node: ContainerdHost, netns: str | None, address: str) -> bool:
    """Whether an answer to a ping comes back."""
    return node.run(["ping", "-nqc1", "-W5", address], netns=netns).ok


def leases(node: ContainerdHost, listed: str = "pods") -> set[str]:
    """Addresses that are given away."""
    names = {path.name for path in node.path(f"{LEASES}/{listed}").iterdir()}
    return {name for name in names if name[:2] in ("10", "fd")}


def of(calls: list[Call], pod: Pod, **members: str) -> list[Call]:
    """The calls about a pod with these values."""
    return [call for call in calls if call.container == pod.id
            and all(getattr(call, name) == value for name, value in members.items())]


def kill(node: ContainerdHost, pod: Pod) -> None:
    """Kills the process that holds the namespaces of a pod."""
    node.must(f"kill -9 {pod.info()['pid']}")
    until(lambda: not pod.ready, "containerd notices")


def operator(node: ContainerdHost, ours: Implementation) -> Operator:
    """Whoever is in charge of the node, with containerd's networks."""
    tool = Operator(node, ours)
    tool.env.update(NETCONFPATH=NETWORKS, CNI_PATH=PLUGINS)
    return tool


def test_our_plugins_are_the_ones(node: ContainerdHost, ours: Implementation) -> None:
    """containerd looks into one directory, and every plugin of the network in there is ours."""
    status = node.call("Status", verbose=True)
    assert all(condition.status for condition in status.status.conditions)
    listed = json.loads(status.info["cniconfig"])
    assert listed["PluginDirs"] == [PLUGINS] and listed["PluginConfDir"] == NETWORKS
    used = {plugin["Network"]["type"] for each in listed["Networks"] for plugin in each["Config"]["Plugins"]}
    assert used == {"loopback", "bridge", "portmap", "bandwidth", "firewall"}
    assert os.readlink(node.path(PLUGINS)) == str(ours.directory)
    assert len({(ours.directory / name).stat().st_ino for name in OUR_PLUGINS}) == 1


def test_addresses_of_a_pod(node: ContainerdHost) -> None:
    """What the runtime tells kubelet is what the pod has, in both families, and what the lease directory says."""
    pod = node.pod("a")
    ipv4, ipv6 = pod.addresses()
    eth0 = json.loads(node.must("ip -j address show eth0", netns=pod.netns))[0]
    has = {each["local"]: each["prefixlen"] for each in eth0["addr_info"] if each["scope"] == "global"}
    assert has == {ipv4: 24, ipv6: 64} and leases(node) == {ipv4, ipv6}
    told = pod.info()["cniResult"]["Interfaces"]["eth0"]
    assert told["Mac"] == eth0["address"] and told["Sandbox"] == f"/var{pod.netns}"
    assert [each["IP"] for each in told["IPConfigs"]] == [ipv4, ipv6]
    pod.stop()
    assert leases(node) == set()


def test_two_pods_talk(node: ContainerdHost) -> None:
    """Pings and pages in both families, seen by processes in containers, and the world beyond the host."""
    a, b = node.pod("a"), node.pod("b")
    a.serves()
    client = b.runs("client", "sleep", "1000")
    for address in a.addresses():
        for command in (["ping", "-c1", "-W5", address], ["wget", "-qO-", f"http://{bracketed(address)}/"]):
            done = node.call("ExecSync", container_id=client, cmd=["/bin/busybox", *command], timeout=20)
            assert done.exit_code == 0, f"{command}: {done.stdout!r} {done.stderr!r}"
        assert done.stdout.decode() == PAGE
        assert pings(node, None, address)
    serve(node, OUTSIDE, 7000)
    for address, seen in ((OUTSIDER4, HOST4), (OUTSIDER6, HOST6)):
        assert fetch(node, b.namespace, address, 7000, 10) == f"outside {seen}"


def test_host_ports(node: ContainerdHost) -> None:
    """Reached from outside, from the host, from another pod and from the pod itself; closed when it stops."""
    a, b = node.pod("a", PUBLISHED, {**PUBLISHED, "host_port": 8081, "host_ip": "127.0.0.1"}), node.pod("b")
    a.serves()
    for where, address in ((OUTSIDE, HOST4), (OUTSIDE, HOST6), (None, "127.0.0.1"), (None, HOST4), (None, HOST6),
                           (b.namespace, HOST4), (a.namespace, HOST4), (b.namespace, HOST6)):
        assert fetch(node, where, address, 8080, 10) == PAGE, (where, address)
    assert fetch(node, None, "127.0.0.1", 8081, 10) == PAGE
    assert fetch(node, OUTSIDE, HOST4, 8081, 1) == ""
    a.stop()
    assert fetch(node, OUTSIDE, HOST4, 8080, 1) == fetch(node, None, "127.0.0.1", 8080, 1) == ""


def test_bandwidth_annotations(node: ContainerdHost) -> None:
    """Kubernetes' annotations become buckets of these rates; once the huge burst is used up, they hold."""
    limits = {"kubernetes.io/ingress-bandwidth": "80M", "kubernetes.io/egress-bandwidth": "40M"}
    pod = node.pod("a", annotations=limits)
    buckets = {each["dev"][:3]: each for each in json.loads(node.must("tc -j -s qdisc")) if each["kind"] == "tbf"}
    assert {kind: bucket["options"]["rate"] * 8 for kind, bucket in buckets.items()} \
        == {"vet": 80 * MEGABIT, "bwp": 40 * MEGABIT}
    device, burst = buckets["vet"]["dev"], buckets["vet"]["options"]["burst"]

    def look() -> tuple[float, int, float]:
        """What has been sent, between which moments."""
        before = time.monotonic()
        return before, seen("bytes"), time.monotonic()

    def seen(counter: str) -> int:
        return json.loads(node.must(f"tc -j -s qdisc show dev {device} root"))[0][counter]

    address = pod.addresses()[0]
    node.start(["sh", "-c", f"exec nc -l {address} 7001 >/dev/null"], netns=pod.netns)
    until(lambda: "7001" in node.must("ss -Hltn", netns=pod.netns), "somebody listens")
    node.start(["sh", "-c", f"exec nc {address} 7001 </dev/zero"])
    assert burst > 2**28
    until(lambda: seen("overlimits") > 100, "the burst is used up")
    first = look()
    until(lambda: seen("bytes") > first[1] + 30 * MEGABIT, "three seconds of the rate")
    last = look()
    # A busy machine takes its time to look: the rate is between these.
    least, most = ((last[1] - first[1]) * 8 / seconds for seconds in (last[2] - first[0], last[0] - first[2]))
    assert least <= 84 * MEGABIT and most >= 76 * MEGABIT, (least, most)


def test_loopback_beside_the_network(node: ContainerdHost) -> None:
    """containerd has `lo` made at the same time, by our loopback, in the old form that it asks for."""
    with witnessed(node) as calls:
        pod = node.pod("a")
        namespace = f"/var{pod.netns}"
        pod.end()
    added = of(calls, pod, plugin="loopback", verb="ADD", interface="lo")
    assert [(call.status, call.netns) for call in added] == [("0", namespace)]
    answer = json.loads(added[0].answer)
    assert answer["cniVersion"] == "0.3.1" and [each["name"] for each in answer["interfaces"]] == ["lo"]
    assert [call.plugin for call in of(calls, pod, verb="ADD", interface="eth0")] \
        == ["bridge", "host-local", "portmap", "bandwidth", "firewall"]
    assert {call.status for call in calls} == {"0"}
    assert {call.interface for call in of(calls, pod, verb="DEL", plugin="loopback")} == {"lo"}


def test_lo_is_up_in_a_pod(node: ContainerdHost) -> None:
    """With both of its addresses."""
    pod = node.pod("a")
    assert pings(node, pod.netns, "127.0.0.1") and pings(node, pod.netns, "::1")


def test_stopped_twice_and_removed(node: ContainerdHost) -> None:
    """The second DEL has neither a namespace nor a result, and succeeds."""
    with witnessed(node) as calls:
        pod = node.pod("a", PUBLISHED, annotations={"kubernetes.io/ingress-bandwidth": "10M"})
        namespace = f"/var{pod.netns}"
        pod.stop()
        assert node.remains() == {}
        pod.stop()
        pod.remove()
        pod.remove()
    removed = of(calls, pod, plugin="bridge", verb="DEL")
    assert len(removed) >= 2
    assert (removed[0].netns, removed[0].knows_result) == (namespace, "yes")
    assert {(call.netns, call.knows_result) for call in removed[1:]} == {("", "no")}
    assert {call.status for call in calls} == {"0"}


def test_stopped_by_many_at_once(node: ContainerdHost) -> None:
    """kubelet's workers and its garbage collector stop the same pod at the same moment: none of them fails.

    The pods have died before: of who kills a living one, containerd itself lets only the first succeed.
    """
    pods = [node.pod(name, {**PUBLISHED, "host_port": port}) for name, port in (("a", 8080), ("b", 8081))]
    for pod in pods:
        kill(node, pod)
    with witnessed(node) as calls:
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            for done in [crowd.submit(pod.stop) for _ in range(4) for pod in pods]:
                done.result()
        assert node.remains() == {}
    for pod in pods:
        assert {call.status for call in of(calls, pod)} == {"0"}
        assert len(of(calls, pod, plugin="bridge", verb="DEL")) == 4


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_restart_of_containerd(node: ContainerdHost, signal: str) -> None:
    """Pods live on, with their addresses and ports; nobody else gets those, and they can be stopped."""
    a = node.pod("a", PUBLISHED)
    a.serves()
    before = a.addresses()
    node.restart(signal)
    node.waits_for_network("pods")
    assert a.ready and a.addresses() == before
    assert fetch(node, OUTSIDE, HOST4, 8080, 10) == PAGE
    b = node.pod("b")
    assert not set(b.addresses()) & set(before)
    assert pings(node, b.netns, before[0]) and pings(node, b.netns, before[1])
    a.end()
    assert leases(node) == set(b.addresses())


def test_a_pod_that_was_killed(node: ContainerdHost) -> None:
    """Its network namespace is still there: stopping it takes everything away."""
    pod = node.pod("a", PUBLISHED)
    addresses = set(pod.addresses())
    kill(node, pod)
    assert leases(node) == addresses
    pod.stop()
    assert node.remains() == {}


def test_a_pod_whose_namespace_is_gone(node: ContainerdHost) -> None:
    """Killed, and somebody unmounted the namespace: the DEL finds a path where nothing is."""
    pod = node.pod("a", PUBLISHED)
    netns = pod.netns
    kill(node, pod)
    node.must(f"umount {netns}; rm {netns}")
    pod.stop()
    assert node.remains() == {}


def test_an_exhausted_pool(node: ContainerdHost) -> None:
    """Who asks for one pod too many hears from the runtime what we say; nothing of it is left."""
    small = network(bridge(host_local("10.91.0.0/30"), bridge="small0", isGateway=True), name="small")
    node.configure("00-small", small)
    try:
        node.waits_for_network("small")
        first = node.pod("a")
        namespaces = node.must("ls /run/netns")
        with pytest.raises(Refused) as refused:
            node.pod("b")
        said = str(refused.value)
        assert 'plugin type="bridge" failed (add)' in said, said
        assert "no IP addresses available in range set: 10.91.0.1-10.91.0.2; 1 in total, 1 used" in said, said
        assert "leases are in /var/lib/cni/networks/small" in said, said
        assert leases(node, "small") == {"10.91.0.2"} and node.must("ls /run/netns") == namespaces
        assert len(list(node.path(f"{RECORDS}/small").glob("*.json"))) == 1
        assert len(json.loads(node.must("ip -j link show type veth master small0"))) == 1
        first.end()
        assert node.pod("c").addresses() == ["10.91.0.2"]
    finally:
        # While its network is still the pods'.
        node.clear()
        node.path(f"{NETWORKS}/00-small.conflist").unlink()
        node.waits_for_network("pods")


def test_a_taken_host_port(node: ContainerdHost) -> None:
    """The second pod that wants a port is refused, and its kubelet hears who has it; the first one keeps it."""
    first = node.pod("a", PUBLISHED)
    first.serves()
    with pytest.raises(Refused) as refused:
        node.pod("b", PUBLISHED)
    said = str(refused.value)
    assert 'plugin type="portmap" failed (add)' in said and "8080" in said and first.id in said, said
    assert leases(node) == set(first.addresses())
    assert fetch(node, OUTSIDE, HOST4, 8080, 10) == PAGE


def test_what_operators_see(node: ContainerdHost, ours: Implementation) -> None:
    """`culvert list` has the pods by what containerd calls them, and `culvert doctor` nothing to complain about."""
    pods = [node.pod(name) for name in ("a", "b")]
    tool = operator(node, ours)
    listed = tool.attachments()
    assert {pod.id for pod in pods} == {entry["containerID"] for entry in listed.values()}
    assert {(entry["state"], entry["container"]) for entry in listed.values()} == {("whole", "alive")}
    for pod in pods:
        ipv4, ipv6 = pod.addresses()
        assert set(listed[f"{pod.id}:eth0"]["addresses"]) == {f"{ipv4}/24", f"{ipv6}/64"}
    kill(node, pods[0])
    assert tool.document("gc")["actions"] == [], "its namespace is still there"
    examined = tool.document("doctor")
    assert examined["healthy"] and not examined["findings"] and not examined["notLookedAt"], examined
    assert examined["networks"] == ["pods"], examined


def test_pods_of_the_reference(node: ContainerdHost, ours: Implementation, reference: Implementation) -> None:
    """Pods that the reference connected talk with ours and are removed by ours, after an upgrade under way."""
    node.install(reference.directory)
    try:
        old = node.pod("old", PUBLISHED, annotations={"kubernetes.io/egress-bandwidth": "10M"})
        old.serves()
    finally:
        node.install(ours.directory)
    new = node.pod("new")
    assert fetch(node, new.namespace, old.addresses()[0], 80, 10) == PAGE
    assert fetch(node, OUTSIDE, HOST4, 8080, 10) == PAGE
    old.end()


def container(node: ContainerdHost, *words: str) -> list[str]:
    """The words for `ctr` that run a container on the network."""
    return ["ctr", "run", "--cni", "--cgroup", f"/{node.group}/ctr", *words]


def test_ctr_in_the_foreground(node: ContainerdHost) -> None:
    """`ctr run --cni` connects a container, and calls DEL when it ends."""
    done = node.run(container(node, "--rm", BUSYBOX, "front", "/bin/busybox", "ip", "address", "show", "eth0"))
    assert done.ok and "inet 10.90.0." in done.stdout and "inet6 fd90::" in done.stdout, done
    assert node.remains() == {}


def test_ctr_detached(node: ContainerdHost, ours: Implementation) -> None:
    """`ctr run --detach --cni` never calls DEL; `culvert gc` sees who died, and cleans up behind it."""
    running = node.pod("a")
    node.must(" ".join(container(node, "--detach", BUSYBOX, "back", "/bin/busybox", "sleep", "1000")))
    (address,) = (each for each in leases(node) - set(running.addresses()) if "." in each)
    assert pings(node, running.netns, address)
    tool = operator(node, ours)
    assert tool.document("gc")["actions"] == []
    node.must("ctr task kill -s 9 back")
    until(lambda: "STOPPED" in node.must("ctr task list"), "it ended")
    node.must("ctr task delete back; ctr container delete back")
    assert address in leases(node)
    assert [each["action"] for each in tool.document("gc", "--yes")["actions"]] == ["disconnect"]
    assert leases(node) == set(running.addresses())
    assert pings(node, running.netns, "10.90.0.1")
    # What libcni remembers for a DEL is the runtime's own.
    (remembered,) = node.path("/var/lib/cni/results").glob("*-default-back-eth0")
    remembered.unlink()
