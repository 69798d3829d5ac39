"""Two members of one object with the same name: nobody can know which one counts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api.conftest import Api

from treadle_api.adapters.inbound.http.problems import Problem
from treadle_api.adapters.inbound.http.unique_names import require_unique_names


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"type":"echo","type":"mail"}', "type"),
        (b'{"type":"echo","payload":{"a":1,"a":2}}', "payload.a"),
        (b'{"type":"echo","payload":[0,{"b":[{"a":1,"x":{},"a":1}]}]}', "payload.1.b.0.a"),
        (b'{"type":"echo","payload":{"a":1,"\\u0061":2}}', "payload.a"),
        (b'{"type":"echo","payload":{"":1,"":2}}', "payload."),
        (b'{"type":"echo","metadata":{"k":"1","k":"2"}}', "metadata.k"),
        (b'{"type":"echo","payload":{"k" :1,\r\n"k"\t: 2}}', "payload.k"),
        (b'{"type":"echo","payload":{"a":"b",":x":1,":x":2}}', "payload.:x"),
        (b'{"type":"echo","unknown":{"k":1,"k":1}}', "unknown.k"),
        (b'{"type":"echo","payload":{"a":' + b"9" * 5_000 + b',"a":1e400}}', "payload.a"),
    ],
)
async def test_it_is_refused_with_its_place(api: Api, body: bytes, path: str) -> None:
    response = await api.post_text(body)

    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error == {"field": path, "message": "is there twice in its object"}


members = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | members,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_what_has_no_twins_passes(value: Any) -> None:
    require_unique_names(json.dumps(value).encode())
    require_unique_names(json.dumps(value, ensure_ascii=False).encode())


@given(values, st.text(max_size=5), st.integers(0, 20))
def test_a_twin_is_found_at_any_depth(value: Any, name: str, depth: int) -> None:
    key = json.dumps(name, ensure_ascii=False)
    text = f"[{json.dumps(value)}, {{{key}: 1, {key}: {json.dumps(value)}}}]"
    for _ in range(depth):
        text = f'{{"deeper": [{text}]}}'

    with pytest.raises(Problem):
        require_unique_names(text.encode())
