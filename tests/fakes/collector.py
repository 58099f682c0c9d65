"""A collector of spans on a loopback port: takes OTLP over HTTP, as the real ones do. Needs the extra `otel`."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, slots=True)
class Sent:
    """A span with what its process says of itself."""

    span: Span
    resource: dict[str, str | int]


@dataclass
class Collector:
    """What has come in."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)
    """Cleared it takes requests in and says nothing."""

    @property
    def names(self) -> list[str]:
        return [each.span.name for each in self.sent]

    def take(self, path: str, body: bytes) -> None:
        """A request as it arrived."""
        self.paths.append(path)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {
                each.key: each.value.string_value or each.value.int_value for each in group.resource.attributes
            }
            self.sent += [Sent(span, attributes) for scope in group.scope_spans for span in scope.spans]


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector in threads of this process."""
    found = Collector()
    found.answers.set()

    class Handler(BaseHTTPRequestHandler):
        """Decodes what OpenTelemetry's exporters send."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if not found.answers.wait(60):
                return
            found.take(self.path, gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield found
    finally:
        found.answers.set()
        server.shutdown()
        server.server_close()
        serving.join()
