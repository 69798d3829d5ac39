"""The query of GET /v1/jobs: filters, the size of a page, and where it begins."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_api.adapters.inbound.http.schemas import read_time
from treadle_domain.bounds import printable, require_metadata, require_name
from treadle_domain.errors import InvalidValue
from treadle_domain.states import JobState
from treadle_domain.stored_job import TIME_FILTERS, JobQuery

_METADATA = "metadata."
_NAMES = ("queue", "type")
_NUMBERS = ("limit", "attempt_above")
_ONCE = frozenset({*_NAMES, *_NUMBERS, *TIME_FILTERS, "cursor"})
_LONGEST_NUMBER = 9
_SHOWN_CHARS = 140


def read_job_query(params: QueryParams, namespace: str, cursors: Cursors) -> JobQuery:
    """Raises InvalidValue naming the parameter, also for one that the list does not know."""
    once: dict[str, str] = {}
    states = set()
    for name, value in params.multi_items():
        if name == "state":
            states.add(_state(value))
        elif name in once:
            raise InvalidValue(_shown(name), "must be given once")
        elif name in _ONCE or name.startswith(_METADATA):
            once[name] = value
        else:
            raise InvalidValue(_shown(name), "is not a parameter of this list")
    query = JobQuery(namespace=namespace, states=frozenset(states), **_filters(once))
    cursor = once.get("cursor")
    return query if cursor is None else replace(query, after=cursors.read(query, cursor))


def _filters(once: dict[str, str]) -> dict[str, Any]:
    names = {name: once[name] for name in _NAMES if name in once}
    for name, value in names.items():
        require_name(name, value)
    pairs = once.items()
    metadata = {n.removeprefix(_METADATA): v for n, v in pairs if n.startswith(_METADATA)}
    require_metadata(metadata)
    numbers = {name: _number(name, once[name]) for name in _NUMBERS if name in once}
    times = {name: _time(name, once[name]) for name in TIME_FILTERS if name in once}
    return {**names, **numbers, **times, "metadata": metadata}


def _state(value: str) -> JobState:
    try:
        return JobState(value)
    except ValueError:
        raise InvalidValue("state", f"must be one of {', '.join(JobState)}") from None


def _time(name: str, value: str) -> datetime:
    try:
        return read_time(value)
    except ValueError as error:
        raise InvalidValue(name, str(error)) from None


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER):
        raise InvalidValue(name, "must be a whole number")
    return int(value)


def _shown(name: str) -> str:
    return printable(name[:_SHOWN_CHARS])
