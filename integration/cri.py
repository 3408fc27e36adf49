# SPDX-License-Identifier: Apache-2.0
"""A client of Kubernetes' Container Runtime Interface; what it says on the wire stands in cri.proto."""
from __future__ import annotations

import os
import pathlib
from typing import Any

# What forks here are children that run another program at once: gRPC need not get ready for more.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc

from messages import compiled

SERVICE = "runtime.v1.RuntimeService"
PATIENCE_SECONDS = 120.0
#: A runtime that is started again is to be found again at once.
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 100),
           ("grpc.min_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]


class Refused(Exception):
    """A call that the runtime answered with an error."""

    def __init__(self, method: str, error: Any) -> None:
        super().__init__(f"{method}: {error.code().name}: {error.details()}")
        self.code: str = error.code().name


class Client:
    """Calls the methods of a runtime by their names; the members of the request are keywords."""

    def __init__(self, socket: pathlib.Path) -> None:
        self.messages = compiled("cri")
        self.channel = grpc.insecure_channel(f"unix://{socket}", OPTIONS)
        service = self.messages.DESCRIPTOR.services_by_name["RuntimeService"]
        self.calls = {method.name: self.prepare(method) for method in service.methods}

    def prepare(self, method: Any) -> Any:
        """The function that makes a request of one method, and the one that sends it."""
        kinds = [getattr(self.messages, each.name) for each in (method.input_type, method.output_type)]
        send = self.channel.unary_unary(f"/{SERVICE}/{method.name}", request_serializer=kinds[0].SerializeToString,
                                        response_deserializer=kinds[1].FromString)
        return kinds[0], send

    def __call__(self, method: str, patience: float = PATIENCE_SECONDS, **members: Any) -> Any:
        """One call; what the runtime says against it is a `Refused`."""
        make, send = self.calls[method]
        try:
            return send(make(**members), timeout=patience, wait_for_ready=True)
        except grpc.RpcError as error:
            raise Refused(method, error) from error

    def close(self) -> None:
        """Ends the connection."""
        self.channel.close()
