# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom: all pairs of clients and servers around one published container, tried at once."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import shlex
from collections.abc import Iterable

from chains import address
from host import Host
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, bracketed, netns, serve

#: The container whose ports are published, its neighbour, one of another such network, one of an ordinary network.
OWN, NEIGHBOUR, STRANGER, ORDINARY = "c1", "c2", "c3", "c4"
#: Ports on the host: for everybody, for the host alone, for datagrams; and where a process of the host listens.
PUBLIC, LOCAL, DATAGRAMS, LISTENING = 8080, 8081, 5353, 7777
LOCALHOST = {4: "127.0.0.1", 6: "::1"}
THE_HOST = {4: HOST4, 6: HOST6}
THE_OUTSIDER = {4: OUTSIDER4, 6: OUTSIDER6}
#: The numbers of the three networks.
FIRST, SECOND, THIRD = 1, 2, 3
#: The answer of a client that got none.
NOBODY = "nobody"
#: How long a client waits for an answer, and how long when the machine is so busy that some answers took half of that.
PATIENCE_SECONDS, MORE_PATIENCE_SECONDS = 2.0, 8.0


@dataclasses.dataclass(frozen=True)
class Probe:
    """One client's question, under the words that a report shows."""

    words: str
    client: str
    address: str
    port: int
    protocol: str = "tcp"

    def shell(self, patience: float) -> str:
        """The client: it prints the words, what it got, and after how many seconds, where it knows."""
        if self.protocol == "udp":
            # A datagram may be lost, and is said twice; the client goes with the first answer.
            say = "{ echo hello; sleep 0.5; echo hello 2>/dev/null; }"
            ask = f"printf '%s\\t0' \"$({say} | nc -u -W 1 -w {patience:.0f} {self.address} {self.port})\""
        else:
            ask = (f"curl -gs --noproxy '*' -m {patience} -w '\\t%{{time_total}}' "
                   f"http://{bracketed(self.address)}:{self.port}/")
        return f'(answer=$({ask}); printf "%s\\t%s\\n" {shlex.quote(self.words)} "$answer") &'


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a client got, and after how many seconds."""

    text: str
    seconds: float

    @property
    def late(self) -> bool:
        """Whether another answer may have come too late for its client."""
        return self.text != NOBODY and self.seconds > PATIENCE_SECONDS / 2


def probes(families: Iterable[int]) -> list[Probe]:
    """All questions."""
    return [
        dataclasses.replace(probe, words=f"{probe.words}, IPv{family}")
        for family in families
        for probe in (*direct(family), *published(family), *datagrams(family))
    ]


def direct(family: int) -> Iterable[Probe]:
    """Questions to the address of a container, of the outsider and of the host."""
    own = address(FIRST, family, 2)
    for client in ("host", OUTSIDE, NEIGHBOUR, STRANGER, ORDINARY):
        yield Probe(f"{client} to the container", client, own, 80)
    for server, number, last in ((NEIGHBOUR, FIRST, 3), (STRANGER, SECOND, 2), (ORDINARY, THIRD, 2)):
        yield Probe(f"container to {server}", OWN, address(number, family, last), 80)
    yield Probe("container to outside", OWN, THE_OUTSIDER[family], 80)
    yield Probe("container to a process of the host", OWN, THE_HOST[family], LISTENING)
    yield Probe("container to a process of the host at its gateway", OWN, address(FIRST, family, 1), LISTENING)


def published(family: int) -> Iterable[Probe]:
    """Questions to published ports."""
    gateway = address(FIRST, family, 1)
    yield Probe("outside to the public port", OUTSIDE, THE_HOST[family], PUBLIC)
    yield Probe("outside to the local port", OUTSIDE, THE_HOST[family], LOCAL)
    yield Probe("host to the local port", "host", LOCALHOST[family], LOCAL)
    for where, target in (("localhost", LOCALHOST[family]), ("the host's address", THE_HOST[family]),
                          ("the gateway", gateway)):
        yield Probe(f"host to the public port at {where}", "host", target, PUBLIC)
    for client in (OWN, NEIGHBOUR, STRANGER, ORDINARY):
        yield Probe(f"{client} to the public port at the host's address", client, THE_HOST[family], PUBLIC)
        yield Probe(f"{client} to the public port at the container's gateway", client, gateway, PUBLIC)


def datagrams(family: int) -> Iterable[Probe]:
    """Questions to the published port of datagrams."""
    for client, target in ((OUTSIDE, THE_HOST[family]), ("host", LOCALHOST[family]), (OWN, THE_HOST[family]),
                           (NEIGHBOUR, THE_HOST[family]), (STRANGER, THE_HOST[family])):
        yield Probe(f"datagram of {client} to the public port", client, target, DATAGRAMS, "udp")


def start_servers(host: Host) -> None:
    """Servers in all containers, outside and on the host."""
    for name in (OWN, NEIGHBOUR, STRANGER, ORDINARY, OUTSIDE):
        serve(host, name, 80)
    serve(host, OWN, 53, "udp")
    serve(host, None, LISTENING)


def measure(host: Host, families: Iterable[int]) -> dict[str, str]:
    """Each question's answer: which server, and whom it took its client for."""
    questions = probes(families)
    found = ask(host, questions, PATIENCE_SECONDS)
    if any(answer.late for answer in found.values()):
        unanswered = [probe for probe in questions if found[probe.words].text == NOBODY]
        found |= ask(host, unanswered, MORE_PATIENCE_SECONDS)
    return {words: answer.text for words, answer in found.items()}


def ask(host: Host, questions: list[Probe], patience: float) -> dict[str, Answer]:
    """Asks all of them at the same time."""
    scripts: dict[str, list[str]] = {}
    for probe in questions:
        scripts.setdefault(probe.client, []).append(probe.shell(patience))

    def run(client: str) -> str:
        """What all probes of a client print."""
        where = None if client == "host" else netns(client)
        return host.run(["sh", "-c", "\n".join([*scripts[client], "wait"])], netns=where).stdout

    with concurrent.futures.ThreadPoolExecutor(len(scripts) or 1) as clients:
        lines = "".join(clients.map(run, scripts)).splitlines()
    fields = sorted(line.split("\t") for line in lines)
    answers = {words: Answer(answer or NOBODY, float(seconds)) for words, answer, seconds in fields}
    assert answers.keys() == {probe.words for probe in questions}, "a client has said nothing"
    return answers
