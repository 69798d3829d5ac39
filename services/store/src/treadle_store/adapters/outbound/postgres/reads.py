"""The statements that read jobs; each sees live and finished ones in one snapshot, so a moving job is never missed."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    select,
    tuple_,
    union_all,
)

from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.outbound.postgres.tables import finished_jobs, live_jobs


def job_columns(table: Table) -> list[Column[Any]]:
    return [c for c in table.columns if type(c.type) is not JSON]


def _stored_columns(table: Table) -> list[ColumnElement[Any]]:
    texts = [cast(c, Text).label(c.name) for c in table.columns if type(c.type) is JSON]
    return [*job_columns(table), *texts]


def _of_ids(table: Table, columns: list[Any]) -> Select[Any]:
    return select(*columns).where(table.c.id == any_(bindparam("ids", type_=ARRAY(Uuid()))))


def _of_namespace(table: Table, columns: list[Any]) -> Select[Any]:
    return _of_ids(table, columns).where(table.c.namespace == bindparam("namespace"))


FIND_ANYWHERE = union_all(
    _of_ids(live_jobs, job_columns(live_jobs)), _of_ids(finished_jobs, job_columns(finished_jobs))
)
FIND = union_all(
    _of_namespace(live_jobs, job_columns(live_jobs)),
    _of_namespace(finished_jobs, job_columns(finished_jobs)),
)
FIND_STORED = union_all(
    _of_namespace(live_jobs, _stored_columns(live_jobs)),
    _of_namespace(finished_jobs, _stored_columns(finished_jobs)),
)

FIND_ENDED = _of_namespace(finished_jobs, _stored_columns(finished_jobs)).limit(bindparam("limit"))


def page(query: JobQuery) -> CompoundSelect[Any]:
    """One row more than the limit tells that another page follows."""
    tables = [t for t in (live_jobs, finished_jobs) if _may_hold(t, query)]
    parts = [select(_page_of(table, query).subquery()) for table in tables]
    whole = union_all(*parts)
    newest = [whole.selected_columns.created_at.desc(), whole.selected_columns.id.desc()]
    return whole.order_by(*newest).limit(query.limit + 1)


def _may_hold(table: Table, query: JobQuery) -> bool:
    states = query.states
    return not states or any(state.is_final == (table is finished_jobs) for state in states)


def _page_of(table: Table, query: JobQuery) -> Select[Any]:
    statement = select(*job_columns(table)).where(table.c.namespace == query.namespace)
    if query.states:
        statement = statement.where(table.c.state.in_([state.value for state in query.states]))
    if query.queue is not None:
        statement = statement.where(table.c.queue == query.queue)
    if query.type is not None:
        statement = statement.where(table.c.type == query.type)
    if query.metadata:
        statement = statement.where(table.c.metadata.contains(dict(query.metadata)))
    place = tuple_(table.c.created_at, table.c.id)
    if query.after is not None:
        statement = statement.where(place < tuple_(query.after.created_at, query.after.job_id))
    newest = [table.c.created_at.desc(), table.c.id.desc()]
    return statement.order_by(*newest).limit(query.limit + 1)
