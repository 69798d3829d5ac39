from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

import pydantic
import pytest

from treadle import Handlers, JobContext
from treadle.payload import PayloadInvalid, PayloadReader


@dataclass
class Plain:
    number: int


class Model(pydantic.BaseModel):
    number: int


class Typed(TypedDict):
    number: int


@dataclass
class HoldsModel:
    inner: list[Model]


def reader_for(annotation: Any) -> PayloadReader:
    def handler(payload: Any) -> None: ...

    handler.__annotations__["payload"] = annotation
    handlers = Handlers()
    handlers.register("a")(handler)
    return handlers.by_type["a"].payload_reader()


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (Plain, b'{"number": 1}', Plain(1)),
        (Model, b'{"number": 1}', Model(number=1)),
        (Typed, b'{"number": 1}', {"number": 1}),
        (HoldsModel, b'{"inner": [{"number": 1}]}', HoldsModel([Model(number=1)])),
        (dict[str, int], b'{"a": 1}', {"a": 1}),
        (Plain | None, b"null", None),
        (datetime, b'"2026-01-02T03:04:05"', datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001
        ("Plain", b'{"number": 1}', Plain(1)),
        (Any, b"[1]", [1]),
        (None, b"null", None),
    ],
)
def test_a_payload_becomes_what_the_annotation_asks_for(
    annotation: Any, text: bytes, expected: Any
) -> None:
    read = reader_for(annotation)

    payload = read(text)

    assert payload == expected


@pytest.mark.parametrize("annotation", [Plain, Model, Typed])
@pytest.mark.parametrize("text", [b'{"number": "x"}', b"{}", b"null", b"{", b"[" * 100_000])
def test_a_payload_that_does_not_fit_is_named(annotation: Any, text: bytes) -> None:
    read = reader_for(annotation)

    with pytest.raises(PayloadInvalid, match="the payload"):
        read(text)


@pytest.mark.parametrize("annotation", ["Missing", object, JobContext])
def test_an_annotation_that_cannot_be_read_is_refused_when_loading(annotation: Any) -> None:
    with pytest.raises(TypeError, match="handler"):
        reader_for(annotation)
