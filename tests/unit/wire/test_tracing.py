"""When spans are wanted, as the environment of OpenTelemetry has it."""

from collections.abc import Mapping

import pytest

from treadle_wire.tracing import is_asked_for

AT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    "environment",
    [
        AT,
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {**AT, "OTEL_SDK_DISABLED": "false"},
    ],
)
def test_they_are_where_a_collector_is_named(environment: Mapping[str, str]) -> None:
    assert is_asked_for(environment)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SERVICE_NAME": "jobs"},
        {**AT, "OTEL_TRACES_EXPORTER": "none"},
        {**AT, "OTEL_TRACES_EXPORTER": "zipkin"},
        {**AT, "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_they_are_not_otherwise(environment: Mapping[str, str]) -> None:
    assert not is_asked_for(environment)
