"""New jobs as columns: what they have in common is there once."""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from treadle_domain.job import Job
from treadle_domain.stored_job import StoredJob
from treadle_store.adapters.outbound.postgres.rows import (
    SAME,
    Values,
    columns_of,
    text_of,
    values_of,
)

_FIELDS = [field.name for field in fields(Job)]
_fields_of = attrgetter(*_FIELDS)


def new_rows(new: Sequence[StoredJob]) -> tuple[frozenset[str], Values]:
    """The names of the columns that differ, and the parameters of `add_live` with these names."""
    jobs = [stored.job for stored in new]
    first = values_of(jobs[0])
    differing = _differing(jobs)
    arrays = {name: [*column] for name, column in differing.items() if name in SAME}
    converted = columns_of(name for name in differing if name not in SAME)
    if converted:
        rows = [values_of(job) for job in jobs]
        arrays |= {name: [row[name] for row in rows] for name in converted}
    # Rows are counted by these.
    arrays["id"] = [job.id for job in jobs]
    arrays["payload"] = [text_of(stored.payload) for stored in new]
    return frozenset(arrays), {f"p_{name}": value for name, value in (first | arrays).items()}


def _differing(jobs: Sequence[Job]) -> dict[str, tuple[Any, ...]]:
    """The fields in which they are not all equal, with the values of all."""
    by_field = zip(_FIELDS, zip(*map(_fields_of, jobs), strict=True), strict=True)
    return {name: values for name, values in by_field if values.count(values[0]) < len(jobs)}
