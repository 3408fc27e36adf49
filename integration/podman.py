# SPDX-License-Identifier: Apache-2.0
"""A host with podman on it, which uses the plugins of one directory."""
from __future__ import annotations

import json
import time

import images
from engine import EngineHost
from host import Outcome
from implementations import Implementation
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
PATIENCE_SECONDS = 60.0


class PodmanHost(EngineHost):
    """A host with podman, and an image to make containers of."""

    #: In a guest on a busy machine, podman takes a minute for a container.
    patience_seconds = 300.0

    def __init__(self, implementation: Implementation) -> None:
        super().__init__()
        try:
            self.install(implementation)
            self.write("/etc/containers/containers.conf", CONFIGURATION)
            self.write("/etc/containers/storage.conf", STORAGE)
            self.write("/etc/containers/policy.json", POLICY)
            self.make_image()
        except BaseException:
            self.close()
            raise

    def install(self, implementation: Implementation) -> None:
        """Puts plugins where podman looks for them, in place of those that were there."""
        self.must(f"ln -sfn {implementation.directory} /run/plugins")

    def make_image(self) -> None:
        """An image of nothing but a static busybox and one page."""
        images.make_busybox(self.path("/run/image"), "hello\n")
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
