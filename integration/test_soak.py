# SPDX-License-Identifier: Apache-2.0
"""Two minutes of the soak; `make soak` goes on for half an hour."""
from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from host import Host
from implementations import Implementation
from kernel_state import LEASES
from runtime import Runtime
from soak import Soak, soak
from soak_networks import Attachment, lan

pytestmark = pytest.mark.needs_culvert

SECONDS = float(os.environ.get("SOAK_SECONDS") or 120)
SEED = int(os.environ.get("CULVERT_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
DAMAGES = {
    "a lease of nobody's": (f"printf 'c9\\r\\neth0' >{LEASES}/lan/10.77.0.9", "unknown: lease ('lan', '10.77.0.9')"),
    "a lease lost": (f"rm {LEASES}/lan/10.77.0.2", "missing: lease ('lan', '10.77.0.2')"),
    "a lease of somebody else's": (f"printf 'c9\\r\\neth0' >{LEASES}/lan/10.77.0.2", "is c9 eth0 instead of c1 eth0"),
    "a record lost": ("rm /run/culvert/attachments/lan/c1:eth0:firewall.json",
                      "missing: record lan/c1:eth0:firewall.json"),
    "a record of nobody's": ("cp /run/culvert/attachments/lan/c1:eth0.json /run/culvert/attachments/lan/c9:eth0.json",
                             "unknown: record lan/c9:eth0.json"),
    "a link of nobody's": ("ip link add veth9 type veth peer name up9", "unknown: link veth9"),
    "a link lost": ("ip -n c1 link del eth0", "missing: link veth"),
    "rules lost": ("nft delete table inet cni_plugins_masquerade", "culvert reload --dry-run"),
    "rules of nobody's": ("nft insert rule inet cni_plugins_masquerade masq_checks ip saddr 10.77.0.9 masquerade "
                          "comment '\"0-0, net: lan, if: eth0, id: c9\"'", "unknown: owner of rules lan eth0 c9"),
    "a port of nobody's": ("nft add element inet culvert_portmap ports4 '{ tcp . 9 : 10.77.0.2 . 80 }'",
                           "unknown: published port 9"),
    "a count too low": ("head -c 196609 /dev/zero >/run/culvert/host-ports", "is held 1 times and counted 0 times"),
    "half a file": (f"touch {LEASES}/lan/.culvert.new", "left: /var/lib/cni/networks/lan/.culvert.new"),
}


@pytest.mark.long
def test_soak(ours: Implementation, say: Callable[[str], None]) -> None:
    """Hundreds of containers come, go, die and are damaged; all invariants hold, and all returns to its start."""
    figures = soak(ours, SECONDS, SEED)
    for line in figures.lines():
        say(f"soak with CULVERT_TEST_SEED={SEED}: {line}")
    assert figures.done["ADD"] > 20 and figures.done["looks"] > 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_invariants_see(damage: str, host: Host, ours: Implementation) -> None:
    """What the checker of the soak is for, it finds."""
    soaked = Soak(host, ours, 1)
    runtime: Runtime = soaked.networks.runtimes["lan"]
    capabilities = {"portMappings": [{"hostPort": 10_000, "containerPort": 80, "protocol": "tcp"}]}
    each = Attachment(runtime, host.add_container("c1"), "eth0", {"capabilities": capabilities}, (10_000,))
    soaked.add(each)
    assert each.network == lan()["name"] and soaked.invariants.broken([each]) == []
    command, words = DAMAGES[damage]
    host.must(command)
    trouble = soaked.invariants.broken([each])
    assert any(words in line for line in trouble), trouble
