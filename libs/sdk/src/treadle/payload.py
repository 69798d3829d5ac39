"""Turns the JSON of a payload into what the handler's annotation asks for."""

import typing
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from types import SimpleNamespace
from typing import Any

import msgspec

from treadle.outcomes import Permanent

PayloadReader = Callable[[bytes], Any]

_MAX_PROBLEMS = 20


class PayloadInvalid(Permanent):
    """The payload does not fit the handler's annotation; no retry can mend that."""


def payload_reader(annotation: Any) -> PayloadReader:
    """Reads JSON text into `annotation`, or raises PayloadInvalid naming the field at fault.

    Any annotation that msgspec can read (dataclasses, TypedDict, dict, list, unions, datetime, UUID …) or that has
    pydantic in it; pydantic is imported only then. TypeError if the annotation can never be read.
    """
    return _pydantic_reader(annotation) if _asks_for_pydantic(annotation) else _plain(annotation)


def resolved(annotation: Any, names: dict[str, Any]) -> Any:
    """`annotation` with its strings (`from __future__ import annotations`) looked up in `names`.

    Alone, since the handler's other annotations may be importable for type checkers only.
    """
    holder = SimpleNamespace(__annotations__={"payload": annotation})
    return typing.get_type_hints(holder, globalns=names, include_extras=True)["payload"]


def _plain(annotation: Any) -> PayloadReader:
    if isinstance(msgspec.inspect.type_info(annotation), msgspec.inspect.CustomType):
        raise TypeError(f"{annotation!r} cannot be made from JSON")
    decode = msgspec.json.Decoder(annotation).decode

    def read(payload: bytes) -> Any:
        try:
            return decode(payload)
        except msgspec.DecodeError as problem:
            raise PayloadInvalid(f"the payload does not fit: {problem}") from None
        except RecursionError:
            raise PayloadInvalid("the payload is nested too deeply") from None

    return read


def _pydantic_reader(annotation: Any) -> PayloadReader:
    # Not at the top: it costs every executor 20 MB and 0.2 s, and most handlers do without.
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    adapter = TypeAdapter(annotation)

    def read(payload: bytes) -> Any:
        try:
            return adapter.validate_json(payload)
        except ValidationError as problem:
            details = problem.errors(include_url=False, include_context=False, include_input=False)
            lines = [
                f"{'.'.join(map(str, detail['loc'])) or 'payload'}: {detail['msg']}"
                for detail in details[:_MAX_PROBLEMS]
            ]
            raise PayloadInvalid("the payload does not fit: " + "; ".join(lines)) from None

    return read


def _asks_for_pydantic(annotation: Any) -> bool:
    seen: list[Any] = []
    waiting = [annotation]
    while waiting:
        part = waiting.pop()
        # A pydantic dataclass must not be taken for a plain one: its validators would be passed by.
        if hasattr(part, "__pydantic_validator__") or hasattr(part, "__get_pydantic_core_schema__"):
            return True
        if part not in seen:
            seen.append(part)
            waiting.extend(_parts_of(part))
    return False


def _parts_of(annotation: Any) -> Iterator[Any]:
    yield from typing.get_args(annotation)
    if isinstance(annotation, type) and (
        is_dataclass(annotation) or typing.is_typeddict(annotation)
    ):
        yield from typing.get_type_hints(annotation, include_extras=True).values()
