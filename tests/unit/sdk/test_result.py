import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pydantic
import pytest

from treadle.result import (
    MAX_RESULT_BYTES,
    ResultNotSerializable,
    ResultTooLarge,
    encode_result,
)

ID = UUID("00000000-0000-4000-8000-000000000001")


@dataclass
class Summary:
    rows: int
    at: date


class Model(pydantic.BaseModel):
    at: datetime


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, None),
        ({"a": [1, 2.5, True, "ä"]}, {"a": [1, 2.5, True, "ä"]}),
        (Summary(1, date(2026, 1, 2)), {"rows": 1, "at": "2026-01-02"}),
        ([Model(at=datetime(2026, 1, 2, tzinfo=UTC))], [{"at": "2026-01-02T00:00:00Z"}]),
        (time(3, 4), "03:04:00"),
        (ID, str(ID)),
        ("\ud83d\ude00", "\U0001f600"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_a_result_becomes_json(result: Any, expected: Any) -> None:
    encoded = encode_result(result)

    assert json.loads(encoded) == expected


def circle() -> list[Any]:
    result: list[Any] = []
    result.append(result)
    return result


@pytest.mark.parametrize(
    "result", [object(), {1, 2}, b"x", float("inf"), {(1, 2): 3}, Summary, circle()]
)
def test_what_json_cannot_hold_is_refused(result: Any) -> None:
    with pytest.raises(ResultNotSerializable):
        encode_result(result)


def test_a_result_may_be_as_large_as_the_limit_and_no_larger() -> None:
    largest = "x" * (MAX_RESULT_BYTES - 2)

    encoded = encode_result(largest)

    assert len(encoded) == MAX_RESULT_BYTES
    with pytest.raises(ResultTooLarge):
        encode_result(largest + "x")
