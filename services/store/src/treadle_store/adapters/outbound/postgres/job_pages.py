"""A page of a list: one statement, whose work is bounded whatever is asked for and however long the history is.

Live and finished jobs are walked in the order of the list, by an index, SCANNED rows of each at most: where a walk ends
before the page is full, the page ends too, and the next one goes on from there. Where no index has the order and the
jobs of a filter are FEW, all of them are read. One statement sees one snapshot: a job that moves is in exactly one
table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Row,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.base import ColumnCollection

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobPage, JobQuery, Position
from treadle_store.adapters.outbound.postgres.reads import job_columns
from treadle_store.adapters.outbound.postgres.rows import jobs_of
from treadle_store.adapters.outbound.postgres.tables import finished_jobs, held, live_jobs

SCANNED = 10_000
FEW = 1_000

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_FINAL = frozenset(state for state in JobState if state.is_final)
_ALL = frozenset(JobState)
_LIVE = _ALL - _FINAL
_BAD = frozenset({JobState.FAILED, JobState.CANCELLED})
"""Indexes by state leave the successes out: nearly all jobs are, so they would cost much and find nothing sooner."""

Said = frozenset[str]
Columns = ColumnCollection[str, Any]
Page = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Filters:
    """`said`: which columns must have what was asked for. `states` are written out, so that a partial index will do."""

    said: Said = frozenset()
    states: frozenset[JobState] = frozenset()

    def on(self, jobs: FromClause) -> Sequence[ColumnElement[bool]]:
        conditions = [_CONDITIONS[name](jobs.c) for name in sorted(self.said)]
        if self.states:
            words = [literal_column(f"'{state}'", Text()) for state in sorted(self.states)]
            conditions.append(or_(*(jobs.c.state == word for word in words)))
        return conditions


@dataclass(frozen=True, slots=True)
class Walk:
    """In the order of the list, by the index that has `by`. What the `rest` leaves out was looked at all the same."""

    by: Filters
    rest: Filters


def page_of(rows: Sequence[Row[Any]], limit: int) -> JobPage:
    """Of what `statement` found: up to the limit, or to the first place where a walk ended."""
    shown: list[Job] = []
    for row, job in zip(rows, jobs_of(rows), strict=True):
        if row.fits and len(shown) == limit:
            return JobPage(jobs=tuple(shown), next=_place(shown[-1].created_at, shown[-1].id))
        if row.fits:
            shown.append(job)
        if row.is_end_of_walk:
            return JobPage(jobs=tuple(shown), next=_place(row.created_at, row.id))
    return JobPage(jobs=tuple(shown), next=None)


def _place(created_at: datetime, job_id: UUID) -> Position:
    return Position(created_at=created_at, job_id=job_id)


def statement(query: JobQuery) -> Page | None:
    """None: no job can be in such a list. Queries that say the same kinds of filters share one statement."""
    said = {
        "queue": query.queue is not None,
        "type": query.type is not None,
        "metadata": bool(query.metadata),
        "attempt": query.attempt_above is not None,
        "finished_at": (query.finished_after, query.finished_before) != (None, None),
    }
    return _statement(query.states, frozenset(name for name, is_said in said.items() if is_said))


def values(query: JobQuery) -> Mapping[str, Any]:
    start = min(
        (query.after.created_at, query.after.job_id) if query.after else (_LAST, _HIGHEST),
        (query.created_before or _LAST, _LOWEST if query.created_before else _HIGHEST),
        # Nothing ends before it was made.
        (query.finished_before or _LAST, _LOWEST if query.finished_before else _HIGHEST),
    )
    return {
        "namespace": query.namespace,
        "queue": query.queue,
        "type": query.type,
        "metadata": dict(query.metadata),
        "attempt_above": query.attempt_above,
        "created_after": query.created_after or _FIRST,
        "start_at": start[0],
        "start_id": start[1],
        "finished_after": query.finished_after or _FIRST,
        "finished_before": query.finished_before or _LAST,
        "rows": query.limit + 1,
    }


@cache
def _statement(states: frozenset[JobState], said: Said) -> Page | None:
    parts = [*_of_live(states or _ALL, said), *_of_finished(states or _ALL, said)]
    if not parts:
        return None
    whole = union_all(*(select(part.subquery()) for part in parts))
    return whole.order_by(*_newest(whole.selected_columns)).limit(_ROWS)


def _of_live(states: frozenset[JobState], said: Said) -> Sequence[Select[Any]]:
    wanted = states & _LIVE
    if not wanted or "finished_at" in said:
        return []
    rest = Filters(said, _unless_all(wanted, _LIVE))
    if wanted == {JobState.RUNNING}:
        return [_all_of(live_jobs, select(held.c.job_id), rest)]
    walk = Walk(by=Filters(), rest=rest)
    if "queue" not in said:
        return [_walked(live_jobs, walk)]
    order = [live_jobs.c[name] for name in ("namespace", "queue", "priority", "rank", "id")]
    of_queue = select(live_jobs.c.id).where(*Filters(frozenset({"queue"})).on(live_jobs))
    return _all_of_few_or(live_jobs, of_queue.order_by(*order), rest, [walk])


def _of_finished(states: frozenset[JobState], said: Said) -> Sequence[Select[Any]]:
    wanted = states & _FINAL
    if not wanted:
        return []
    all_said = Filters(said, _unless_all(wanted, _FINAL))
    if wanted <= _BAD:
        walks = [Walk(Filters(states=frozenset({state})), Filters(said)) for state in wanted]
    else:
        # By one index only: what a second condition of it would skip would not be counted.
        by = said & {"type"} or said & {"queue"}
        walks = [Walk(Filters(by), Filters(said - by, all_said.states))]
    if "finished_at" not in said:
        return [_walked(finished_jobs, walk) for walk in walks]
    ended = Filters(frozenset({"finished_at"}), _BAD if wanted <= _BAD else frozenset())
    ids = select(finished_jobs.c.id).where(*ended.on(finished_jobs))
    return _all_of_few_or(finished_jobs, ids.order_by(finished_jobs.c.finished_at), all_said, walks)


def _unless_all(states: frozenset[JobState], of: frozenset[JobState]) -> frozenset[JobState]:
    return frozenset() if states == of else states


def _all_of_few_or(
    table: Table, ids: Select[Any], rest: Filters, walks: Sequence[Walk]
) -> Sequence[Select[Any]]:
    """PostgreSQL decides when it runs: what is not to be done is not begun."""
    few = _apart(ids.where(_in_namespace(table)).limit(FEW + 1), f"few_{table.name}")
    are_few = select(func.count()).select_from(few).scalar_subquery() <= FEW
    return [
        _all_of(table, select(few.c.id).where(are_few), rest),
        *(_walked(table, walk).where(not_(are_few)) for walk in walks),
    ]


def _all_of(table: Table, ids: Select[Any], rest: Filters) -> Select[Any]:
    given = func.array(ids.scalar_subquery(), type_=ARRAY(Uuid()))
    # Apart, so that nothing but the ids leads to them.
    found = _apart(select(*job_columns(table)).where(table.c.id == any_(given)), f"of_{table.name}")
    return (
        select(found, true().label("fits"), false().label("is_end_of_walk"))
        .where(_in_namespace(found), *_between(found), *rest.on(found))
        .order_by(*_newest(found.c))
        .limit(_ROWS)
    )


def _apart(found: Select[Any], name: str) -> CTE:
    return found.cte(name).prefix_with("MATERIALIZED")


def _walked(table: Table, walk: Walk) -> Select[Any]:
    newest = _newest(table.c)
    found = select(*job_columns(table)).where(
        _in_namespace(table), *walk.by.on(table), *_between(table)
    )
    rest = walk.rest.on(table)
    if not rest:
        unmarked = [true().label("fits"), false().label("is_end_of_walk")]
        return found.add_columns(*unmarked).order_by(*newest).limit(_ROWS)
    number = func.row_number().over(order_by=newest)
    marks = [and_(*rest).label("fits"), (number == SCANNED).label("is_end_of_walk")]
    walked = found.add_columns(*marks).order_by(*newest).limit(_SCANNED).subquery()
    return (
        select(walked)
        .where(or_(walked.c.fits, walked.c.is_end_of_walk))
        .order_by(*_newest(walked.c))
        .limit(_ROWS)
    )


def _in_namespace(jobs: FromClause) -> ColumnElement[bool]:
    return jobs.c.namespace == bindparam("namespace")


def _between(jobs: FromClause) -> Sequence[ColumnElement[bool]]:
    start = tuple_(bindparam("start_at"), bindparam("start_id", type_=Uuid()))
    return [
        tuple_(jobs.c.created_at, jobs.c.id) < start,
        jobs.c.created_at >= bindparam("created_after"),
    ]


def _newest(columns: Columns) -> Sequence[ColumnElement[Any]]:
    return [columns.created_at.desc(), columns.id.desc()]


_ROWS: ColumnElement[int] = bindparam("rows")
"""One more than the page may have tells that another follows."""
_SCANNED: ColumnElement[int] = literal_column(str(SCANNED))
_CONDITIONS: Mapping[str, Callable[[Columns], ColumnElement[bool]]] = {
    "queue": lambda c: c.queue == bindparam("queue"),
    "type": lambda c: c.type == bindparam("type"),
    "metadata": lambda c: c.metadata.contains(bindparam("metadata", type_=JSONB)),
    "attempt": lambda c: c.attempt > bindparam("attempt_above"),
    "finished_at": lambda c: and_(
        c.finished_at >= bindparam("finished_after"), c.finished_at < bindparam("finished_before")
    ),
}
