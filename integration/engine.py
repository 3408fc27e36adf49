# SPDX-License-Identifier: Apache-2.0
"""A host with an engine on it that runs containers, such as podman or containerd."""
from __future__ import annotations

import json
import os
import pathlib

from host import Host
from kernel_state import LEASES, RECORDS, link_names, read_tree

#: All that an engine writes to goes with the host; the control groups of this machine are the only ones there are.
PREPARATION = """
umount /sys
mkdir /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --move /run/cgroup /sys/fs/cgroup
mount -t proc proc /proc
for directory in /var/tmp /dev/shm /etc/containers /etc/containerd /etc/cni /opt/cni; do
    mkdir -p $directory
    mount -t tmpfs tmpfs $directory
done
mkdir /etc/cni/net.d /run/logs
"""
#: What a rule of a container mentions: an address of the tests' networks, or a published port.
TRACES = ("10.9", "fd9", "8080", "8081")


class EngineHost(Host):
    """A host with processes and control groups of its own."""

    has_own_processes = True

    def __init__(self, preparation: str = "") -> None:
        """`preparation`: besides what every engine needs."""
        super().__init__(PREPARATION + preparation)
        #: The group above all groups of containers.
        self.group = f"culvert-{os.getpid()}-{self.pid}"

    def close(self) -> None:
        """Takes the control groups away as well."""
        super().close()
        for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/{self.group}"):
            groups = sorted((each for each in path.rglob("*") if each.is_dir()), reverse=True)
            for group in [*groups, path]:
                group.rmdir()

    def write(self, path: str, text: str) -> None:
        """Writes a file of the host."""
        self.path(path).write_text(text, encoding="utf-8")

    def remains(self) -> dict[str, list[str]]:
        """What is there although no container is: links, leases, records, results, rules, namespaces."""
        rules = self.must("iptables-save; ip6tables-save; nft list ruleset")
        bridges = {link["ifname"] for link in json.loads(self.must("ip -j link show type bridge")) if link}
        found = {
            "links": sorted(link_names(self) - bridges - {"lo", "wire"}),
            "leases": [path for path in read_tree(self.path(LEASES)) if path.split("/")[-1][:2] in ("10", "fd")],
            "records": [path for path, entry in read_tree(self.path(RECORDS)).items() if entry["content"]],
            "results": list(read_tree(self.path("/var/lib/cni/results"))),
            "rules": [line for line in rules.splitlines() if any(word in line for word in TRACES)],
            "namespaces": [path.name for path in self.path("/run/netns").iterdir() if path.name != "outside"],
        }
        return {what: which for what, which in found.items() if which}
