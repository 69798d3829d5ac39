"""Objects whose members have names of their own: RFC 8259 leaves open which of two equal ones counts."""

import json
from typing import Any, NoReturn

from treadle_api.adapters.inbound.http.problems import FieldError, invalid


def require_unique_names(text: bytes) -> None:
    """Of well-formed JSON in UTF-8, however long its numbers are. Raises Problem with the path of the second member.

    Text nested too deep to be looked at is left to whoever bounds the nesting.
    """
    if text.count(b":") < 2 or _has_unique_names(text):
        return
    try:
        _LOOK.decode(text.decode())
    except _Twin:
        _refuse(text)
    except RecursionError:
        return


def _has_unique_names(text: bytes) -> bool:
    """Whether no two members of the whole text have the same name: a quick look, for the many texts of which that is
    true. Without escapes every other part between quotes is a string, and a name if a colon follows."""
    if b"\\" in text:
        return False
    parts = text.split(b'"')
    followed = zip(parts[1::2], parts[2::2], strict=True)
    names = [string for string, rest in followed if rest.lstrip(_SPACE).startswith(b":")]
    return len(set(names)) == len(names)


_SPACE = b" \t\r\n"


class _Twin(Exception):
    pass


class _Members(list[tuple[str, Any]]):
    """Of an object."""


def _drop(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) < len(members):
        raise _Twin


# Nothing is kept, and numbers are not read: `len` is as good as any other function of their text.
_LOOK = json.JSONDecoder(object_pairs_hook=_drop, parse_int=len, parse_float=len)
_KEEP = json.JSONDecoder(object_pairs_hook=_Members, parse_int=len, parse_float=len)


def _refuse(text: bytes) -> NoReturn:
    path = _twin_in(_KEEP.decode(text.decode())) or ()
    raise invalid(FieldError(".".join(path), "is there twice in its object"))


def _twin_in(value: Any) -> tuple[str, ...] | None:
    """The path of the first member with the name of an earlier one."""
    if isinstance(value, _Members):
        names = set[str]()
        for name, _ in value:
            if name in names:
                return (name,)
            names.add(name)
        parts = value
    elif isinstance(value, list):
        parts = _Members((str(index), part) for index, part in enumerate(value))
    else:
        return None
    for name, part in parts:
        if (path := _twin_in(part)) is not None:
            return (name, *path)
    return None
