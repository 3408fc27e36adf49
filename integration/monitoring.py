# SPDX-License-Identifier: Apache-2.0
"""What metrics are read with: the text of a scrape, Prometheus itself, and clients that behave badly."""
from __future__ import annotations

import json
import pathlib
import re
import sys
import time
from typing import Any

from host import PATIENCE_SECONDS, Host
from implementations import REPOSITORY

CONFIGURATION = REPOSITORY / "conf" / "monitoring"
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of a text, by its name and labels."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, f"no sample: {line}"
            found[match[1], frozenset(LABEL.findall(match[2] or ""))] = float(match[3])
    return found


def total(text: str, name: str, **labels: str) -> float:
    """The sum of all samples of a name that have these labels."""
    return sum(value for (each, found), value in samples(text).items() if each == name and labels.items() <= set(found))


class Prometheus:
    """A Prometheus of one host, with our alerts, that scrapes one port of it."""

    PORT = 9090

    def __init__(self, host: Host, directory: pathlib.Path, port: int) -> None:
        self.host = host
        configuration = directory / "prometheus.yml"
        configuration.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(CONFIGURATION / "culvert-alerts.yml")],
            "scrape_configs": [{"job_name": "culvert", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
        }))
        self.process = host.start(
            ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}",
             f"--web.listen-address=127.0.0.1:{self.PORT}", "--log.level=error"])

    def get(self, path: str, **parameters: str) -> Any:
        """What a page of its API answers; None while it does not answer at all."""
        words = [word for name, value in parameters.items() for word in ("--data-urlencode", f"{name}={value}")]
        outcome = self.host.run(["curl", "-s", "-G", *words, f"http://127.0.0.1:{self.PORT}/api/v1/{path}"])
        return json.loads(outcome.stdout) if outcome.ok and outcome.stdout.startswith("{") else None

    def query(self, expression: str) -> list[Any]:
        """What an expression comes to now; it has to be answered."""
        answer = self.get("query", query=expression)
        assert answer and answer["status"] == "success", f"{expression}: {answer}"
        return answer["data"]["result"]

    def wait_until_up(self) -> None:
        """Waits for the first scrape."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (self.get("query", query="up == 1") or {"data": {"result": []}})["data"]["result"]:
            assert self.process.poll() is None, "Prometheus has ended"
            assert time.monotonic() < end, f"nothing is scraped: {self.get('targets')}"
            time.sleep(0.2)

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *unused: object) -> None:
        self.process.kill()
        self.process.wait()


def panels() -> list[tuple[str, str]]:
    """The title and a query of each panel of the dashboard, as Grafana would send it."""
    board = json.loads((CONFIGURATION / "culvert-dashboard.json").read_text())
    return [
        (panel["title"], target["expr"].replace("$instance", ".*").replace("$__rate_interval", "10s"))
        for panel in board["panels"] for target in panel["targets"]
    ]


#: What a scrape by somebody who asks for metrics comes to, and by many who do something else; run inside of the host.
CLIENTS = r"""
import json, socket, sys, threading, time

port = int(sys.argv[1])


def connect():
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(60)
    return client


def answer(octets, finished=True):
    client = connect()
    try:
        client.sendall(octets)
        if finished:
            client.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    received = b""
    try:
        while True:
            more = client.recv(65536)
            if not more:
                break
            received += more
    except ConnectionResetError:
        pass
    client.close()
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    return {"status": int(lines[0].split()[1]) if head else 0, "fields": fields, "body": body.decode(),
            "whole": len(body) == int(fields.get("Content-Length", "-1"))}


def get(words="GET /metrics", accept=None):
    head = f"{words} HTTP/1.1\r\nHost: h\r\n" + (f"Accept: {accept}\r\n" if accept else "") + "\r\n"
    return answer(head.encode(), finished=False)


found = {}
slow = []
begun = time.monotonic()


def crawl():
    client = connect()
    client.sendall(b"GET /met")
    slow.append((client.recv(64).split(b" ")[1].decode(), time.monotonic() - begun))


crawler = threading.Thread(target=crawl)
crawler.start()
found["plain"] = get()
found["open"] = get(accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
found["head"] = get("HEAD /metrics")
found["root"] = get("GET /")
found["nowhere"] = get("GET /../etc/passwd")
found["post"] = get("POST /metrics")
found["garbage"] = answer(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\n\n")
found["huge"] = answer(b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"a" * 3_000_000)
found["lines"] = answer(b"GET /metrics HTTP/1.1\r\n" + b"X: a\r\n" * 5000 + b"\r\n")
found["tail"] = answer(b"GET /metrics HTTP/1.1\r\n\r\n" + b"a" * 100_000)
found["nothing"] = answer(b"")
many = []
threads = [threading.Thread(target=lambda: many.append(get())) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found["many"] = many
# Of too many, who has been asking for longest has to go.
crawler.join()
idle = [connect() for _ in range(80)]
found["crowded"] = get()
for client in idle:
    client.close()
found["slow"] = slow[0]
json.dump(found, sys.stdout)
"""


def misbehave(host: Host, port: int) -> dict[str, Any]:
    """What clients of every kind get from a server."""
    outcome = host.run([sys.executable, "-c", CLIENTS, str(port)])
    assert outcome.ok, outcome.stderr
    return json.loads(outcome.stdout)
