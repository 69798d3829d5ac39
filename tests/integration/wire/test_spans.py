"""Spans on their way to a collector."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from treadle_local.endpoints import free_port


class Collector(TraceServiceServicer):
    def __init__(self) -> None:
        self.taken: SimpleQueue[ExportTraceServiceRequest] = SimpleQueue()

    def Export(  # noqa: N802 - as the service has it
        self, request: ExportTraceServiceRequest, context: Any
    ) -> ExportTraceServiceResponse:
        self.taken.put(request)
        return ExportTraceServiceResponse()


_TELLS = """
import sys, time
from treadle_wire.spans import Tracing
tracing = Tracing("api")
for _ in range(int(sys.argv[1])):
    tracing.start("one", "SERVER", None, {}).end()
sys.stdin.read()
began = time.monotonic()
tracing.close()
print(time.monotonic() - began)
"""


def telling(spans: int, **environment: str) -> subprocess.Popen[str]:
    """A process that tells so many spans, and closes when its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", _TELLS, str(spans)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_collector_that_speaks_grpc_is_told() -> None:
    collector, server = Collector(), grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    process = telling(
        1,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_SERVICE_NAME="jobs",
        OTEL_BSP_SCHEDULE_DELAY="10",
    )

    [group] = collector.taken.get(timeout=20).resource_spans
    process.communicate(timeout=20)
    said = {each.key: each.value.string_value for each in group.resource.attributes}
    assert said["service.name"] == "jobs"
    assert [span.name for span in group.scope_spans[0].spans] == ["one"]
    server.stop(None)


def test_a_collector_that_is_away_is_not_waited_for_and_told_of_in_few_lines() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"

    process = telling(5_000, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    seconds, log = process.communicate(timeout=20)

    assert process.returncode == 0
    assert float(seconds) < 3
    assert len(log.splitlines()) < 5, log
