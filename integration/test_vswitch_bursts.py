# SPDX-License-Identifier: Apache-2.0
"""Many frames at once through `culvert-switchd`: by one entry into the kernel for all, and by a call for each."""
from __future__ import annotations

import json
import os
import pathlib
import re
import signal
from collections.abc import Iterator

import pytest

import vlan_frames
from host import Host
from implementations import Implementation
from runtime import Runtime, host_local, network
from switching import Switch, new_switch
from test_vswitch import address, attach, pings, transfer

pytestmark = pytest.mark.needs_culvert

#: io_uring_setup, io_uring_enter and io_uring_register: the same on all machines (asm-generic/unistd.h).
SETUP, ENTER, REGISTER = "425", "426", "427"
REFUSING = ["/usr/bin/python3", str(pathlib.Path(__file__).parent / "refusing.py")]
#: As many as wait in a tap's queue without a loss, and then some bursts.
FRAMES = 400


def has_rings() -> bool:
    """Whether this kernel makes reads of taps together, and lets us have it done."""
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    switch = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
    assert version
    return tuple(map(int, version.groups())) >= (6, 4) and switch.exists() and switch.read_text().strip() == "0"


@pytest.fixture(params=[(), (SETUP,), (ENTER,), (REGISTER,)], ids=["joint", "single", "no-enter", "no-register"])
def switch(host: Host, ours: Implementation, request: pytest.FixtureRequest) -> Iterator[Switch]:
    """A daemon that runs, to which the kernel refuses some calls."""
    wrapper = [*REFUSING, *request.param, "--"] if request.param else []
    with new_switch(host, ours, wrapper=wrapper) as running:
        calls = running.ask("status")["result"]["calls"]
        if {SETUP, ENTER} & set(request.param):
            assert calls == "single" and "each frame is a call" in running.log()
        elif has_rings():
            assert calls == "joint" and "many frames are one call (io_uring)" in running.log()
        yield running


def test_whole_bursts(host: Host, ours: Implementation, switch: Switch) -> None:
    """What piles up while the daemon cannot run comes in order, once, and with the tags that each port is to see."""
    def listed(name: str, **members: object) -> Runtime:
        return Runtime(host, ours, network({"type": "vswitch", **members}, name=name, version="1.1.0"))

    attach(listed("blue", vlan=100), "b1", "b2")
    attach(listed("red", vlan=200), "r1")
    attach(listed("both", vlanTrunk=[{"id": 100}, {"id": 200}]), "t1")
    heard = {name: host.start(["/usr/bin/python3", "-c", vlan_frames.LISTENER, "eth0"], netns=f"/run/netns/{name}")
             for name in ("b1", "b2", "r1", "t1")}
    for process in heard.values():
        assert process.stdout and process.stdout.readline().strip() == "ready"
    tags = [((vlan_frames.CUSTOMER, 100),), ((vlan_frames.CUSTOMER, 200),), ()]
    sent = {"t1": [(number, tags[number % 3], vlan_frames.EVERYBODY) for number in range(FRAMES)],
            "b1": [(number, (), vlan_frames.EVERYBODY) for number in range(1000, 1000 + FRAMES)]}
    assert switch.process is not None
    switch.process.send_signal(signal.SIGSTOP)
    for name, frames in sent.items():
        host.must(f"/usr/bin/python3 -c '{vlan_frames.SENDER}' eth0", netns=f"/run/netns/{name}",
                  stdin=json.dumps(frames))
    switch.process.send_signal(signal.SIGCONT)
    blue, red = ([number for number in range(FRAMES) if number % 3 == part] for part in (0, 1))
    others = list(range(1000, 1000 + FRAMES))
    expected = {"b1": {number: [] for number in blue}, "b2": {number: [] for number in blue + others},
                "r1": {number: [] for number in red},
                "t1": {number: [[vlan_frames.CUSTOMER, 100]] for number in others}}
    for name, process in heard.items():
        output, _ = process.communicate(json.dumps([sorted(expected[name]), 30]) + "\n", timeout=60)
        got = {int(number): times for number, times in json.loads(output).items()}
        assert got == {number: [tags] for number, tags in expected[name].items()}, name
        for first in (0, 1000):
            numbers = [number for number in got if first <= number < first + FRAMES]
            assert numbers == sorted(numbers), name
    for port in switch.ports().values():
        assert port["counters"]["fullDrops"] == port["counters"]["refusedDrops"] == 0, port
    assert switch.ports()["t1:eth0"]["counters"]["receivedFrames"] >= FRAMES


def test_streams(host: Host, ours: Implementation, switch: Switch) -> None:
    """Long segments and their answers pass as they were sent, both ways."""
    runtime = Runtime(host, ours, network(
        {"type": "vswitch", "isGateway": True, "ipam": host_local("10.78.0.0/24")}, name="net", version="1.1.0"))
    one, two = attach(runtime, "c1", "c2")
    assert pings(host, one, address(runtime, two)) and pings(host, two, "10.78.0.1")
    transfer(host, one, address(runtime, one), two)
    transfer(host, two, address(runtime, two), one)
    counters = switch.ports()["c2:eth0"]["counters"]
    assert counters["receivedBytes"] / counters["receivedFrames"] > 1500, counters


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_restart_at_once(host: Host, ours: Implementation, switch: Switch, how: signal.Signals) -> None:
    """Whoever asks a daemon that follows another one at once is told of all its ports, though the kernel may still have
    them to give back; and none is complained of."""
    runtime = Runtime(host, ours, network(
        {"type": "vswitch", "isGateway": True, "ipam": host_local("10.78.0.0/24")}, name="net", version="1.1.0"))
    one, two = attach(runtime, "c1", "c2")
    before = set(switch.ports())
    for _ in range(3):
        switch.stop(how)
        switch.start()
        shown = switch.ask("show")["result"]
        assert {port["name"] for each in shown["switches"] for port in each["ports"]} == before
        assert shown["lost"] == []
    assert pings(host, one, address(runtime, two)) and pings(host, two, "10.78.0.1")
    assert "busy" not in switch.log(), switch.log()
