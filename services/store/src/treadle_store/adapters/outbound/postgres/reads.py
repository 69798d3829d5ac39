"""The statements that read jobs; each sees live and finished ones in one snapshot, so a moving job is never missed."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    Select,
    Table,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    select,
    union_all,
)

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
