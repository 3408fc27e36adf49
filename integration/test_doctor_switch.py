# SPDX-License-Identifier: Apache-2.0
"""culvert doctor and the daemon of switches in user space: killed, stopped, without a port, and not to be asked."""
from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from host import Container, Host, until
from implementations import Implementation, build_directory
from runtime import Runtime, host_local, network
from switching import SOCKET, Switch, new_switch
from test_doctor import CONFIGURATIONS, PLUGINS, Clinic

pytestmark = pytest.mark.needs_culvert
LAB = network({"type": "vswitch", "ipam": host_local("10.78.0.0/24")}, name="lab", version="1.1.0")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Ward:
    """A host with a bridge, and with a switch in user space that two containers have joined."""

    def __init__(self, host: Host, ours: Implementation, switch: Switch) -> None:
        self.clinic, self.switch = Clinic(host, ours), switch
        self.clinic.configure("20-lab.conflist", LAB)
        host.must(f"ln {PLUGINS}/bridge {PLUGINS}/vswitch")
        self.runtime = Runtime(host, ours, LAB)
        self.containers: list[Container] = []
        for name in ("v1", "v2"):
            container = host.add_container(name)
            outcome = self.runtime.add(container)
            assert outcome.ok, outcome
            self.containers.append(container)

    def only(self) -> dict[str, Any]:
        """The one thing that is wrong, which is no business of the other network."""
        found = self.clinic.findings()
        assert len(found) == 1 and not found[0]["fixable"], found
        assert self.clinic.findings("--network", "lan") == []
        # In other words maybe: why a port cannot be opened is found out anew each second.
        assert [entry["id"] for entry in self.clinic.findings("--network", "lab")] == [found[0]["id"]]
        return found[0]

    def told(self) -> set[str]:
        """What is wrong, in words."""
        return {entry["id"] for entry in self.clinic.findings()}

    def as_nobody(self) -> dict[str, Any]:
        """What is said to a user without rights."""
        return json.loads(self.clinic.doctor("-o", "json", wrapper=NOBODY).stdout)


@pytest.fixture
def ward(host: Host, ours: Implementation) -> Iterator[Ward]:
    """A healthy one."""
    with new_switch(host, ours) as switch:
        ward = Ward(host, ours, switch)
        assert ward.told() == set()
        yield ward


def test_a_daemon_that_was_killed(ward: Ward) -> None:
    """An error while containers need it, a warning when only a network names it, nothing when it is back."""
    ward.switch.stop(signal.SIGKILL)
    found = ward.only()
    assert (found["id"], found["severity"], found["network"]) == ("switchd-away", "error", "lab")
    assert found["where"] == f"socket {SOCKET}" and found["fix"] == "systemctl start culvert-switchd"
    assert "does not run" in found["what"] and "2 living attachments" in found["what"]
    assert ward.runtime.status().error()["code"] == 51
    ward.switch.start()
    until(lambda: ward.told() == set(), "nothing is wrong any more")

    assert all(ward.runtime.delete(container).ok for container in ward.containers)
    ward.switch.stop(signal.SIGKILL)
    found = ward.only()
    assert (found["id"], found["severity"], found["network"]) == ("switchd-not-ready", "warning", "lab")
    assert found["where"] == f"{CONFIGURATIONS}/20-lab.conflist: plugins[0]" and SOCKET in found["what"]
    ward.clinic.host.path(f"{CONFIGURATIONS}/20-lab.conflist").unlink()
    assert ward.told() == set(), "nobody needs it"


def test_a_daemon_that_hangs(ward: Ward) -> None:
    """It is waited for, though not for long; somebody else at its socket is told apart."""
    assert ward.switch.process is not None
    ward.switch.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    found = ward.clinic.findings()
    assert time.monotonic() - begun < 8
    assert [entry["id"] for entry in found] == ["switchd-away"] and found[0]["severity"] == "error"
    assert "does not answer" in found[0]["what"] and "systemctl restart culvert-switchd" in found[0]["fix"]
    ward.switch.process.send_signal(signal.SIGCONT)
    until(lambda: ward.told() == set(), "it answers again")

    ward.switch.stop(signal.SIGKILL)
    script = ("import os, socket, sys; path = sys.argv[1]; os.path.exists(path) and os.unlink(path); "
              "server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(); print('ready', flush=True)\n"
              "while True: connection, _ = server.accept(); connection.sendall(b'hello\\n'); connection.close()")
    stranger = ward.clinic.host.start(["/usr/bin/python3", "-c", script, SOCKET])
    try:
        assert stranger.stdout is not None and stranger.stdout.readline() == "ready\n"
        found = ward.clinic.findings()
        assert [entry["id"] for entry in found] == ["switchd-away"]
        assert "no culvert-switchd" in found[0]["what"] and "daemonSocketPath" in found[0]["fix"]
    finally:
        stranger.kill()
        stranger.wait()


def test_a_port_that_is_lost(ward: Ward) -> None:
    """It is named with the daemon's reason, its neighbour is not, and what is advised helps."""
    host = ward.clinic.host
    host.must("ip link del eth0", netns=ward.containers[0].netns)
    until(lambda: ward.told() == {"switch-port-lost"}, "the daemon misses it")
    found = ward.only()
    assert (found["severity"], found["network"], found["where"]) == ("error", "lab", "lab/v1:eth0")
    lost = ward.switch.ask("show")["result"]["lost"]
    assert [entry["attachment"] for entry in lost] == ["lab/v1:eth0"] and lost[0]["reason"]
    assert found["what"].startswith(f"culvert-switchd at {SOCKET} has no port for it: ")
    assert found["fix"].startswith("culvert reconcile")
    outcome = host.run([os.path.join(build_directory(), "culvert"), "reconcile"],
                       env={"NETCONFPATH": CONFIGURATIONS, "CNI_PATH": PLUGINS})
    assert outcome.ok, outcome
    until(lambda: ward.told() == set(), "the port is open again")


def test_who_may_not_ask_is_not_told(ward: Ward) -> None:
    """Neither that the daemon is well nor that it is not."""
    host = ward.clinic.host
    host.must(f"chmod 755 /run /run/culvert {CONFIGURATIONS} {PLUGINS}")
    for _ in range(2):
        report = ward.as_nobody()
        assert not [entry for entry in report["findings"] if entry["id"].startswith("switch")], report
        assert [line for line in report["notLookedAt"]
                if line.startswith(f"culvert-switchd at {SOCKET}: ") and line.endswith("; run this as root")], report
        ward.switch.stop(signal.SIGKILL)
