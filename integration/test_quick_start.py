# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/quick-start.md and docs/migration.md, run as they stand there."""
from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import REFERENCE_DIRECTORY, REPOSITORY, Implementation
from kernel_state import left_behind, lease_files, link_names
from manual import Block, blocks
from podman import CONFIGURATION, IMAGE, PodmanHost
from traffic import HOST4, OUTSIDE, add_outside, fetch, ruleset, serve

pytestmark = pytest.mark.needs_culvert
QUICK, MIGRATION, TROUBLE = (REPOSITORY / "docs" / f"{name}.md"
                             for name in ("quick-start", "migration", "troubleshooting"))
PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
PATIENCE_SECONDS = 20
PUBLISHED = json.dumps({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
#: What pages begin with: directories of the machine, in a copy that goes with the host.
DIRECTORIES = """
for directory in /opt /usr/local /etc/cni; do
    mkdir -p $directory
    mount -t tmpfs tmpfs $directory
done
mkdir -p /opt/cni/bin /etc/cni/net.d
"""
#: The doctor says 3 when it has found something, which is no failure of the page.
PRELUDE = """
set -eu
culvert() { command culvert "$@" || { status=$?; test "$1 $status" = "doctor 3" || return $status; }; }
"""
#: A network as runtimes make them, spoken by either implementation.
LAN: dict[str, Any] = {"cniVersion": "0.4.0", "name": "lan", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.92.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": True}},
    {"type": "firewall"}]}


def code(page: list[Block], section: str, language: str) -> list[Block]:
    """The fenced pieces of a section."""
    found = [block for block in page if block.section == section and block.language == language]
    assert found, f"no {language} in {section}"
    return found


def types(host: Host, text: str, prelude: str = "", env: Mapping[str, str] | None = None) -> str:
    """Runs commands in the repository as an operator who stops at the first failure, and returns what they print."""
    script = f"cd {REPOSITORY}\n{PRELUDE}{prelude}{text}"
    outcome = host.run(["bash", "-c", script], env={"PATH": PATH, **(env or {})})
    assert outcome.ok, f"{text}: {outcome.stdout} {outcome.stderr}"
    return outcome.stdout


def install(host: Host, plugins: str = "/opt/cni/bin") -> None:
    """As the page says before all else; the tools, and plugins where they are wanted."""
    types(host, f"make -s install CNI_BIN_DIR={plugins} >/dev/null")


@pytest.fixture
def desk(host: Host, ours: Implementation) -> Host:
    """A host with nothing but directories."""
    assert ours.name == "ours"
    host.must(DIRECTORIES)
    return host


def test_cnitool(desk: Host) -> None:
    """The page's own container is connected, shown and removed."""
    install(desk)
    (commands,) = code(blocks(QUICK), "cnitool", "sh")
    said = types(desk, commands.text)
    assert "1 received" in said and "whole" in said and "10.44.0.2" in said
    assert left_behind(desk, bridges=["culvert0"], name="culvert") == {}


def test_the_network_of_kubernetes(desk: Host) -> None:
    """The list for a node: two pods reach each other, one with a port and limits."""
    install(desk)
    (listed,) = code(blocks(QUICK), "Kubernetes with containerd", "json")
    desk.path(listed.path).write_text(listed.text)
    settings = {"CNI_PATH": "/opt/cni/bin", "NETCONFPATH": "/etc/cni/net.d"}
    capabilities = json.dumps({**json.loads(PUBLISHED), "bandwidth": {"ingressRate": 10**8, "ingressBurst": 10**7}})
    types(desk, "ip netns add a; ip netns add b; cnitool add pods /run/netns/b", env=settings)
    types(desk, "cnitool add pods /run/netns/a", env={**settings, "CAP_ARGS": capabilities})
    serve(desk, "a", 80)
    assert fetch(desk, "b", "10.244.7.3", 80, PATIENCE_SECONDS).startswith("a 10.244.7.2")
    assert fetch(desk, None, "127.0.0.1", 8080, PATIENCE_SECONDS).startswith("a ")
    assert types(desk, "culvert list --network pods --no-headers").count("\n") == 2
    types(desk, "cnitool del pods /run/netns/b; cnitool del pods /run/netns/a",
          env={**settings, "CAP_ARGS": capabilities})
    assert left_behind(desk, name="pods") == {}


def test_looking_for_troubles(desk: Host) -> None:
    """An ADD by hand, and questions about addresses, as troubleshooting has them: nothing is left of them."""
    install(desk)
    configure(desk)
    page = blocks(TROUBLE)
    by_hand, addresses = (next(block.text for block in page if block.section == section)
                          for section in ("ADD fails", "no IP addresses available"))
    assert "cnitool add lan" in by_hand and '"10.92.0.2/24"' in types(desk, by_hand)
    types(desk, "ip netns add c1; cnitool add lan /run/netns/c1",
          env={"CNI_PATH": "/opt/cni/bin", "NETCONFPATH": "/etc/cni/net.d"})
    said = types(desk, addresses)
    assert "USED" in said and "10.92.0.3" in said and "no problems in 1 lease" in said
    assert "whole" in types(desk, "culvert list")
    types(desk, "cnitool del lan /run/netns/c1", env={"CNI_PATH": "/opt/cni/bin", "NETCONFPATH": "/etc/cni/net.d"})
    assert left_behind(desk, name="lan") == {}


def test_files_of_runtimes() -> None:
    """What is not run here is at least TOML, and names the directories of the page."""
    files = [block for block in blocks(QUICK) if block.language == "toml"]
    assert {block.path.split("/")[2] for block in files} == {"containers", "nerdctl", "containerd", "crio"}
    for block in files:
        assert tomllib.loads(block.text) and "/opt/cni/bin" in block.text


@pytest.mark.xdist_group("podman")
def test_podman(ours: Implementation) -> None:
    """The file and the commands of the page, with an image of our own in place of one from the network."""
    with PodmanHost(ours) as podman:
        podman.must("mount -t tmpfs tmpfs /opt; mount -t tmpfs tmpfs /usr/local; mkdir -p /opt/cni/bin")
        install(podman)
        (file,) = code(blocks(QUICK), "podman", "toml")
        # How processes are started here is this machine's business; where plugins are is the page's.
        podman.write(file.path, CONFIGURATION.partition("[network]")[0] + file.text)
        (noting,) = code(blocks(MIGRATION), "From netavark", "sh")
        types(podman, noting.text, prelude="cd /run\n")
        assert [each["name"] for each in json.loads(podman.path("/run/networks.json").read_text())] == ["podman"]
        (commands,) = code(blocks(QUICK), "podman", "sh")
        text = commands.text.replace("docker.io/library/busybox", IMAGE)
        assert text != commands.text
        wrapper = f"""
            podman() {{
                if test "$1" = run; then shift; set -- run --cgroup-parent /{podman.group} "$@"; fi
                command podman "$@"
            }}
        """
        said = types(podman, text, prelude=wrapper)
        assert "10.90.0." in said and "whole" in said
        assert "portmap: 0.0.0.0:8080/tcp leads to 10.90.0." in said
        assert podman.remains() == {}


@pytest.fixture
def migrant(desk: Host) -> Iterator[Host]:
    """A host whose container c1 the Go plugins have connected, with a port, and our tools."""
    add_outside(desk)
    install(desk, "/run/unused")
    desk.must(f"cp -a {REFERENCE_DIRECTORY}/. /opt/cni/bin/")
    configure(desk)
    connect(desk, "c1", CAP_ARGS=PUBLISHED)
    serve(desk, "c1", 80)
    yield desk


def configure(host: Host, **members: str) -> None:
    """Writes the network, with further members for each plugin, of which none minds those of another."""
    listed = {**LAN, "plugins": [{**plugin, **members} for plugin in LAN["plugins"]]}
    host.path("/etc/cni/net.d/10-lan.conflist").write_text(json.dumps(listed))


def use(host: Host, verb: str, name: str, **env: str) -> Outcome:
    """cnitool, with the plugins that are installed."""
    return host.run(["cnitool", verb, "lan", f"/run/netns/{name}"],
                    env={"PATH": PATH, "CNI_PATH": "/opt/cni/bin", "NETCONFPATH": "/etc/cni/net.d", **env})


def connect(host: Host, name: str, **env: str) -> Container:
    """A new container."""
    container = host.add_container(name)
    outcome = use(host, "add", name, **env)
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return container


def reached(host: Host) -> list[str]:
    """Who answers at the published port, asked from outside."""
    return fetch(host, OUTSIDE, HOST4, 8080, PATIENCE_SECONDS).split()[:1]


def rules(host: Host) -> str:
    """Those of both packet filters."""
    return host.must("iptables-save; nft list ruleset")


def test_migration(migrant: Host) -> None:
    """Our plugins take over under a running container, which ends by them; nothing of the reference is left."""
    forth = code(blocks(MIGRATION), "From the reference plugins, and back", "sh")[0]
    assert reached(migrant) == ["c1"]
    types(migrant, forth.text)
    assert reached(migrant) == ["c1"]
    connect(migrant, "c2")
    assert fetch(migrant, "c2", "10.92.0.2", 80, PATIENCE_SECONDS).startswith("c1 10.92.0.3")
    assert "culvert" in migrant.must("/opt/cni/bin/bridge 2>&1 || true")
    for name in ("c1", "c2"):
        outcome = use(migrant, "del", name, CAP_ARGS=PUBLISHED if name == "c1" else "")
        assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    assert not lease_files(migrant, "lan") and link_names(migrant) == {"lo", "wire", "cni0"}
    assert "10.92.0.2" not in rules(migrant)


def test_the_way_back(migrant: Host) -> None:
    """The Go plugins take over again, as well as the page says; what they leave goes with its last command."""
    page = blocks(MIGRATION)
    forth, back = code(page, "From the reference plugins, and back", "sh")
    (last,) = code(page, "Back to the reference", "sh")
    types(migrant, forth.text)
    containers = [connect(migrant, "c2")]
    configure(migrant, ipMasqBackend="iptables", backend="iptables")
    containers.append(connect(migrant, "c3"))
    types(migrant, back.text)
    assert reached(migrant) == ["c1"]
    for name in ("c3", "c1"):
        outcome = use(migrant, "del", name, CAP_ARGS=PUBLISHED if name == "c1" else "")
        assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    refused = use(migrant, "del", "c2").stderr
    assert "iptables -t nat -D POSTROUTING" in refused and "does not exist" in refused, refused
    assert not lease_files(migrant, "lan") and link_names(migrant) == {"lo", "wire", "cni0"}
    assert "10.92.0.3" in ruleset(migrant)
    for container in containers:
        migrant.remove_container(container)
    # The kernel gives the number of a namespace to the next one at once: for a while a container may seem to live.
    end = time.monotonic() + 60
    while remaining := [line for line in rules(migrant).splitlines() if "10.92.0." in line]:
        assert time.monotonic() < end, remaining
        types(migrant, last.text)
    assert left_behind(migrant, bridges=["cni0", "wire"], name="lan") == {}
