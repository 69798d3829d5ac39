"""Whether spans are wanted, by the standard environment of OpenTelemetry. If not, nothing of its SDK is imported."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from treadle_wire.spans import Tracing

_log = structlog.get_logger()

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def open_tracing(service: str) -> "Tracing | None":
    """To be closed."""
    if not is_asked_for(os.environ):
        return None
    from treadle_wire.spans import Tracing  # noqa: PLC0415 - who traces nothing has nothing of it

    return Tracing(service)


def close_tracing(tracing: "Tracing | None") -> None:
    if tracing is not None:
        tracing.close()


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """An empty variable is as good as none."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter not in {"", "otlp", "none"}:
        _log.warning("traces: only OTLP is spoken", OTEL_TRACES_EXPORTER=exporter)
    return exporter == "otlp" or (not exporter and any(map(environment.get, _ENDPOINTS)))
