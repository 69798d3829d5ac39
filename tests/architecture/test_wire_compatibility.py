"""Services of this commit and of the last release understand each other: fields keep their numbers and types."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.checkout import ROOT, UNSHALLOW, commit_before, last_release
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc  # type: ignore[import-untyped]

FOLDER = "proto/treadle/store/v1"
INCLUDED_AS = "treadle_wire/store/v1"


def compiled(folder: Path) -> FileDescriptorSet:
    """The .proto files of a folder."""
    output = folder / "descriptors"
    files = [str(path) for path in sorted(folder.glob("*.proto"))]
    arguments = [f"-I{INCLUDED_AS}={folder}", f"--descriptor_set_out={output}", *files]
    assert protoc.main(["protoc", *arguments]) == 0
    return FileDescriptorSet.FromString(output.read_bytes())


def of_commit(commit: str, folder: Path) -> FileDescriptorSet:
    for path in _git("ls-tree", "--name-only", commit, f"{FOLDER}/").split():
        (folder / Path(path).name).write_text(_git("show", f"{commit}:{path}"))
    return compiled(folder)


def of_today(folder: Path) -> FileDescriptorSet:
    for path in (ROOT / FOLDER).glob("*.proto"):
        (folder / path.name).write_text(path.read_text())
    return compiled(folder)


def _git(*words: str) -> str:
    told = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"{told.stderr}in a shallow clone: {UNSHALLOW}"
    return told.stdout


def breaks(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
    """What one side says and the other would misread."""
    messages, today = dict(_messages(old)), dict(_messages(new))
    enums, enums_today = dict(_enums(old)), dict(_enums(new))
    methods_today = set(_methods(new))
    return [
        *(f"{method} is gone or takes another message" for method in set(_methods(old)) - methods_today),
        *(f"{name} is gone" for name in (messages.keys() - today) | (enums.keys() - enums_today)),
        *(said for name in messages.keys() & today for said in _fields(name, messages[name], today[name])),
        *(said for name in enums.keys() & enums_today for said in _values(name, enums[name], enums_today[name])),
    ]  # fmt: skip


def _fields(name: str, old: DescriptorProto, new: DescriptorProto) -> Iterator[str]:
    today = {field.number: _shape(field, new) for field in new.field}
    reserved = {n for part in new.reserved_range for n in range(part.start, part.end)}
    for field in old.field:
        if field.number in today:
            if today[field.number] != _shape(field, old):
                yield f"{name}: {field.number} was {field.name}, and is another field"
        elif field.number not in reserved:
            yield f"{name}: {field.name} = {field.number} is gone, and its number is not reserved"


def _shape(field: FieldDescriptorProto, message: DescriptorProto) -> tuple[object, ...]:
    oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
    return field.name, field.type, field.type_name, field.label, oneof


def _values(name: str, old: EnumDescriptorProto, new: EnumDescriptorProto) -> Iterator[str]:
    today = {value.number: value.name for value in new.value}
    reserved = {n for part in new.reserved_range for n in range(part.start, part.end + 1)}
    for value in old.value:
        if today.get(value.number) != value.name and value.number not in reserved:
            yield f"{name}: {value.name} = {value.number} is gone or another"


def _messages(files: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    def nested(prefix: str, found: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        yield f"{prefix}{found.name}", found
        for inner in found.nested_type:
            yield from nested(f"{prefix}{found.name}.", inner)

    for file in files.file:
        for message in file.message_type:
            yield from nested("", message)


def _enums(files: FileDescriptorSet) -> Iterator[tuple[str, EnumDescriptorProto]]:
    for file in files.file:
        yield from ((enum.name, enum) for enum in file.enum_type)
    for name, message in _messages(files):
        yield from ((f"{name}.{enum.name}", enum) for enum in message.enum_type)


def _methods(files: FileDescriptorSet) -> Iterator[str]:
    for file in files.file:
        for service in file.service:
            for method in service.method:
                yield f"{service.name}.{method.name}({method.input_type}) -> {method.output_type}"


@pytest.mark.parametrize("before", [commit_before, last_release])
def test_what_the_release_before_says_is_understood(
    before: Callable[[], str], tmp_path: Path
) -> None:
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()

    old, new = of_commit(before(), folders[0]), of_today(folders[1])

    assert len(list(_messages(old))) > 20
    assert breaks(old, new) == []


def of_text(text: str, folder: Path) -> FileDescriptorSet:
    folder.mkdir()
    (folder / "a.proto").write_text(f'syntax = "proto3";\n{text}')
    return compiled(folder)


BEFORE = """
enum Kind { KIND_UNSPECIFIED = 0; KIND_ONE = 1; }
message Answer { string id = 1; oneof said { int64 size_us = 2; Kind kind = 3; } }
message Asked { string id = 1; }
service Store { rpc Ask(Asked) returns (Answer); }
"""


@pytest.mark.parametrize(
    ("was", "is_now", "told"),
    [
        ("string id = 1; oneof", "oneof", "id = 1 is gone"),
        ("string id = 1; oneof", "string id = 4; oneof", "id = 1 is gone"),
        ("string id = 1; oneof", "bytes id = 1; oneof", "1 was id"),
        ("string id = 1; oneof", "repeated string id = 1; oneof", "1 was id"),
        ("string id = 1; oneof", "optional string id = 1; oneof", "1 was id"),
        ("string id = 1; oneof", "string name = 1; oneof", "1 was id"),
        ("string id = 1; oneof", "oneof said2 { string id = 1; } oneof", "1 was id"),
        ("Kind kind = 3; } }", "} Asked kind = 3; }", "3 was kind"),
        ("KIND_ONE = 1;", "KIND_ONE = 2;", "KIND_ONE = 1"),
        ("rpc Ask(Asked)", "rpc Ask(Answer)", "Store.Ask"),
        ("rpc Ask(Asked) returns (Answer);", "", "Store.Ask"),
    ],
)
def test_what_it_would_misread_is_told(was: str, is_now: str, told: str, tmp_path: Path) -> None:
    old = of_text(BEFORE, tmp_path / "old")
    new = of_text(BEFORE.replace(was, is_now), tmp_path / "new")

    [said] = breaks(old, new)

    assert told in said


def test_what_is_new_and_what_is_reserved_breaks_nothing(tmp_path: Path) -> None:
    grown = BEFORE.replace("string id = 1; oneof", "reserved 1; bytes key = 5; oneof")
    grown = grown.replace("KIND_ONE = 1;", "KIND_ONE = 1; KIND_TWO = 2;")

    assert breaks(of_text(BEFORE, tmp_path / "old"), of_text(grown, tmp_path / "new")) == []
