# SPDX-License-Identifier: Apache-2.0
"""What `vrf` refuses, on any kernel, and what it says on one that has no VRFs."""
from __future__ import annotations

import pytest

import guest
from host import Host
from implementations import Implementation
from kernel_state import link_names
from runtime import Runtime, network, valid_attachments
from test_vrf import V4, build, good, listed, previous, run, state

pytestmark = pytest.mark.needs_culvert


def test_kernel_without_it(host: Host, ours: Implementation) -> None:
    """STATUS and ADD name what the kernel lacks; the interface stays as it is, and DEL succeeds."""
    if guest.has_links("vrf"):
        pytest.skip("this kernel has VRFs")
    container = host.add_container("c1")
    host.must("ip link add eth0 type veth peer name far; ip link set eth0 up", netns=container.netns)
    runtime = Runtime(host, ours, network({"type": "vrf", "vrfname": "red"}, version="1.1.0"))
    previous = {"interfaces": [{"name": "eth0", "sandbox": container.netns}]}
    refused = runtime.call("ADD", runtime.network["plugins"][0], container, previous=previous).error()
    assert refused["code"] == 2 and "CONFIG_NET_VRF" in refused["details"], refused
    status = runtime.status().error()
    assert status["code"] == 50 and "CONFIG_NET_VRF" in status["details"], status
    assert link_names(host, container.netns) == {"lo", "eth0", "far"}
    assert runtime.call("DEL", runtime.network["plugins"][0], container).ok


BAD = [
    ({"vrfname": None}, 7, "vrfname"), ({"vrfname": ""}, 7, "vrfname"), ({"vrfname": 7}, 6, "vrfname"),
    ({"vrfname": ["red"]}, 6, "vrfname"), ({"vrfname": "a/b"}, 6, "vrfname"), ({"vrfname": "x" * 16}, 6, "vrfname"),
    ({"vrfname": ".."}, 6, "vrfname"), ({"vrfname": "a b"}, 6, "vrfname"), ({"vrfname": "net1"}, 7, "net1"),
    ({"vrfname": "lo"}, 7, "lo of the container is no VRF"), ({"vrfname": "net2"}, 7, "is no VRF"),
    ({"table": "10"}, 6, "table"), ({"table": -1}, 6, "table"), ({"table": 2**32}, 6, "table"),
    ({"table": 1.5}, 6, "table"), ({"table": True}, 6, "table"), ({"table": []}, 6, "table"),
    ({"prevResult": None}, 7, "missing prevResult"), ({"prevResult": 7}, 6, "prevResult"),
]


def test_bad_configuration(host: Host, ours: Implementation) -> None:
    """One clear error that names the place, nothing has changed, and DEL does not mind."""
    container = build(host, V4)
    found = state(host, container)
    for members, code, says in BAD:
        document = {"cniVersion": "1.0.0", "name": "net", "type": "vrf", "vrfname": "red",
                    "prevResult": previous(container, V4), **members}
        outcome = host.plugin(ours.executable("vrf"), "ADD", document, container=container, ifname="net1")
        assert outcome.error()["code"] == code and says in outcome.error_text, (members, outcome.stdout)
        if members.get("prevResult", {}) != 7:
            good(host.plugin(ours.executable("vrf"), "DEL", document, container=container, ifname="net1"))
    assert state(host, container) == found


def test_lock_of_somebody_else(host: Host, ours: Implementation) -> None:
    """Who waits too long is told to try again, and nothing has changed."""
    container = build(host, V4)
    holder = host.start(["flock", container.netns, "sh", "-c", "echo ready; exec cat"])
    assert holder.stdout and holder.stdout.readline() == "ready\n"
    outcome = run(Runtime(host, ours, listed()), "ADD", container, previous(container, V4),
                  env={"CULVERT_LOCK_TIMEOUT": "0.1"})
    assert outcome.error()["code"] == 11
    assert "red" not in link_names(host, container.netns)


def test_garbage_and_versions(host: Host, ours: Implementation) -> None:
    """GC has nothing that outlives a namespace; STATUS looks at the configuration; versions from 0.3.1 on."""
    runtime = Runtime(host, ours, listed("1.1.0"))
    good(runtime.sweep(valid_attachments()))
    runtime.network["plugins"][0]["vrfname"] = ""
    assert runtime.status().error()["code"] == 7
    container = host.add_container("c1")
    assert run(Runtime(host, ours, listed("0.2.0")), "ADD", container, None).error()["code"] == 1
