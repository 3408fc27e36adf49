# SPDX-License-Identifier: Apache-2.0
"""A minimal container runtime: runs a network's chain of plugins and remembers the results."""
from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from host import Container, Host, Outcome
from implementations import Implementation

Network = dict[str, Any]
DONE = Outcome(0, "", "")


def network(*plugins: dict[str, Any], name: str = "net", version: str | None = "1.0.0") -> Network:
    """A network configuration list."""
    listed: Network = {"name": name, "plugins": list(plugins)}
    return listed if version is None else {"cniVersion": version, **listed}


def bridge(ipam: Any = "default", **members: Any) -> dict[str, Any]:
    """A bridge plugin's entry; its addresses come from 10.77.0.0/24 unless said otherwise."""
    entry: dict[str, Any] = {"type": "bridge", "bridge": "cni0", **members}
    if ipam == "default":
        ipam = host_local("10.77.0.0/24")
    return entry if ipam is None else {**entry, "ipam": ipam}


def host_local(*subnets: str, **members: Any) -> dict[str, Any]:
    """A host-local ipam object with one range set for each subnet."""
    ranges = [[{"subnet": subnet}] for subnet in subnets]
    return {"type": "host-local", **({"ranges": ranges} if ranges else {}), **members}


class Runtime:
    """Runs one network on one host with one implementation."""

    def __init__(self, host: Host, implementation: Implementation, listed: Network) -> None:
        self.host = host
        self.implementation = implementation
        self.network = listed
        #: Final results by (container id, interface name), sent back with CHECK and DEL.
        self.results: dict[tuple[str, str], Any] = {}

    def stdin(self, entry: Mapping[str, Any], previous: Any = None,
              capabilities: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What one plugin of the chain reads."""
        document = copy.deepcopy(dict(entry))
        for key in ("name", "cniVersion"):
            if key in self.network:
                document[key] = self.network[key]
        wanted = {
            key: (capabilities or {})[key]
            for key, enabled in entry.get("capabilities", {}).items() if enabled and key in (capabilities or {})
        }
        if wanted:
            document["runtimeConfig"] = wanted
        if previous is not None:
            document["prevResult"] = previous
        return document

    def call(self, verb: str, entry: Mapping[str, Any], container: Container | None, ifname: str = "eth0", *,
             previous: Any = None, args: str = "", capabilities: Mapping[str, Any] | None = None,
             **options: Any) -> Outcome:
        """Runs one plugin of the chain."""
        wrapper = options.pop("wrapper", ())
        options["wrapper"] = wrapper.get(entry["type"], ()) if isinstance(wrapper, Mapping) else wrapper
        return self.host.plugin(
            self.implementation.executable(entry["type"]), verb, self.stdin(entry, previous, capabilities),
            container=container, ifname=ifname, cni_path=self.implementation.cni_path, args=args, **options)

    def add(self, container: Container, ifname: str = "eth0", **options: Any) -> Outcome:
        """ADD in the order of the list, up to the first error."""
        previous, outcome = None, DONE
        for entry in self.network["plugins"]:
            outcome = self.call("ADD", entry, container, ifname, previous=previous, **options)
            if not outcome.ok:
                return outcome
            previous = json.loads(outcome.stdout)
        self.results[container.id, ifname] = previous
        return outcome

    def delete(self, container: Container, ifname: str = "eth0", *, remembering: bool = True,
               **options: Any) -> Outcome:
        """DEL in reverse order; without `remembering` no prevResult is sent."""
        previous = self.results.get((container.id, ifname)) if remembering and self.remembers else None
        for entry in reversed(self.network["plugins"]):
            outcome = self.call("DEL", entry, container, ifname, previous=previous, **options)
            if not outcome.ok:
                return outcome
        self.results.pop((container.id, ifname), None)
        return DONE

    def check(self, container: Container, ifname: str = "eth0", **options: Any) -> Outcome:
        """CHECK in the order of the list, up to the first error."""
        previous = self.results.get((container.id, ifname))
        for entry in self.network["plugins"]:
            outcome = self.call("CHECK", entry, container, ifname, previous=previous, **options)
            if not outcome.ok:
                return outcome
        return DONE

    def sweep(self, document: Mapping[str, Any]) -> Outcome:
        """GC; `document` holds the list of survivors, under whatever keys."""
        outcome = DONE
        for entry in self.network["plugins"]:
            outcome = self.call("GC", {**entry, **document}, None)
            if not outcome.ok:
                return outcome
        return outcome

    def status(self) -> Outcome:
        """STATUS in the order of the list, up to the first error."""
        for entry in self.network["plugins"]:
            outcome = self.call("STATUS", entry, None)
            if not outcome.ok:
                return outcome
        return DONE

    @property
    def remembers(self) -> bool:
        """Runtimes send prevResult with DEL since 0.4.0."""
        return self.network.get("cniVersion", "0.1.0") not in ("0.1.0", "0.2.0", "0.3.0", "0.3.1")


def valid_attachments(*attachments: tuple[str, str]) -> dict[str, Any]:
    """The members a runtime adds for GC: the same list under the present and the older key."""
    listed = [{"containerID": container, "ifname": ifname} for container, ifname in attachments]
    return {"cni.dev/valid-attachments": listed, "cni.dev/attachments": listed}
