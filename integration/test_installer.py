# SPDX-License-Identifier: Apache-2.0
"""`culvert install` and `uninstall`: all old or all new, wherever they are killed or refused."""
from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

import implementations
from faults import KILLED, Point, points_in, thinned
from host import Outcome
from implementations import REFERENCE_DIRECTORY, Implementation

pytestmark = pytest.mark.needs_culvert

#: The calls that change a file system, or that ask it for room or permission. Who is killed before another call is
#: found as if he had been killed before the next one of these.
CHANGING = frozenset("""
    open openat mkdir mkdirat link linkat symlink symlinkat rename renameat renameat2 unlink unlinkat rmdir write fsync
    fchmod ftruncate flock
""".split())
ERRORS = ("ENOSPC", "EACCES")
PATIENCE_SECONDS = 60.0
#: Of each program, in each set: what it says. `vlan` is a symbolic link first, `dummy` is new, `tap` is given up again,
#: and `flannel` is nobody's business.
OLD = {"bridge": "old-bridge", "tap": "old-tap", "vlan": "old-vlan", "flannel": "flannel"}
ONE = {"bridge": "one", "dummy": "one", "flannel": "flannel", "tap": "one", "vlan": "one"}
TWO = {"bridge": "two", "dummy": "two", "flannel": "flannel", "tap": "old-tap", "vlan": "two"}


@dataclasses.dataclass(frozen=True)
class Place:
    """A directory of plugins, beside two sets that can be installed there."""

    root: pathlib.Path

    @property
    def bin(self) -> pathlib.Path:
        """Where runtimes look."""
        return self.root / "bin"

    def program(self, path: str, says: str) -> None:
        """Writes a program."""
        file = self.root / path
        file.write_text(f"#!/bin/sh\necho {says}\n")
        file.chmod(0o755)

    def call(self, *words: str, wrapper: Sequence[str] = ()) -> Outcome:
        """Runs culvert."""
        tool = str(implementations.build_directory() / "culvert")
        done = subprocess.run([*wrapper, tool, *words, "--cni-bin-dir", str(self.bin)], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=False, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
        return Outcome(done.returncode, done.stdout, done.stderr)

    def install(self, name: str, wrapper: Sequence[str] = ()) -> Outcome:
        """Installs a set."""
        return self.call("install", "--from", str(self.root / name), wrapper=wrapper)

    def said(self) -> dict[str, str]:
        """What each program says that can be run."""
        script = 'for name in *; do [ ! -x "$name" ] || echo "$name=$("./$name")"; done'
        done = subprocess.run(["sh", "-c", script], cwd=self.bin, capture_output=True, text=True, check=True)
        assert done.stderr == "", done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def files(self) -> dict[str, tuple[int, int, int, int, str]]:
        """Everything there: which file under which name, with which mode, time and content."""
        found = {}
        for path in sorted(self.bin.rglob("*")):
            status = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else ""
            found[str(path.relative_to(self.bin))] = (status.st_ino, status.st_mode, status.st_size,
                                                      status.st_mtime_ns, content)
        return found


@contextlib.contextmanager
def new_place() -> Iterator[Place]:
    """A directory with the plugins of others, and two sets of programs."""
    with tempfile.TemporaryDirectory(prefix="culvert-installer-") as directory:
        place = Place(pathlib.Path(directory))
        for name in ("bin", "one", "two"):
            (place.root / name).mkdir()
        for name in ("bridge", "tap"):
            place.program(f"bin/{name}", f"old-{name}")
        place.program("bin/flannel", "flannel")
        place.program("elsewhere", "old-vlan")
        (place.bin / "vlan").symlink_to("../elsewhere")
        place.program("one/bridge", "one")
        place.program("two/bridge", "two")
        for path in ("one/dummy", "one/tap", "one/vlan", "two/dummy", "two/vlan"):
            (place.root / path).hardlink_to(place.root / path.split("/")[0] / "bridge")
        yield place


#: What is installed before, what is tried, and what the programs say before and afterwards.
TRIALS: Mapping[str, tuple[Sequence[str], Sequence[str], Mapping[str, str], Mapping[str, str]]] = {
    "install": ((), ("one",), OLD, ONE),
    "upgrade": (("one",), ("two",), ONE, TWO),
    "uninstall": (("one",), (), ONE, OLD),
}


def attempt(place: Place, trial: str, wrapper: Sequence[str] = ()) -> Outcome:
    """Does what is tried."""
    wanted = TRIALS[trial][1]
    return place.install(wanted[0], wrapper) if wanted else place.call("uninstall", wrapper=wrapper)


def points_of(trial: str) -> list[Point]:
    """The calls of an undisturbed run that matter."""
    with new_place() as place:
        for name in TRIALS[trial][0]:
            assert place.install(name).ok
        trace = place.root / "trace"
        outcome = attempt(place, trial, ["strace", "-f", "-qq", "-o", str(trace)])
        assert outcome.ok, outcome
        points = points_in(trace.read_text(errors="replace"))
    # What the program itself is made ready with comes before it opens the directory.
    start = next(number for number, point in enumerate(points) if point.name == "flock")
    return [point for point in points[start:] if point.name in CHANGING]


def disturbed(trial: str, point: Point) -> str:
    """What goes wrong when a run is cut off at a point; empty when nothing does."""
    earlier, _, before, after = TRIALS[trial]
    with new_place() as place:
        original = place.files()
        for name in earlier:
            assert place.install(name).ok
        outcome = attempt(place, trial, point.wrapper)
        said = place.said()
        if said not in (before, after):
            return f"a mixture: {said}"
        if point.error:
            if outcome.status not in (0, 1) or (outcome.ok and said != after):
                return f"exit {outcome.status}, but {said}: {outcome.stderr}"
        elif outcome.status not in KILLED:
            return f"was not killed: {outcome}"
        # Whoever comes next, even for the opposite, ends or takes back what was begun.
        if not (again := place.install("two")).ok or place.said() != TWO:
            return f"cannot be installed afterwards: {again} {place.said()}"
        if not (ended := place.call("uninstall")).ok:
            return f"cannot be uninstalled afterwards: {ended}"
        if (left := place.files()) != original:
            return f"not what it was: {left}"
    return ""


@pytest.mark.parametrize("fate", ["killed", *ERRORS])
@pytest.mark.parametrize("trial", TRIALS)
def test_disturbed(trial: str, fate: str, say: Callable[[str], None]) -> None:
    """At every point the names are all old or all new, and the next call gives back the very files that were there."""
    points = points_of(trial)
    if fate != "killed":
        # A descriptor that is there is not refused for want of permission.
        points = [dataclasses.replace(point, error=fate) for point in points if fate == "ENOSPC" or point.name not in
                  ("write", "fsync", "ftruncate", "flock")]
    chosen = thinned(points, 4 if fate == "killed" else 9)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda point: disturbed(trial, point), chosen))
    trouble = [f"{point}: {verdict}" for point, verdict in zip(chosen, verdicts) if verdict]
    say(f"{trial} {fate}: {len(chosen)} of {len(points)} points, {len(trouble)} went wrong")
    assert chosen and not trouble, "\n".join(trouble[:10])


def test_all_at_once() -> None:
    """Who looks at two names of one set, again and again, never finds that the second one is older than the first."""
    with new_place() as place:
        # The last look begins when the last installation is over.
        script = 'while echo "$(./bridge) $(./vlan)"; [ ! -e ../stop ]; do :; done; echo "$(./bridge) $(./vlan)"'
        watcher = subprocess.Popen(["sh", "-c", script], cwd=place.bin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        for name in ("one", "two"):
            assert place.install(name).ok
        (place.root / "stop").touch()
        out, errors = watcher.communicate(timeout=PATIENCE_SECONDS)
    assert errors == ""
    order, at = ["old", "one", "two"], 0
    for line in out.splitlines():
        first, second = (order.index(word.split("-")[0]) for word in line.split())
        assert at <= first <= second, f"{line} after {order[at]}"
        at = second
    assert at == 2, out


def test_real_plugins(ours: Implementation) -> None:
    """The reference's plugins give way to ours, answer VERSION all the while, and come back; flannel stays."""
    def answers(plugin: pathlib.Path) -> str:
        done = subprocess.run([plugin], input="", env={"CNI_COMMAND": "VERSION"}, capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=True)
        return json.loads(done.stdout)["supportedVersions"][-1]

    with tempfile.TemporaryDirectory(prefix="culvert-installer-", dir=implementations.build_directory()) as directory:
        place = Place(pathlib.Path(directory))
        shutil.copytree(REFERENCE_DIRECTORY, place.bin)
        place.program("bin/flannel", "flannel")
        (place.root / "cni").mkdir()
        for name in (*implementations.PLUGINS, "culvert-dhcpd"):
            implementations.link_or_copy(ours.directory / name, place.root / "cni" / name)
        before = {path.name: (path.stat(), path.read_bytes()) for path in place.bin.iterdir()}
        assert place.install("cni").ok
        assert {answers(place.bin / name) for name in implementations.PLUGINS} == {"1.1.0"}
        assert len({(place.bin / name).stat().st_ino for name in implementations.PLUGINS}) == 1
        listed = place.call("installed", "-o", "json").result()
        assert set(listed["programs"]) == {*implementations.PLUGINS, "culvert-dhcpd"}
        assert set(listed["programs"].values()) == {"whole"}
        assert "are there" in place.install("cni").stdout
        assert place.call("uninstall").ok
        # The number of names and hence the time of the last change of status may differ: nothing else.
        after = {path.name: (path.stat(), path.read_bytes()) for path in place.bin.iterdir()}
        assert {name: (content, status.st_ino, status.st_mode, status.st_mtime_ns, status.st_nlink)
                for name, (status, content) in after.items()} == {
                    name: (content, status.st_ino, status.st_mode, status.st_mtime_ns, status.st_nlink)
                    for name, (status, content) in before.items()}
        assert answers(place.bin / "bridge") == "1.0.0"


def wait_for(what: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stays(number: signal.Signals) -> None:
    """As a pod of a DaemonSet: it puts back what others replace, and at its end what was there before."""
    tool = str(implementations.build_directory() / "culvert")
    with new_place() as place:
        original = place.files()
        words = ["install", "--from", str(place.root / "one"), "--cni-bin-dir", str(place.bin), "--watch",
                 "--interval", "1", "--uninstall-at-end"]
        process = subprocess.Popen([tool, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: place.call("installed").ok)
            place.program("newer", "newer")
            os.replace(place.root / "newer", place.bin / "bridge")
            assert "bridge: replaced" in place.call("installed").stdout
            wait_for(lambda: place.call("installed").ok)
            assert place.said() == ONE
            process.send_signal(number)
            out, errors = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, errors
        assert "4 names given back" in out and "were changed" in errors
        # What somebody put there last is what is given back.
        assert place.said() == {**OLD, "bridge": "newer"}
        assert set(place.files()) == set(original)


def test_configuration() -> None:
    """A list of plugins comes when the plugins are there, goes before them, and nobody's is overwritten."""
    with new_place() as place:
        source, there = place.root / "10-culvert.conflist", place.root / "net.d"
        there.mkdir()
        source.write_text(json.dumps({"cniVersion": "1.1.0", "name": "x", "plugins": [{"type": "bridge"}]}))
        words = ("install", "--from", str(place.root / "one"), "--conf-dir", str(there), "--conflist", str(source))
        assert place.call(*words).ok
        assert (there / source.name).read_text() == source.read_text()
        assert place.call("uninstall", "--conf-dir", str(there)).ok
        assert list(there.iterdir()) == [] and place.said() == OLD
        (there / source.name).write_text("mine")
        refused = place.call(*words)
        assert refused.status == 1 and "remove it" in refused.stderr
        assert [path.name for path in there.iterdir()] == [source.name] and place.said() == OLD
        assert place.call("uninstall", "--conf-dir", str(there)).ok
        assert (there / source.name).read_text() == "mine"


def test_refusals() -> None:
    """What cannot be done is refused with what to do, and changes nothing."""
    with new_place() as place:
        original = place.files()
        (place.root / "none").mkdir()
        for words, sentence in (
            (("install", "--from", str(place.root / "none")), "no programs"),
            (("install", "--from", str(place.root / "missing")), "No such file"),
            (("install", "--from", str(place.root / "one"), "--conflist", str(place.root / "elsewhere")), ".conflist"),
        ):
            outcome = place.call(*words)
            assert outcome.status == 1 and sentence in outcome.stderr, outcome
            place.call("uninstall")
            assert place.files() == original
        assert place.call("install", "--uninstall-at-end").status == 64
        assert place.call("installed").status == 1
        assert "nothing is installed" in place.call("uninstall").stdout
