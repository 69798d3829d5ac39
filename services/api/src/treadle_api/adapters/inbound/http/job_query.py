"""The query of GET /v1/jobs: filters, the size of a page, and where it begins."""

from dataclasses import replace
from typing import Any

from starlette.datastructures import QueryParams

from treadle_api.adapters.inbound.http.callers import forbidden, require_queues
from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_api.adapters.inbound.http.query_parameters import read_moment, read_number, read_once
from treadle_api.application.caller import Caller
from treadle_domain.bounds import require_metadata, require_name
from treadle_domain.errors import InvalidValue
from treadle_domain.states import JobState
from treadle_domain.stored_job import TIME_FILTERS, JobQuery

_METADATA = "metadata."
_NAMES = ("queue", "type")
_NUMBERS = ("limit", "attempt_above")
_ONCE = frozenset({*_NAMES, *_NUMBERS, *TIME_FILTERS, "cursor"})


def read_job_query(params: QueryParams, caller: Caller, cursors: Cursors) -> JobQuery:
    """Raises InvalidValue naming the parameter, also for one that the list does not know, and Problem."""
    states = frozenset(map(_state, params.getlist("state")))
    once = read_once(params, _ONCE, repeated="state", prefix=_METADATA)
    query = JobQuery(namespace=caller.namespace, states=states, **_filters(once))
    query = replace(query, queue=_own_queue(caller, query.queue))
    cursor = once.get("cursor")
    return query if cursor is None else replace(query, after=cursors.read(query, cursor))


def _own_queue(caller: Caller, asked: str | None) -> str | None:
    """A caller that may use one queue need not name it, one that may use several has to: a page walks one index."""
    if asked is not None:
        require_queues(caller, asked)
    elif caller.queues is not None:
        own = sorted(caller.queues)
        if len(own) > 1:
            raise forbidden(f"This key may list one of its queues at a time: {', '.join(own)}.")
        return own[0]
    return asked


def _filters(once: dict[str, str]) -> dict[str, Any]:
    names = {name: once[name] for name in _NAMES if name in once}
    for name, value in names.items():
        require_name(name, value)
    pairs = once.items()
    metadata = {n.removeprefix(_METADATA): v for n, v in pairs if n.startswith(_METADATA)}
    require_metadata(metadata)
    numbers = {name: read_number(name, once[name]) for name in _NUMBERS if name in once}
    times = {name: read_moment(name, once[name]) for name in TIME_FILTERS if name in once}
    return {**names, **numbers, **times, "metadata": metadata}


def _state(value: str) -> JobState:
    try:
        return JobState(value)
    except ValueError:
        raise InvalidValue("state", f"must be one of {', '.join(JobState)}") from None
