# SPDX-License-Identifier: Apache-2.0
"""A host with containerd on it, whose pods are made through the interface that Kubernetes uses."""
from __future__ import annotations

import dataclasses
import json
import pathlib
import time
import uuid
from typing import Any

import images
from cri import Client, Refused
from engine import EngineHost
from host import until
from implementations import REPOSITORY, Implementation
from traffic import fetch

PAUSE, BUSYBOX = "localhost/pause:1", "localhost/busybox:1"
PAGE = "hello\n"
EXAMPLE = REPOSITORY / "conf" / "containerd"
SOCKET = "/run/containerd/containerd.sock"
LOG = "/run/containerd.log"
NETWORKS = "/etc/cni/net.d"
#: Where containerd and `ctr` look for plugins.
PLUGINS = "/opt/cni/bin"
#: What this machine may refuse, below the same table: lowering oom_score_adj, AppArmor.
SECTION = '[plugins."io.containerd.grpc.v1.cri"]\n'
LOCAL = f"""\
  sandbox_image = "{PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
"""
PATIENCE_SECONDS = 60.0
TCP, UDP = 0, 1
#: A namespace of its own for the network and the processes of a pod, and for those of each container in it.
NAMESPACES = {"network": 0, "pid": 1, "ipc": 0}


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod, as the runtime knows it."""

    node: ContainerdHost
    name: str
    id: str
    config: dict[str, Any]

    def status(self) -> Any:
        """What the runtime says about it."""
        return self.node.call("PodSandboxStatus", pod_sandbox_id=self.id, verbose=True)

    def info(self) -> dict[str, Any]:
        """What the runtime says about it for whoever looks for mistakes."""
        return json.loads(self.status().info["info"])

    @property
    def ready(self) -> bool:
        """Whether the runtime takes it for alive."""
        return self.status().status.state == 0

    def addresses(self) -> list[str]:
        """The first is the one that kubelet takes."""
        network = self.status().status.network
        return [network.ip, *(address.ip for address in network.additional_ips)]

    @property
    def namespace(self) -> str:
        """The name of its network namespace."""
        namespaces = self.info()["runtimeSpec"]["linux"]["namespaces"]
        return next(each["path"] for each in namespaces if each["type"] == "network").split("/")[-1]

    @property
    def netns(self) -> str:
        """Where its network namespace is."""
        return f"/run/netns/{self.namespace}"

    def runs(self, name: str, *command: str) -> str:
        """Starts a container in it, and returns its id."""
        security = {"capabilities": {"add_capabilities": ["NET_RAW"]}, "namespace_options": NAMESPACES}
        container = {"metadata": {"name": name}, "image": {"image": BUSYBOX}, "command": ["/bin/busybox", *command],
                     "log_path": f"{name}.log", "linux": {"security_context": security}}
        identity = self.node.call("CreateContainer", pod_sandbox_id=self.id, config=container,
                                  sandbox_config=self.config).container_id
        self.node.call("StartContainer", container_id=identity)
        return identity

    def serves(self) -> str:
        """Starts a container that serves a page on port 80, and returns its id."""
        identity = self.runs("server", "httpd", "-f", "-p", "80", "-h", "/www")
        until(lambda: fetch(self.node, self.namespace, "127.0.0.1", 80, 5) == PAGE, f"{self.name} serves")
        return identity

    def stop(self) -> None:
        """StopPodSandbox."""
        self.node.call("StopPodSandbox", pod_sandbox_id=self.id)

    def remove(self) -> None:
        """RemovePodSandbox."""
        self.node.call("RemovePodSandbox", pod_sandbox_id=self.id)

    def end(self) -> None:
        """Both, as kubelet does."""
        self.stop()
        self.remove()


class ContainerdHost(EngineHost):
    """A host with containerd, and two images."""

    def __init__(self, implementation: Implementation) -> None:
        super().__init__()
        self.daemon = 0
        self.pods: list[Pod] = []
        self.call = Client(self.path(SOCKET))
        try:
            self.install(implementation.directory)
            text = (EXAMPLE / "config.toml").read_text(encoding="utf-8")
            assert SECTION in text
            self.path("/etc/containerd/config.toml").write_text(text.replace(SECTION, SECTION + LOCAL))
            self.configure("10-pods", json.loads((EXAMPLE / "10-pods.conflist").read_text(encoding="utf-8")))
            self.launch()
            self.make_images()
            self.waits_for_network("pods")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hangs up as well."""
        self.call.close()
        super().close()

    def install(self, directory: pathlib.Path | str) -> None:
        """Puts plugins where containerd looks for them, in place of those that were there."""
        self.must(f"ln -sfn {directory} {PLUGINS}")

    def configure(self, file: str, listed: dict[str, Any]) -> None:
        """Writes a network's configuration, which containerd may never see half."""
        path = self.path(f"{NETWORKS}/{file}.conflist")
        unfinished = path.with_suffix(".new")
        unfinished.write_text(json.dumps(listed), encoding="utf-8")
        unfinished.rename(path)

    def launch(self) -> None:
        """Starts containerd; nobody has to wait for it when it ends."""
        self.daemon = int(self.must(f"setsid containerd </dev/null >>{LOG} 2>&1 & echo $!"))
        self.waits_until_up()

    def waits_until_up(self) -> None:
        """Gives containerd time to begin, and says why it did not."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.call("Version", 5)
                return
            except Refused as error:
                assert time.monotonic() < end, f"{error}: {self.path(LOG).read_text()[-4000:]}"
                time.sleep(0.1)

    def restart(self, signal: str) -> None:
        """Ends containerd, and starts it again."""
        self.must(f"kill -{signal} {self.daemon}; while kill -0 {self.daemon} 2>/dev/null; do sleep 0.05; done")
        self.launch()

    def make_images(self) -> None:
        """What pods and containers are made of."""
        top = self.path("/run/images")
        images.make_pause(top / "pause")
        images.make_busybox(top / "busybox", PAGE)
        for name, tree, command in ((PAUSE, "pause", ("/pause",)), (BUSYBOX, "busybox", ())):
            images.write_image(top / f"{tree}.tar", name, top / tree, *command)
            for namespace in ("k8s.io", "default"):
                self.must(f"ctr -n {namespace} images import /run/images/{tree}.tar")

    def waits_for_network(self, name: str) -> None:
        """Waits until containerd uses the network of that name."""
        def used() -> bool:
            status = self.call("Status", verbose=True)
            listed = json.loads(status.info.get("cniconfig", "{}") or "{}").get("Networks") or []
            ready = all(each.status for each in status.status.conditions)
            return ready and name in [each["Config"]["Name"] for each in listed]

        until(used, f"containerd uses network {name}")

    def configuration(self, name: str, ports: tuple[dict[str, Any], ...] = (),
                      annotations: dict[str, str] | None = None) -> dict[str, Any]:
        """What a pod is to be."""
        return {
            "metadata": {"name": name, "uid": str(uuid.uuid4()), "namespace": "tests"}, "hostname": name,
            "log_directory": f"/run/logs/{name}", "port_mappings": ports, "annotations": annotations or {},
            "linux": {"cgroup_parent": f"/{self.group}", "security_context": {"namespace_options": NAMESPACES}},
        }

    def pod(self, name: str, *ports: dict[str, Any], annotations: dict[str, str] | None = None) -> Pod:
        """RunPodSandbox."""
        config = self.configuration(name, ports, annotations)
        made = Pod(self, name, self.call("RunPodSandbox", config=config).pod_sandbox_id, config)
        self.pods.append(made)
        return made

    def clear(self) -> None:
        """Ends all pods, also those that have been ended."""
        while self.pods:
            try:
                self.pods.pop().end()
            except Refused as error:
                if error.code != "NOT_FOUND":
                    raise
