# SPDX-License-Identifier: Apache-2.0
"""Images of containers, made from nothing but a C compiler and a static busybox."""
from __future__ import annotations

import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile
from typing import Any

MEDIA = "application/vnd.oci.image"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
#: Holds the namespaces of a pod, and buries those who die in them.
PAUSE = """
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    sigset_t awaited;
    int number;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGCHLD);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    while (sigwait(&awaited, &number) == 0 && number == SIGCHLD)
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    return 0;
}
"""
#: Directories that runtimes mount something on, or that a server needs.
PLACES = ("bin", "dev", "etc", "proc", "run", "sys", "tmp", "var/run", "www")


def make_pause(tree: pathlib.Path) -> None:
    """A tree with the one program of a pause image."""
    tree.mkdir(parents=True)
    command = ["musl-gcc", "-Os", "-static", "-s", "-x", "c", "-o", str(tree / "pause"), "-"]
    subprocess.run(command, input=PAUSE, text=True, check=True)


def make_busybox(tree: pathlib.Path, page: str) -> None:
    """A tree with a static busybox, and one page for its server."""
    for place in PLACES:
        (tree / place).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    (tree / "www/index.html").write_text(page, encoding="utf-8")


def packed(tree: pathlib.Path) -> bytes:
    """A tree as a layer."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as layer:
        for path in sorted(tree.iterdir()):
            layer.add(path, arcname=path.name)
    return written.getvalue()


def write_image(archive: pathlib.Path, name: str, tree: pathlib.Path, *command: str) -> None:
    """An image of one layer, in the archive format of the Open Container Initiative, as containerd imports it."""
    blobs: dict[str, bytes] = {}

    def kept(content: bytes | dict[str, Any], kind: str) -> dict[str, Any]:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"{MEDIA}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    platform = {"architecture": ARCHITECTURES.get(machine, machine), "os": "linux"}
    layer = kept(packed(tree), "layer.v1.tar")
    about = kept({**platform, "config": {"Env": ["PATH=/bin"], "Entrypoint": list(command)},
                  "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}, "config.v1+json")
    manifest = kept({"schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json", "config": about,
                     "layers": [layer]}, "manifest.v1+json")
    named = {**manifest, "platform": platform, "annotations": {"io.containerd.image.name": name}}
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
             "index.json": json.dumps({"schemaVersion": 2, "manifests": [named]}).encode(), **blobs}
    with tarfile.open(archive, "w") as written:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            written.addfile(entry, io.BytesIO(data))
