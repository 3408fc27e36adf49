# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/troubleshooting.md, each typed as it stands there, by somebody who has such containers."""
from __future__ import annotations

import json

import pytest

from host import Host
from implementations import REPOSITORY, Implementation
from manual import blocks
from test_quick_start import DIRECTORIES, PATH, PRELUDE
from traffic import add_outside, serve

pytestmark = pytest.mark.needs_culvert
PAGE = REPOSITORY / "docs" / "troubleshooting.md"
#: The container that the page shows, and two that it asks about; addresses are those of the page.
CONTAINERS = ("3f2a", "web-0", "web-1")
LAN = {"cniVersion": "1.1.0", "name": "lan", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "ipMasq": True, "hairpinMode": True,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/24"}]]}},
    {"type": "portmap", "capabilities": {"portMappings": True}},
    {"type": "firewall"}]}


@pytest.fixture
def world(host: Host, ours: Implementation) -> Host:
    """A host on which all is installed, with containers of whom one publishes port 8080."""
    assert ours.name == "ours"
    host.must(DIRECTORIES)
    add_outside(host)
    host.must(f"cd {REPOSITORY}; make -s install >/dev/null")
    host.path("/etc/cni/net.d/10-lan.conflist").write_text(json.dumps(LAN))
    for name in CONTAINERS:
        host.add_container(name)
        port = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]} if name == "3f2a" else {}
        words = {"PATH": PATH, "CNI_PATH": "/opt/cni/bin", "NETCONFPATH": "/etc/cni/net.d", "CAP_ARGS": json.dumps(port)}
        # The original takes no name for a container, the plugins do.
        for plugin in LAN["plugins"]:
            previous = {"prevResult": result} if plugin is not LAN["plugins"][0] else {}
            config = {**plugin, **previous, "name": "lan", "cniVersion": "1.1.0", "runtimeConfig": port}
            env = {**words, "CNI_COMMAND": "ADD", "CNI_CONTAINERID": name, "CNI_NETNS": f"/run/netns/{name}",
                   "CNI_IFNAME": "eth0"}
            result = host.run([f"/opt/cni/bin/{plugin['type']}"], stdin=json.dumps(config), env=env).result()
    for name in ("3f2a", "web-1"):
        serve(host, name, 80)
    return host


def test_every_command(world: Host) -> None:
    """All of them can be typed, and say something of what is asked about."""
    said: dict[str, str] = {}
    for block in blocks(PAGE):
        text = block.text.replace("exec NAME", "exec 3f2a")
        outcome = world.run(["bash", "-c", PRELUDE + text], env={"PATH": PATH})
        assert outcome.ok, f"{block.section}: {text}{outcome}"
        said[block.section] = said.get(block.section, "") + outcome.stdout
    assert len(said) > 12
    for section, patterns in {
        "A container has no network": ["whole", "portmap: 0.0.0.0:8080/tcp leads to 10.77.0.2:80", "all is well"],
        "ADD fails": ["10.77.0.5/24"],
        "no IP addresses available": ["USED", "10.77.0.3", "no problems"],
        "A port is taken": ["3f2a"],
        "A container does not reach the host": ["default via 10.77.0.1", "1 received"],
        "A container does not reach its neighbours": ["10.77.0.4"],
        "A container reaches the host and nothing beyond": ["10.77.0.2"],
        "A published port does not answer": ["3f2a 10.77.0.1"],
        "Small packets pass, large ones do not": ["1 received"],
        "It works until the firewall is reloaded": ["nothing is missing"],
        "Leftovers after a crash": ["nothing to clean up"],
        "Two containers have the same address": ["no problems"],
        "A configuration is ignored": ["10-lan.conflist", "ranges"],
    }.items():
        for pattern in patterns:
            assert pattern in said[section], f"{section}: {pattern}: {said[section]}"
