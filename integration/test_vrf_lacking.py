# SPDX-License-Identifier: Apache-2.0
"""`vrf` on a kernel that has none."""
from __future__ import annotations

import pytest

import guest
from host import Host
from implementations import Implementation
from kernel_state import link_names
from runtime import Runtime, network

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
