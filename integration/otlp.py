# SPDX-License-Identifier: Apache-2.0
"""A collector of traces, and what it got."""
from __future__ import annotations

from typing import Any

from google.protobuf import json_format

from messages import compiled

#: A collector of spans that is busy at first.
COLLECTOR = """
import http.server, json, sys
kept, refusals = sys.argv[1], int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        global refusals
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 503 if refusals > 0 else 200
        refusals -= 1
        with open(kept, "a") as file:
            file.write(json.dumps({"status": status, "path": self.path, "type": self.headers["Content-Type"],
                                   "body": json.loads(body)}) + "\\n")
        answer = b'{"partialSuccess": {}}'
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *unused):
        pass
server = http.server.HTTPServer(("127.0.0.1", 4318), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def spans_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans in what a collector got, which has nothing in it but what the protocol has."""
    json_format.ParseDict(request["body"], compiled("otlp").ExportTraceServiceRequest())
    resource, = request["body"]["resourceSpans"]
    scope, = resource["scopeSpans"]
    assert {"key": "service.name", "value": {"stringValue": "culvert"}} in resource["resource"]["attributes"]
    return scope["spans"]
