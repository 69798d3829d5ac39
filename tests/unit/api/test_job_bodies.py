"""A job means the same alone and in a batch."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle_api.adapters.inbound.http.job_body import read_alone, read_item
from treadle_api.adapters.inbound.http.json_text import fields_of
from treadle_api.adapters.inbound.http.problems import Problem, ProblemBody
from treadle_api.adapters.inbound.http.schemas import read_job
from treadle_domain.errors import InvalidValue
from treadle_domain.stored_job import NewJob

ID = UUID(int=7)
LIMIT = 100

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 1_001) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
keys = st.sampled_from(["key-1", "", "no spaces"]) | st.text(max_size=3)
numbers = st.integers(-1, 2_000) | st.floats() | st.sampled_from([0.001, 1e300, 315_360_000])
bodies = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["echo", "a.b:c-d_1", "no spaces", ""]) | anything,
        "payload": anything,
        "queue": st.sampled_from(["mail", "../x"]) | anything,
        "priority": st.integers(-1, 11) | anything,
        "delay_seconds": numbers | anything,
        "max_attempts": numbers | anything,
        "timeout_seconds": numbers | anything,
        "metadata": st.dictionaries(st.text(max_size=3), st.text(max_size=3)) | anything,
        "run_at": st.sampled_from(["2030-01-31T12:00:00Z", "now"]),
        "unknown": anything,
    },
)


def by_the_schema(text: bytes, key: str | None = None) -> Any:
    return said(lambda: read_job(fields_of(text), LIMIT, key).new_job(ID, "default"))


def alone(text: bytes, key: str | None = None) -> Any:
    return said(lambda: read_alone(text, ID, "default", LIMIT, key))


def in_a_batch(text: bytes) -> Any:
    return said(lambda: read_item(text, ID, "default", LIMIT))


def said(read: Callable[[], NewJob]) -> Any:
    try:
        return read()
    except Problem as problem:
        return problem.body("")
    except InvalidValue as error:
        return str(error)


@given(bodies)
def test_whatever_is_said(body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()

    assert alone(text) == in_a_batch(text) == by_the_schema(text)


@given(bodies, keys)
def test_whatever_is_said_with_a_key(body: dict[str, Any], key: str) -> None:
    text, with_key = (
        json.dumps(each).encode() for each in (body, {**body, "idempotency_key": key})
    )

    assert alone(text, key) == in_a_batch(with_key) == by_the_schema(text, key)
    assert isinstance(alone(with_key), ProblemBody)


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"echo","priority":2.0}',
        b'{"type":"echo","priority":true}',
        b'{"type":"echo","priority":"2"}',
        b'{"type":"echo","max_attempts":3.0}',
        b'{"type":"echo","delay_seconds":"5"}',
        b'{"type":"echo","delay_seconds":5,"run_at":"2030-01-31T12:00:00Z"}',
        b'{"type":"echo","timeout_seconds":1e999}',
        b'{"type":"echo","metadata":{"a":1}}',
        b'{"type":"echo","metadata":{"a":"\\u0000"}}',
        b'{"type":"echo","queue":null}',
        b'{"type":"ec\\u0068o"}',
        b'{"type":"echo","payload":[1,  2]}',
        b'{"type":"echo","payload":"' + b"x" * LIMIT + b'"}',
        b'\xef\xbb\xbf{"type":"echo"}',
    ],
)
def test_also_what_is_rare(text: bytes) -> None:
    assert alone(text) == in_a_batch(text) == by_the_schema(text)
