# SPDX-License-Identifier: Apache-2.0
"""`in-vm`: a command under another kernel, by either engine."""
from __future__ import annotations

import os
import pathlib
import platform
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator

import pytest

import guest
from guest import IN_VM

#: What every process of one guest has in its environment, those of the engine included.
TOKEN = "CULVERT_IN_VM_TEST"


UML, QEMU = (pytest.param(name, marks=pytest.mark.xdist_group(f"in-vm {name}")) for name in ("uml", "qemu"))


@pytest.fixture(params=[UML, QEMU])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine that is there; qemu takes a while to start, so only what may differ is tried with it."""
    if reason := guest.missing(request.param):
        request.node.user_properties.append((guest.MISSING, reason))
        pytest.skip(reason)
    return request.param


class Call:
    """Runs `in-vm`, and knows its processes."""

    def __init__(self) -> None:
        self.mark = f"{TOKEN}={uuid.uuid4()}"
        self.env = {**os.environ, TOKEN: self.mark.partition("=")[2]}

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """To its end."""
        return subprocess.run([str(IN_VM), *words], env=self.env, capture_output=True, check=False)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Up to its beginning."""
        return subprocess.Popen([str(IN_VM), *words], env=self.env, stdout=subprocess.PIPE)

    def processes(self) -> list[str]:
        """Those that live."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                # Those that have ended, and only wait for somebody to hear of it, have no environment.
                if self.mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def assert_nothing_lives(self) -> None:
        """All of it ends within a moment."""
        end = time.monotonic() + 20
        while left := self.processes():
            assert time.monotonic() < end, left
            time.sleep(0.05)


@pytest.fixture
def call() -> Iterator[Call]:
    """A way to call it that leaves no process."""
    made = Call()
    yield made
    made.assert_nothing_lives()


STORY = """
uname -r; pwd; id -u; wc -c
cat given/word
echo changed >kept-outside; echo new >new; rm removed
echo from the guest >given/answer
ip link add in-vm-dummy type dummy
sleep 1000 &
echo complaint >&2
head -c 200000 /dev/urandom | tee given/bytes
kill -KILL $$
"""


def test_command(engine: str, call: Call, tmp_path: pathlib.Path) -> None:
    """Its end, output and errors come back to the octet; of its changes only those in a shared directory stay."""
    given = tmp_path / "given"
    given.mkdir()
    (given / "word").write_text("from outside\n")
    for name in ("kept-outside", "removed"):
        (tmp_path / name).write_text("as it was\n")
    done = call.run("--engine", engine, "--share", str(given), "sh", "-c", f"cd {shlex.quote(str(tmp_path))}; {STORY}")
    assert (done.returncode, done.stderr) == (128 + signal.SIGKILL, b"complaint\n")
    release, directory, user, octets, word, output = done.stdout.split(b"\n", 5)
    assert release.decode() != platform.release()
    assert (directory, user, octets, word) == (str(tmp_path).encode(), b"0", b"0", b"from outside")
    assert len(output) == 200000 and output == (given / "bytes").read_bytes()
    assert (given / "answer").read_text() == "from the guest\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "kept-outside", "removed"]
    assert (tmp_path / "kept-outside").read_text() == "as it was\n"
    assert not pathlib.Path("/sys/class/net/in-vm-dummy").exists()


@pytest.mark.parametrize("engine", [UML], indirect=True)
def test_words_and_status(engine: str, call: Call) -> None:
    """Words arrive as they were said, in the same directory, and the status comes back."""
    words = ["two words", "it's", "", "a\nb", "$HOME \\ * é"]
    done = call.run("--engine", engine, "--", "sh", "-c", 'printf "%s|" "$PWD" "$@"; exit 7', "-", *words)
    assert done.returncode == 7
    assert done.stdout.decode() == "".join(f"{word}|" for word in [os.getcwd(), *words])


def test_time_is_up(engine: str, call: Call) -> None:
    """A guest that takes too long is killed, whatever it does."""
    begin = time.monotonic()
    done = call.run("--engine", engine, "--seconds", "4", "sleep", "1000")
    assert done.returncode == 124 and b"killed the guest after 4 seconds" in done.stderr
    assert 4 <= time.monotonic() - begin < 60


def test_guest_that_dies(engine: str, call: Call) -> None:
    """What its console said last is told."""
    done = call.run("--engine", engine, "sh", "-c", "echo c >/proc/sysrq-trigger")
    assert done.returncode == 125
    assert b"the guest died" in done.stderr and b"sysrq" in done.stderr, done.stderr


@pytest.mark.parametrize("engine, how", [
    pytest.param(*tried.values, how, marks=tried.marks)
    for tried, how in ((UML, signal.SIGTERM), (UML, signal.SIGKILL), (QEMU, signal.SIGKILL))
], indirect=["engine"])
def test_in_vm_is_killed(engine: str, how: signal.Signals, call: Call) -> None:
    """Output comes while the command runs, and whoever kills `in-vm` has killed the guest."""
    with call.start("--engine", engine, "sh", "-c", "echo here; exec sleep 1000") as started:
        assert started.stdout and started.stdout.readline() == b"here\n"
        assert call.processes() != []
        started.send_signal(how)
    assert started.returncode == -how
    call.assert_nothing_lives()


@pytest.mark.parametrize("words, complaint", [
    ([], "which command?"),
    (["--engine", "xen", "true"], "--engine xen: there are uml and qemu"),
    (["--engine"], "--engine needs"),
    (["--seconds", "0", "true"], "--seconds 0: not a number from 1"),
    (["--seconds", "soon", "true"], "--seconds soon"),
    (["--share", "/no/such/directory", "true"], "--share /no/such/directory"),
    (["--share", "/run", "true"], "--share /run: the guest has a /run of its own"),
    (["--verbose", "true"], "no such option: --verbose"),
])
def test_words_that_make_no_sense(words: list[str], complaint: str, call: Call) -> None:
    """They are refused with a reason, before any guest is made."""
    done = call.run(*words)
    assert (done.returncode, done.stdout) == (125, b"")
    assert complaint in done.stderr.decode(), done.stderr


@pytest.mark.parametrize("engine, package", [("uml", "user-mode-linux"), ("qemu", "qemu-system-x86")])
def test_engine_that_is_not_there(engine: str, package: str, call: Call, tmp_path: pathlib.Path) -> None:
    """The package that has it is named."""
    for program in ("bash", "dirname", "readlink"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    call.env["PATH"] = str(tmp_path)
    done = call.run("--engine", engine, "true")
    assert done.returncode == 125 and f"apt-get install --no-install-recommends {package}" in done.stderr.decode()


def test_help(call: Call) -> None:
    """It tells of every option and status."""
    done = call.run("--help")
    told = done.stdout.decode()
    assert done.returncode == 0
    assert [word for word in ("--engine", "--share", "--seconds", "124", "125") if word not in told] == []


REPORT = """<testsuites><testsuite>
<testcase classname="integration.test_a" name="test_one[x]"><properties><property name="said" value="a lot"/>
</properties></testcase>
<testcase classname="integration.test_a" name="test_two"><failure message="m">why</failure></testcase>
<testcase classname="integration.test_b" name="test_two"><skipped message="not here"/></testcase>
<testcase classname="integration.test_b" name="test_three"><error message="m">how</error></testcase>
</testsuite></testsuites>"""


def test_verdicts_of_a_guest(tmp_path: pathlib.Path) -> None:
    """They are told apart by file and name, and whatever has not passed is not taken for it."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert guest.read(report) == {
        "test_a::test_one[x]": guest.Verdict("passed", "", ("a lot",)),
        "test_a::test_two": guest.Verdict("failed", "why"),
        "test_b::test_two": guest.Verdict("skipped", "not here"),
        "test_b::test_three": guest.Verdict("failed", "how"),
    }
