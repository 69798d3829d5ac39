"""The statements that change jobs, each built once from the tables; each takes its rows as arrays, one per column."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    Delete,
    Insert,
    Integer,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Update,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.sql.dml import ReturningDelete
from sqlalchemy.types import TypeEngine

from treadle_store.adapters.outbound.postgres.rows import Values
from treadle_store.adapters.outbound.postgres.tables import (
    attempts,
    finished_jobs,
    held,
    live_jobs,
)

_EXPECTED: Column[int] = Column("expected_version", Integer)


def parameters(rows: Sequence[Values]) -> dict[str, list[Any]]:
    """Of any statement here: one array per column of the rows, under its name with `p_` before it."""
    return {f"p_{name}": [row[name] for row in rows] for name in rows[0]}


def _given(columns: Iterable[Column[Any]]) -> TableValuedAlias:
    """The rows that come as parameters."""
    sent = [(c.name, _sent_as(c)) for c in columns]
    arrays = [bindparam(f"p_{name}", type_=ARRAY(kind)) for name, kind in sent]
    derived = func.unnest(*arrays).table_valued(*(column(*pair) for pair in sent))
    return derived.render_derived(name="given")


def _sent_as(column: Column[Any]) -> TypeEngine[Any]:
    """JSON goes as its text, so that nothing but PostgreSQL parses it."""
    return Text() if type(column.type) is JSON else column.type


def _value(given: TableValuedAlias, column: Column[Any]) -> ColumnElement[Any]:
    sent = given.c[column.name]
    return cast(sent, column.type) if type(column.type) is JSON else sent


def _ids() -> ColumnElement[Any]:
    return any_(bindparam("p_id", type_=ARRAY(Uuid())))


def _unchanged(table: Table, given: TableValuedAlias) -> ColumnElement[bool]:
    """Compare-and-set on the version.

    Rows are locked in the order of their ids, so that two batches never wait for each other. The ids stand there twice
    since a join on the array alone became a sequential scan for mid-sized batches.
    """
    locked = _lock(table).cte("locked")
    return and_(
        table.c.id == given.c.id,
        table.c.id == _ids(),
        table.c.id.in_(select(locked.c.id)),
        table.c.version == given.c.expected_version,
    )


def _lock(table: Table) -> Select[Any]:
    return select(table.c.id).where(table.c.id == _ids()).order_by(table.c.id).with_for_update()


@cache
def update_live(changed: frozenset[str]) -> Update:
    """Only what changed is sent: a claim touches nine of thirty columns."""
    columns = [live_jobs.c[name] for name in sorted(changed)]
    given = _given([live_jobs.c.id, *columns, _EXPECTED])
    return (
        update(live_jobs)
        .values({c.name: _value(given, c) for c in columns})
        .where(_unchanged(live_jobs, given))
        .returning(live_jobs.c.id)
    )


@cache
def live_to_finished(changed: frozenset[str]) -> Insert:
    return _move(live_jobs, finished_jobs, changed)


@cache
def finished_to_live(changed: frozenset[str]) -> Insert:
    return _move(finished_jobs, live_jobs, changed)


def _move(source: Table, target: Table, changed: frozenset[str]) -> Insert:
    """Deletes from one table and inserts into the other in one statement: a reader sees the job in exactly one."""
    columns = [source.c[name] for name in sorted(changed)]
    given = _given([source.c.id, *columns, _EXPECTED])
    kept = [c for c in source.columns if c.name not in changed]
    sent = [_value(given, c).label(c.name) for c in columns]
    gone = delete(source).where(_unchanged(source, given)).returning(*kept, *sent).cte("gone")
    return insert(target).from_select(gone.columns.keys(), select(gone)).returning(target.c.id)


def _insert_given(table: Table) -> PostgresInsert:
    given = _given(table.columns)
    values = [_value(given, c).label(c.name) for c in table.columns]
    return postgres_insert(table).from_select(table.columns.keys(), select(*values))


def _delete_finished_twins() -> ReturningDelete[Any]:
    """Of rows just inserted: those whose job a repeated call would run again."""
    twin = exists().where(finished_jobs.c.id == live_jobs.c.id)
    return delete(live_jobs).where(live_jobs.c.id == _ids(), twin).returning(live_jobs.c.id)


def _delete_held(*key: Column[Any]) -> Delete:
    given = _given(key)
    return delete(held).where(*(c == given.c[c.name] for c in key))


def _delete_old_attempts() -> Delete:
    """Fences of runs that did not succeed have no gaps, so the newest are found without counting."""
    given = _given([attempts.c.job_id, attempts.c.fence])
    return delete(attempts).where(
        attempts.c.job_id == given.c.job_id, attempts.c.fence <= given.c.fence
    )


ADD_LIVE = (
    _insert_given(live_jobs).on_conflict_do_nothing(index_elements=["id"]).returning(live_jobs.c.id)
)
LOCK_LIVE = _lock(live_jobs)
DELETE_FINISHED_TWINS = _delete_finished_twins()
ADD_ATTEMPTS = _insert_given(attempts)
DELETE_OLD_ATTEMPTS = _delete_old_attempts()
HOLD = _insert_given(held)
DELETE_HELD = _delete_held(held.c.session, held.c.job_id)
DROP_HOLDS = _delete_held(held.c.session, held.c.job_id, held.c.fence)
