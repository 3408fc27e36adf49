# SPDX-License-Identifier: Apache-2.0
"""Debian packages, the tarball, the image and `make install`: what is in them, and what becomes of who was there."""
from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator

import pytest

from implementations import PLUGINS, REPOSITORY, Implementation, build_directory
from lan import until
from packing import DEBIAN, PATIENCE_SECONDS, Machine, digest, pack, repacked, with_manuals
from podman import PodmanHost

pytestmark = [pytest.mark.needs_culvert, pytest.mark.xdist_group("packages")]

REFERENCE = "containernetworking-plugins"
OWN = "usr/libexec/culvert/cni"
WAYS = ("deb", "dist", "image")
#: A later release, which has one plugin less and one more.
LATER = (*(name for name in PLUGINS if name != "vrf"), "later")


@pytest.fixture(scope="module")
def place() -> Iterator[pathlib.Path]:
    """A directory for packages, and in `build` what they are made of."""
    with tempfile.TemporaryDirectory(prefix="packages-", dir=build_directory().parent) as directory:
        root = pathlib.Path(directory)
        (root / "build").mkdir()
        with_manuals(root / "build")
        yield root


@pytest.fixture(scope="module")
def small(place: pathlib.Path) -> pathlib.Path:
    """A build whose programs are all the small one: for what does not run them."""
    build = place / "small"
    build.mkdir()
    for name in ("culvert-cni", "culvert", "culvert-dhcpd", "culvert-switchd"):
        shutil.copy(place / "build" / "culvert-cni", build / name)
    for name in ("man", "completions"):
        shutil.copytree(place / "build" / name, build / name)
    return build


@pytest.fixture(scope="module")
def debs(place: pathlib.Path) -> list[pathlib.Path]:
    """The packages culvert-cni, culvert and culvert-switchd."""
    return pack("deb", place / "build", place / "debs")


@pytest.fixture(scope="module")
def plugins(place: pathlib.Path, small: pathlib.Path) -> pathlib.Path:
    """culvert-cni."""
    return pack("deb", small, place / "plugins")[0]


@pytest.fixture(scope="module")
def later(place: pathlib.Path, small: pathlib.Path) -> pathlib.Path:
    """culvert-cni of a later release."""
    return pack("deb", small, place / "later", LATER, {"DEB_REVISION": "2"})[0]


@pytest.fixture(scope="module")
def reference(place: pathlib.Path) -> pathlib.Path:
    """The package with the reference plugins, of a later version than the one that is installed here."""
    out = place / "reference"
    out.mkdir()
    return repacked(REFERENCE, out, "9.9-1", {f"{DEBIAN}/bridge": "#!/bin/sh\necho later reference\n"})


def ours_in(machine: Machine) -> str:
    """Which file all plugins of ours are."""
    return machine.names(OWN)["culvert-cni"]


@pytest.mark.parametrize("way", WAYS)
def test_alike(way: str, place: pathlib.Path, small: pathlib.Path) -> None:
    """Packing again, another time, elsewhere and under another umask, gives the same octets."""
    elsewhere = place / f"elsewhere-{way}"
    shutil.copytree(small, elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    first = pack(way, small, place / f"{way}-1", env={"SOURCE_DATE_EPOCH": "1700000000"})
    former = os.umask(0o077)
    try:
        second = pack(way, elsewhere, place / f"{way}-2", env={"SOURCE_DATE_EPOCH": "1700000000", "LANG": "C.UTF-8"})
    finally:
        os.umask(former)
    assert [digest(path) for path in first] == [digest(path) for path in second]


def test_no_build_directory(place: pathlib.Path) -> None:
    """What the compiler leaves of the directory that it worked in is blanked, and the identity is of the rest."""
    blanked = []
    for number, noise in enumerate((b"\x55", b"\xaa")):
        build = place / f"noisy-{number}"
        build.mkdir()
        for name in ("culvert-cni", "culvert", "culvert-dhcpd", "culvert-switchd"):
            content = bytearray((place / "build" / "culvert-cni").read_bytes())
            for section, skipped in ((".swift_modhash", 0), (".note.gnu.build-id", 16)):
                said = subprocess.run(["readelf", "-SW", place / "build" / "culvert-cni"], check=True,
                                      capture_output=True, text=True).stdout
                words = next(line for line in said.splitlines() if f" {section} " in line).split(section)[1].split()
                at, length = int(words[2], 16) + skipped, int(words[3], 16) - skipped
                content[at:at + length] = noise * length
            (build / name).write_bytes(content)
            (build / name).chmod(0o755)
        [image] = pack("image", build, place / f"noisy-{number}-out", env={"SOURCE_DATE_EPOCH": "1"})
        blanked.append(digest(image))
    assert blanked[0] == blanked[1]


def test_taking_over(plugins: pathlib.Path, reference: pathlib.Path) -> None:
    """Beside the reference plugins, ours have the names from the first moment on, and give them back when they go."""
    with Machine() as machine:
        before = machine.names()
        missing: list[str] = []
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                done = subprocess.run(["sh", "-c", "echo | ./bridge"], cwd=machine.root / DEBIAN, check=False,
                                      capture_output=True, text=True, env={"CNI_COMMAND": "VERSION"})
                if done.returncode != 0:
                    missing.append(done.stderr)
                over.wait(0.01)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            machine.install(plugins)
        finally:
            over.set()
            watcher.join()
        assert missing == []
        ours = ours_in(machine)
        expected = {**{name: ours for name in PLUGINS}, **{f"{name}.distrib": before[name] for name in before}}
        assert machine.names() == expected
        assert set(machine.diversions()) == set(PLUGINS)
        machine.install(reference)
        assert machine.names() == {**expected, "bridge.distrib": digest_of_later_bridge()}
        assert machine.must("dpkg", "--verify", REFERENCE, "culvert-cni") == ""
        machine.must("dpkg", "--remove", "culvert-cni")
        assert machine.names() == {**before, "bridge": digest_of_later_bridge()}
        assert machine.diversions() == [] and not (machine.root / OWN).exists()
        assert machine.must("dpkg", "--verify", REFERENCE) == ""
        machine.must("dpkg", "--purge", "culvert-cni")
        places = ("/usr/lib", "/usr/libexec", "/usr/sbin", "/usr/share/doc")
        assert machine.must("find", *places, "-name", "*culvert*") == ""


def digest_of_later_bridge() -> str:
    """What the later package of the reference has as `bridge`."""
    return hashlib.sha256(b"#!/bin/sh\necho later reference\n").hexdigest()


def test_coming_first(plugins: pathlib.Path, later: pathlib.Path, reference: pathlib.Path) -> None:
    """Before the reference plugins as well; an upgrade follows the list of plugins; who goes last leaves nothing."""
    with Machine() as machine:
        before = machine.names()
        machine.must("dpkg", "--force-depends", "--purge", REFERENCE)
        assert machine.names() == {}
        machine.install(plugins)
        ours = ours_in(machine)
        assert machine.names() == {name: ours for name in PLUGINS}
        # Who depends on the reference plugins, such as podman in some releases, is content.
        assert machine.must("dpkg-query", "-W", "-f", "${Provides}", "culvert-cni").startswith(f"{REFERENCE} (= ")
        machine.install(reference)
        theirs = {**before, "bridge": digest_of_later_bridge()}
        diverted = {f"{name}.distrib": content for name, content in theirs.items()}
        assert machine.names() == {**{name: ours for name in PLUGINS}, **diverted}
        machine.install(later)
        ours = ours_in(machine)
        del diverted["vrf.distrib"]
        assert machine.names() == {**{name: ours for name in LATER}, **diverted, "vrf": theirs["vrf"]}
        machine.must("dpkg", "--purge", REFERENCE)
        assert machine.names() == {name: ours for name in LATER}
        machine.install(reference)
        machine.must("dpkg", "--purge", "culvert-cni")
        assert machine.names() == theirs


def test_broken_off(plugins: pathlib.Path, place: pathlib.Path) -> None:
    """A package that cannot be unpacked to its end leaves the reference plugins under their names."""
    broken = place / "broken.deb"
    content = plugins.read_bytes()
    broken.write_bytes(content[:-(1 << 20)])
    with Machine() as machine:
        before = machine.names()
        assert machine.run("dpkg", "--install", machine.take(broken)).returncode != 0
        assert machine.names() == before and machine.diversions() == []


def test_tools(debs: list[pathlib.Path]) -> None:
    """The tools run, their manuals can be read, and no unit is enabled."""
    with Machine() as machine:
        machine.install(*debs)
        version = machine.must("culvert", "--version").strip()
        assert machine.must("dpkg-query", "-W", "-f", "${Version}", "culvert").startswith(f"{version}-")
        assert "USAGE: ipam" in machine.must("ipam", "--help")
        for page in ("culvert", "cnitool", "ipam"):
            packed = machine.root / f"usr/share/man/man1/{page}.1.gz"
            assert gzip.decompress(packed.read_bytes()).startswith(b".")
        pages = {path.name for path in (machine.root / "usr/share/man/man7").glob("culvert-*.7.gz")}
        assert pages == {f"culvert-{plugin}.7.gz" for plugin in PLUGINS}
        units = machine.must("dpkg", "-L", "culvert", "culvert-cni", "culvert-switchd").split()
        units = [path for path in units if "/systemd/system/" in path]
        assert len(units) == 11
        for path in units:
            text = (machine.root / path.lstrip("/")).read_text()
            for word in text.split("ExecStart=")[1].split()[:1] if "ExecStart=" in text else []:
                assert (machine.root / word.lstrip("/")).exists(), f"{path} starts {word}"
            assert "/usr/local" not in DAEMON_SET
        assert machine.must("find", "/etc/systemd", "-name", "culvert*") == ""
        # The reference's own unit starts `dhcp daemon`, which is ours now.
        assert "-socketpath" in machine.run("/usr/lib/cni/dhcp", "daemon", "--help").stderr


#: Stands in for systemd's programs: writes down what they are asked for.
RECORDER = '#!/bin/sh\necho "${0##*/} $*" >>/run/asked\n'


def earlier(plugins: pathlib.Path, switch: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """culvert-cni of an earlier release, which had the switch in it."""
    root = out / "earlier"
    for package in (switch, plugins):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    shutil.rmtree(root / "usr/share/doc/culvert-switchd")
    (root / "usr/share/lintian/overrides/culvert-switchd").unlink()
    subprocess.run(["dpkg-deb", "--control", plugins, root / "DEBIAN"], check=True)
    control = (root / "DEBIAN/control").read_text(encoding="utf-8")
    version = next(line for line in control.splitlines() if line.startswith("Version: "))
    (root / "DEBIAN/control").write_text(control.replace(version, f"{version}~earlier"), encoding="utf-8")
    subprocess.run(["dpkg-deb", "-Znone", "--build", root, out], check=True, capture_output=True)
    [path] = out.glob("culvert-cni_*~earlier_*.deb")
    return path


def test_the_switch_moves_out(small: pathlib.Path, place: pathlib.Path) -> None:
    """Its package takes the switch over from culvert-cni as it was, and goes by itself; its unit stays enabled."""
    out = place / "moving"
    plugins, _, switch = pack("deb", small, out)
    before = earlier(plugins, switch, out)
    program, unit = "/usr/bin/culvert-switchd", "/usr/lib/systemd/system/culvert-switchd.service"
    with Machine() as machine:
        machine.install(before)
        assert machine.must("dpkg", "--search", program, unit).split() == [
            "culvert-cni:", program, "culvert-cni:", unit]
        for name in ("systemctl", "deb-systemd-invoke"):
            path = machine.root / "usr/bin" / name
            path.unlink(missing_ok=True)
            path.write_text(RECORDER)
            path.chmod(0o755)
        (machine.root / "run/systemd/system").mkdir(parents=True)
        wanted = machine.root / "etc/systemd/system/multi-user.target.wants/culvert-switchd.service"
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.symlink_to(unit)
        alone = machine.run("dpkg", "--install", machine.take(switch))
        assert alone.returncode != 0 and "breaks culvert-cni" in alone.stderr, alone
        assert (machine.root / program.lstrip("/")).exists()
        machine.must("sh", "-c", "rm -f /run/asked")
        machine.install(plugins, switch)
        assert machine.must("dpkg", "--search", program, unit).split() == [
            "culvert-switchd:", program, "culvert-switchd:", unit]
        assert machine.must("dpkg", "--verify", "culvert-cni", "culvert-switchd") == ""
        assert machine.must("realpath", f"/{wanted.relative_to(machine.root)}") == f"{unit}\n"
        asked = machine.must("cat", "/run/asked").splitlines()
        assert "deb-systemd-invoke try-restart culvert-switchd.service" in asked
        assert not [line for line in asked if " stop " in line], asked
        # Not even culvert-cni needs it, nor it culvert-cni.
        machine.must("sh", "-c", "rm /run/asked")
        machine.must("dpkg", "--remove", "culvert-cni")
        assert "switchd" not in machine.must("cat", "/run/asked")
        machine.install(plugins)
        machine.must("dpkg", "--purge", "culvert-switchd")
        assert "deb-systemd-invoke stop culvert-switchd.service" in machine.must("cat", "/run/asked").splitlines()
        assert machine.must("find", "/usr", "-name", "*culvert-switchd*") == ""
        assert machine.must("dpkg", "--verify", "culvert-cni") == ""


def test_tarball(place: pathlib.Path) -> None:
    """install.sh puts plugins and tools where it is told, refuses what was tampered with, and takes all of it back."""
    [tarball] = pack("dist", place / "build", place / "dist")
    said = pathlib.Path(f"{tarball}.sha256").read_text().split()
    assert said == [digest(tarball), tarball.name]
    with Machine() as machine:
        machine.must("tar", "-C", "/tmp", "-xzf", machine.take(tarball))
        here = f"/tmp/{tarball.name.removesuffix('.tar.gz')}"
        (machine.root / "opt/cni/bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(machine.root / DEBIAN / "bridge", machine.root / "opt/cni/bin/bridge")
        before = machine.names("opt/cni/bin")
        tools = sorted(machine.must("find", "/usr/local", "-type", "f").split())
        machine.must(f"{here}/install.sh")
        found = machine.names("opt/cni/bin")
        assert set(found) == {*PLUGINS, "culvert-cni", "culvert-dhcpd"} and found["bridge"] != before["bridge"]
        assert machine.must("/usr/local/bin/culvert", "installed").startswith("/opt/cni/bin: 21 programs")
        assert machine.must("/usr/local/bin/ipam", "--version") == machine.must("cat", f"{here}/VERSION")
        machine.must(f"{here}/install.sh")
        machine.must(f"{here}/install.sh", "--uninstall")
        assert machine.names("opt/cni/bin") == before
        assert sorted(machine.must("find", "/usr/local", "-type", "f").split()) == tools
        machine.must("sh", "-c", f"echo >>{here}/cni/bridge")
        refused = machine.run(f"{here}/install.sh")
        assert refused.returncode == 1 and "unpack the tarball again" in refused.stderr
        assert machine.names("opt/cni/bin") == before


def test_make_install(place: pathlib.Path) -> None:
    """`make install` puts everything below DESTDIR and nothing elsewhere."""
    root = place / "destination"
    done = subprocess.run(["make", "install", f"DESTDIR={root}"], cwd=REPOSITORY, check=False, capture_output=True,
                          text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    plugins = root / "opt/cni/bin"
    assert {path.name for path in plugins.iterdir()} == {*PLUGINS, "culvert-cni"}
    assert len({path.stat().st_ino for path in plugins.iterdir()}) == 1
    assert {path.name for path in (root / "usr/local/bin").iterdir()} == {
        "culvert", "cnitool", "ipam", "culvert-dhcpd", "culvert-switchd"}
    assert sorted(path.name for path in (root / "usr/local/share/man/man1").iterdir()) == [
        "cnitool.1", "culvert.1", "ipam.1"]


@pytest.fixture(scope="module")
def image(place: pathlib.Path) -> pathlib.Path:
    """The image."""
    return pack("image", place / "build", place / "image")[0]


#: How the pod of the DaemonSet is run.
DAEMON_SET = (REPOSITORY / "conf/kubernetes/culvert-installer.yaml").read_text()
ARGUMENTS = DAEMON_SET.split("args:")[1].split("readinessProbe")[0].splitlines()
WORDS = [line.strip().removeprefix("- ") for line in ARGUMENTS if line.strip().startswith("- ")]
PROBE = DAEMON_SET.split("command: [")[1].split("]")[0].split(", ")


def test_pod(image: pathlib.Path, ours: Implementation) -> None:
    """As in the DaemonSet, in a real container: it installs, is ready, and gives everything back when it is stopped."""
    node = PodmanHost(ours)
    try:
        shutil.copy(image, node.path("/run/image.tar"))
        node.does("load", "-q", "-i", "/run/image.tar")
        node.must("cp -r /usr/lib/cni /run/node; cd /run/node; echo flannel >flannel; sha256sum * >/run/before")
        kept = DAEMON_SET.split("add: [")[1].split("]")[0].split(", ")
        assert "drop: [ALL]" in DAEMON_SET and "readOnlyRootFilesystem: true" in DAEMON_SET
        node.does("run", "-d", "--name", "install", "--cgroup-parent", f"/{node.group}", "--network", "none",
                  "--read-only", "--security-opt", "no-new-privileges", "--cap-drop", "all",
                  *(f"--cap-add={name}" for name in kept), "-v", "/run/node:/host/opt/cni/bin", DAEMON_SET.split("image: ")[1].split()[0], *WORDS)
        until(lambda: "installed" in node.does("logs", "install"), "an installation")
        node.does("exec", "install", *PROBE)
        answer = node.must("echo | CNI_COMMAND=VERSION /run/node/dummy")
        assert "1.1.0" in json.loads(answer)["supportedVersions"]
        node.does("stop", "-t", "60", "install")
        assert node.does("inspect", "-f", "{{.State.ExitCode}}", "install") == "0"
        node.must("cd /run/node; sha256sum --quiet -c /run/before")
        assert node.must("ls -A /run/node | wc -l") == node.must("wc -l </run/before")
        node.does("rm", "install")
    finally:
        node.close()


def test_image(image: pathlib.Path, place: pathlib.Path) -> None:
    """The image is whole, has no shell, and its programs install themselves as the DaemonSet has them do it."""
    with tarfile.open(image) as tarball:
        files = {entry.name: tarball.extractfile(entry).read() for entry in tarball}  # type: ignore[union-attr]
    blobs = {name.split("/")[-1]: content for name, content in files.items() if name.startswith("blobs/")}
    assert [name for name, content in blobs.items() if hashlib.sha256(content).hexdigest() != name] == []

    def follow(described: dict[str, object]) -> bytes:
        content = blobs[str(described["digest"]).removeprefix("sha256:")]
        assert len(content) == described["size"]
        return content

    manifest = json.loads(follow(json.loads(files["index.json"])["manifests"][0]))
    configuration = json.loads(follow(manifest["config"]))
    layer = gzip.decompress(follow(manifest["layers"][0]))
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    root = place / "container"
    with tarfile.open(fileobj=io.BytesIO(layer)) as tarball:
        assert all(entry.uid == entry.gid == 0 and not entry.issym() for entry in tarball)
        tarball.extractall(root)
    assert sorted(path.name for path in (root / "usr/bin").iterdir()) == ["cnitool", "culvert", "ipam"]
    # Nothing but the image's own files, and the node's directory.
    (root / "host/opt/cni/bin").mkdir(parents=True)
    assert WORDS[0] == "install" and "--watch" in WORDS
    names = json.loads(files["index.json"])["manifests"][0]["annotations"]
    assert f"image: {names['io.containerd.image.name']}\n" in DAEMON_SET
    once = [word for word in WORDS if word not in ("--watch", "--uninstall-at-end")]
    entry = configuration["config"]["Entrypoint"]
    contained = ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                 'mkdir -p "$0/proc"; mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', str(root)]
    subprocess.run([*contained, *entry, *once], check=True, capture_output=True)
    there = root / "host/opt/cni/bin"
    assert {path.name for path in there.iterdir() if path.is_file()} == {*PLUGINS, "culvert-cni", "culvert-dhcpd"}
    said = subprocess.run([there / "bridge"], input="", env={"CNI_COMMAND": "VERSION"}, check=True, capture_output=True,
                          text=True).stdout
    assert "1.1.0" in json.loads(said)["supportedVersions"]
    subprocess.run([*contained, *PROBE], check=True, capture_output=True)
