# SPDX-License-Identifier: Apache-2.0
"""A host with podman on it, which uses the plugins of one directory."""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import time

from host import Host, Outcome
from implementations import Implementation
from kernel_state import LEASES, RECORDS, link_names, read_tree
from traffic import fetch

IMAGE = "localhost/busybox:1"
#: What podman reads. crun, its usual runtime, does not run where control groups are of both versions.
CONFIGURATION = """
[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "cni"
cni_plugin_dirs = ["/run/plugins"]
network_config_dir = "/etc/cni/net.d"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
"""
POLICY = '{"default":[{"type":"insecureAcceptAnything"}]}'
#: Everything podman writes to goes with the host; the control groups of this machine are the only ones there are.
PREPARATION = """
umount /sys
mkdir /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --move /run/cgroup /sys/fs/cgroup
mount -t proc proc /proc
for directory in /var/tmp /dev/shm /etc/containers /etc/cni; do
    mkdir -p $directory
    mount -t tmpfs tmpfs $directory
done
mkdir /etc/cni/net.d
"""
#: The first process of a process namespace has to bury the orphans of all others.
WAITING = """
echo ready
exec bash -c 'read -r _'
"""
PLACES = ("bin", "www", "proc", "sys", "dev", "etc", "run", "tmp", "var/run")
PATIENCE_SECONDS = 60.0
#: What a rule of a container mentions: an address of the tests' networks, or a published port.
TRACES = ("10.9", "fd9", "8080", "8081")


class PodmanHost(Host):
    """A host with processes and control groups of its own, and an image to make containers of."""

    has_own_processes = True
    #: In a guest on a busy machine, podman takes a minute for a container.
    patience_seconds = 300.0

    def __init__(self, implementation: Implementation) -> None:
        super().__init__(PREPARATION, WAITING)
        #: The group above all groups of containers.
        self.group = f"culvert-{os.getpid()}-{self.pid}"
        try:
            self.install(implementation)
            self.write("/etc/containers/containers.conf", CONFIGURATION)
            self.write("/etc/containers/storage.conf", STORAGE)
            self.write("/etc/containers/policy.json", POLICY)
            self.make_image()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Takes the control groups away as well."""
        super().close()
        for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/{self.group}"):
            for group in sorted((each for each in path.rglob("*") if each.is_dir()), reverse=True):
                group.rmdir()
            path.rmdir()

    def install(self, implementation: Implementation) -> None:
        """Puts plugins where podman looks for them, in place of those that were there."""
        self.must(f"ln -sfn {implementation.directory} /run/plugins")

    def write(self, path: str, text: str) -> None:
        """Writes a file of the host."""
        self.path(path).write_text(text, encoding="utf-8")

    def make_image(self) -> None:
        """An image of nothing but a static busybox and one page."""
        tree = self.path("/run/image")
        for place in PLACES:
            (tree / place).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin/busybox")
        (tree / "www/index.html").write_text("hello\n", encoding="utf-8")
        self.must(f"tar -C /run/image -c . | podman import -q - {IMAGE}")

    def podman(self, *words: str) -> Outcome:
        """Runs podman."""
        return self.run(["podman", *words])

    def does(self, *words: str) -> str:
        """Runs podman, which has to succeed, and returns what it printed."""
        outcome = self.podman(*words)
        assert outcome.ok, f"podman {' '.join(words)}: {outcome.stdout} {outcome.stderr}"
        return outcome.stdout.strip()

    def runs(self, name: str, *words: str) -> str:
        """Starts a container that serves a page on port 80, and returns its id."""
        identity = self.does(*self.starting(name, *words))
        self.waits_for(name)
        self.settle()
        return identity

    def starting(self, name: str, *words: str) -> list[str]:
        """The words for podman that start such a container."""
        return ["run", "-d", "--name", name, "--cgroup-parent", f"/{self.group}", *words, IMAGE,
                "/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]

    def waits_for(self, name: str) -> None:
        """Gives a server time to begin."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not fetch(self, self.namespace(name), "127.0.0.1", 80, 1):
            assert time.monotonic() < end, f"{name} serves nothing"

    def namespace(self, name: str) -> str:
        """The name of a container's network namespace."""
        return self.does("inspect", "-f", "{{.NetworkSettings.SandboxKey}}", name).split("/")[-1]

    def address(self, name: str, network: str, family: int = 4) -> str:
        """The address of a container on a network."""
        member = "IPAddress" if family == 4 else "GlobalIPv6Address"
        return json.loads(self.does("inspect", name))[0]["NetworkSettings"]["Networks"][network][member]

    def remains(self) -> dict[str, list[str]]:
        """What is there although no container is: links, leases, records, results, rules with addresses or ports."""
        rules = self.must("iptables-save; ip6tables-save; nft list ruleset")
        bridges = {link["ifname"] for link in self.links() if link["ifname"].startswith("cni-podman")}
        found = {
            "links": sorted(link_names(self) - bridges - {"lo", "wire"}),
            "leases": [path for path in read_tree(self.path(LEASES)) if path.split("/")[-1][:2] in ("10", "fd")],
            "records": [path for path, entry in read_tree(self.path(RECORDS)).items() if entry["content"]],
            "results": list(read_tree(self.path("/var/lib/cni/results"))),
            "rules": [line for line in rules.splitlines() if any(word in line for word in TRACES)],
            "namespaces": [path.name for path in self.path("/run/netns").iterdir() if path.name != "outside"],
        }
        return {what: which for what, which in found.items() if which}
