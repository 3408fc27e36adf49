# SPDX-License-Identifier: Apache-2.0
"""Packages as they are made, and a copy of this machine to install them on."""
from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import implementations
from implementations import PLUGINS, REPOSITORY

#: The file system of this machine with a layer above it, which goes with the last process in it.
PREPARATION = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o volatile,lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount --rbind /dev /mnt/root/dev
mount -t proc proc /mnt/root/proc
mount -t tmpfs tmpfs /mnt/root/run
# A layer cannot take back what was done to several names of one file of the layer below.
mkdir /mnt/cni
cp -a /usr/lib/cni/. /mnt/cni
mount --bind /mnt/cni /mnt/root/usr/lib/cni
echo ready
exec cat
"""
DEBIAN = "usr/lib/cni"
PATIENCE_SECONDS = 120.0
SECTIONS = {"PATH": os.environ["PATH"], "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def pack(way: str, build: pathlib.Path, out: pathlib.Path, plugins: Sequence[str] = PLUGINS,
         env: Mapping[str, str] | None = None) -> list[pathlib.Path]:
    """Runs one of the programs in packaging/, quickly rather than tightly, and returns what it made."""
    done = subprocess.run(
        [REPOSITORY / "packaging" / way, build, out, *plugins], check=False, capture_output=True, text=True,
        env={**os.environ, "DEB_COMPRESSION": "none", "GZIP_LEVEL": "1", **(env or {})}, timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return [pathlib.Path(line) for line in done.stdout.splitlines()]


def with_manuals(directory: pathlib.Path) -> pathlib.Path:
    """A copy of the release build with what `make man` adds to it, which is the build's own business elsewhere."""
    built = implementations.build_directory()
    for name in ("culvert-cni", "culvert", "culvert-dhcpd", "culvert-switchd"):
        implementations.link_or_copy(built / name, directory / name)
    (directory / "man").mkdir()
    (directory / "completions").mkdir()
    tool = str(directory / "culvert")
    pages = {f"{page}.1": page for page in ("culvert", "cnitool", "ipam")}
    pages.update((f"culvert-{plugin}.7", plugin) for plugin in implementations.PLUGINS)
    for file, page in pages.items():
        said = subprocess.run([tool, "manual", page], check=True, capture_output=True).stdout
        (directory / "man" / file).write_bytes(said)
    for shell in ("bash", "zsh", "fish"):
        for name, words in (("culvert", ()), ("ipam", ("ipam",))):
            said = subprocess.run([tool, *words, "completions", shell], check=True, capture_output=True).stdout
            (directory / "completions" / f"{name}.{shell}").write_bytes(said)
    return directory


def digest(path: pathlib.Path) -> str:
    """What tells files apart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Machine:
    """A copy of this machine on which packages can be installed."""

    def __init__(self) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", PREPARATION],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        assert self.holder.stdout and self.holder.stdout.readline() == "ready\n", "no copy of this machine"
        #: Its files as seen from here.
        self.root = pathlib.Path(f"/proc/{self.holder.pid}/root/mnt/root")

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *unused: object) -> None:
        assert self.holder.stdin and self.holder.stdout
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()

    def enter(self, *words: str) -> list[str]:
        """The command that runs another one there."""
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--net=/proc/{self.holder.pid}/ns/net", "--",
                "chroot", "/mnt/root", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a program there."""
        return subprocess.run(self.enter(*words), check=False, capture_output=True, text=True, env=SECTIONS,
                              timeout=PATIENCE_SECONDS)

    def must(self, *words: str) -> str:
        """Runs a program there that has to succeed."""
        done = self.run(*words)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout} {done.stderr}"
        return done.stdout

    def take(self, path: pathlib.Path) -> str:
        """Brings a file there."""
        shutil.copy(path, self.root / "tmp" / path.name)
        return f"/tmp/{path.name}"

    def install(self, *paths: pathlib.Path) -> None:
        """dpkg --install."""
        self.must("dpkg", "--force-unsafe-io", "--install", *(self.take(path) for path in paths))

    def names(self, directory: str = DEBIAN) -> dict[str, str]:
        """What each name in a directory is."""
        place = self.root / directory
        return {path.name: digest(path) for path in place.iterdir() if path.is_file()} if place.is_dir() else {}

    def diversions(self) -> list[str]:
        """The names that have been taken over."""
        return re.findall(r"diversion of \S+/(\S+) to", self.must("dpkg-divert", "--list", "culvert-cni"))


def repacked(package: str, out: pathlib.Path, version: str, changes: Mapping[str, str] | None = None) -> pathlib.Path:
    """The Debian package as it is installed here, under another version, and perhaps with other files."""
    root = out / f"{package}_{version}"
    listed = subprocess.run(["dpkg", "-L", package], check=True, capture_output=True, text=True).stdout.splitlines()
    for name in listed:
        source, target = pathlib.Path(name), root / name.lstrip("/")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for name, text in (changes or {}).items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "DEBIAN").mkdir()
    for script in ("preinst", "postinst", "prerm", "postrm"):
        source = pathlib.Path(f"/var/lib/dpkg/info/{package}.{script}")
        if source.exists():
            shutil.copy2(source, root / "DEBIAN" / script)
    control = subprocess.run(["dpkg", "-s", package], check=True, capture_output=True, text=True).stdout
    kept = [line for line in control.splitlines() if not line.startswith(("Status:", "Version:", "Conffiles:"))]
    (root / "DEBIAN" / "control").write_text("\n".join([*kept, f"Version: {version}", ""]), encoding="utf-8")
    subprocess.run(["dpkg-deb", "-Znone", "--build", root, out], check=True, capture_output=True)
    [path] = out.glob(f"{package}_{version}_*.deb")
    return path
