"""A number of the wire says what it counts: time in microseconds by its name, the rest by a list that is kept here."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from treadle_wire.store.v1 import api_keys_pb2, job_pb2, job_store_pb2

PROTO_FOLDER = Path(__file__).parents[3] / "proto" / "treadle" / "store" / "v1"
FIELD = re.compile(
    r"^\s*(?:optional |repeated )?(?:map<.+?>|[\w.]+) (?P<name>\w+) = \d+;(?P<comment>.*)$",
    re.MULTILINE,
)
NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_DOUBLE,
    FieldDescriptor.CPPTYPE_FLOAT,
}
NOT_TIME = {
    "ready",
    "retrying",
    "running",
    "scheduled",
    "attempt",
    "attempt_above",
    "fence",
    "fence_base",
    "fraction",
    "free",
    "heartbeat_number",
    "interruptions",
    "jitter",
    "limit",
    "losses",
    "max_attempts",
    "multiplier",
    "number",
    "priority",
    "rate_limit_per_second",
    "snoozes",
    "version",
}
IN_MILLISECONDS = {"rank"}


def messages_of(found: Iterator[Descriptor]) -> Iterator[Descriptor]:
    for message in found:
        yield message
        yield from messages_of(iter(message.nested_types))


def all_messages() -> Iterator[Descriptor]:
    for file in (api_keys_pb2.DESCRIPTOR, job_pb2.DESCRIPTOR, job_store_pb2.DESCRIPTOR):
        yield from messages_of(iter(file.message_types_by_name.values()))


def fields_that_are_numbers() -> list[FieldDescriptor]:
    return [
        field for message in all_messages() for field in message.fields if field.cpp_type in NUMBERS
    ]


def comments() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in PROTO_FOLDER.glob("*.proto"):
        for field in FIELD.finditer(file.read_text()):
            found.setdefault(field["name"], []).append(field["comment"])
    return found


@pytest.mark.parametrize("field", fields_that_are_numbers(), ids=lambda field: str(field.full_name))
def test_a_number_of_time_has_its_unit_in_its_name(field: FieldDescriptor) -> None:
    is_time = field.name.endswith("_us")

    assert is_time or field.name in NOT_TIME | IN_MILLISECONDS
    assert not is_time or field.cpp_type == FieldDescriptor.CPPTYPE_INT64


def test_a_number_of_time_has_its_unit_in_its_comment() -> None:
    for name, said in comments().items():
        for comment in said:
            assert "microseconds" in comment or not name.endswith("_us"), name
            assert "milliseconds" in comment or name not in IN_MILLISECONDS, name


def test_the_files_were_read_whole() -> None:
    written = (message for message in all_messages() if not message.GetOptions().map_entry)

    names = {field.name for message in written for field in message.fields}

    assert names == set(comments())
