"""New jobs as columns: what they have in common is there once."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_domain.submission import Submission
from treadle_store.adapters.outbound.postgres.rows import (
    SAME,
    Values,
    columns_of,
    text_of,
    values_of,
)

Rows = tuple[frozenset[str], Values]
"""The names of the columns that differ, and the parameters with these names: arrays for them, else single values."""

_OF_JOBS = [field.name for field in fields(Job)]
_KEYS = ("idempotency", "unique", "on_conflict")
_OF_SUBMISSIONS = [field.name for field in fields(Submission) if field.name not in _KEYS]
FRESH = columns_of(
    {field.name for field in fields(Job) if field.default is not MISSING}
    - {field.name for field in fields(Submission)}
)
"""Columns of a new job that no submission can change."""
_ANY_TIME = datetime.fromtimestamp(0, UTC)


def new_rows(new: Sequence[StoredJob]) -> Rows:
    """Of `add_live`."""
    jobs = [stored.job for stored in new]
    differing = _differing(jobs, _OF_JOBS)
    converted = columns_of(name for name in differing if name not in SAME)
    rows = [values_of(job) for job in jobs] if converted else []
    return _rows(
        values_of(jobs[0]),
        {name: [*column] for name, column in differing.items() if name in SAME},
        {name: [row[name] for row in rows] for name in converted},
        {"id": [job.id for job in jobs], "payload": [text_of(stored.payload) for stored in new]},
    )


def plain_rows(new: Sequence[NewJob]) -> Rows:
    """Of `add_plain`, which makes the times and the rank of them: of a job's own only what was said of its start."""
    said = [each.submission for each in new]
    differing = _differing(said, _OF_SUBMISSIONS)
    options = columns_of(("requested", "policy")) if differing.pop("options", None) else ()
    rows = [values_of(Job.submitted(each, _ANY_TIME)) for each in said] if options else []
    return _rows(
        values_of(Job.submitted(said[0], _ANY_TIME)),
        {"run_at": said[0].run_at, "delay": said[0].delay},
        {name: [*column] for name, column in differing.items()},
        {name: [row[name] for row in rows] for name in options},
        {"id": [each.id for each in said], "payload": [text_of(each.payload) for each in new]},
    )


def _differing(things: Sequence[Any], names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """The fields in which they are not all equal, with the values of all."""
    by_field = zip(names, zip(*map(attrgetter(*names), things), strict=True), strict=True)
    return {name: values for name, values in by_field if values.count(values[0]) < len(things)}


def _rows(same: Values, *parts: Values) -> Rows:
    """Rows are counted by the arrays of the last part, so they come as such also where there is one."""
    arrays = {n: v for part in parts for n, v in part.items() if isinstance(v, list)}
    values = {n: v for part in (same, *parts) for n, v in part.items()}
    return frozenset(arrays), {f"p_{name}": value for name, value in values.items()}
