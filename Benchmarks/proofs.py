# SPDX-License-Identifier: Apache-2.0
"""Proofs that a packet filter does what was asked, looked for after every ADD and every DEL."""

import re

import host


class Unproved:
    """For bare kernel work, which is of use to nobody."""

    def added(self, contestant, container, result):
        """Every request was checked when it was made."""

    def deleted(self, contestant, container, result):
        """The same."""


class Masquerade:
    """The proof that a container reaches the world."""

    def added(self, contestant, container, result):
        contestant.site.require_masquerade(container)

    def deleted(self, contestant, container, result):
        """There is no packet to try it with: the container's interface is gone."""


class Published:
    """The proof that the world reaches a container, and no longer."""

    def __init__(self, port):
        self._port = port
        self._listeners = {}

    def added(self, contestant, container, result):
        listener = self._listeners[container.namespace] = host.listen(container.namespace, self._port)
        contestant.site.require_published(self._port, listener)

    def deleted(self, contestant, container, result):
        with self._listeners.pop(container.namespace) as listener:
            contestant.site.require_closed(self._port, listener)


class PublishedMasquerade(Published):
    """The proof that world and container reach each other."""

    def added(self, contestant, container, result):
        super().added(contestant, container, result)
        contestant.site.require_masquerade(container)


class Listed:
    """The proof that the packet filters know a container's address, and no longer."""

    def added(self, contestant, container, result):
        if not self._lists(contestant, result):
            raise RuntimeError(f"{contestant.name}: ADD succeeded and no rule knows {result['ips']}")

    def deleted(self, contestant, container, result):
        if self._lists(contestant, result):
            raise RuntimeError(f"{contestant.name}: DEL succeeded and a rule still knows {result['ips']}")

    @staticmethod
    def _lists(contestant, result):
        address = re.escape(result["ips"][0]["address"].split("/")[0])
        return re.search(rf"(?<![\d.]){address}(?![\d.])", contestant.site.rules())
