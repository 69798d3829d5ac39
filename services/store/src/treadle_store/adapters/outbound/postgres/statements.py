"""The statements that change jobs, each built once from the tables; each takes its rows as arrays, one per column."""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Delete,
    Executable,
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
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from treadle_domain.attempt import KEPT_ATTEMPTS
from treadle_domain.states import JobState
from treadle_store.adapters.outbound.postgres.rows import Values
from treadle_store.adapters.outbound.postgres.tables import (
    attempts,
    checkpoints,
    finished_jobs,
    held,
    live_jobs,
    log_lines,
    progress,
)

_EXPECTED: Column[int] = Column("expected_version", Integer)
_REPORT: Sequence[Column[Any]] = (
    live_jobs.c.id,
    live_jobs.c.fence,
    progress.c.report_number,
    progress.c.fraction,
    progress.c.note,
    checkpoints.c.state,
)
_LINE: Sequence[Column[Any]] = [c for c in log_lines.columns if c.name != "fence"]
"""A report has one fence, so its lines need not name it."""


def parameters(rows: Sequence[Values]) -> dict[str, list[Any]]:
    """Of any statement here: one array per column of the rows, under its name with `p_` before it."""
    return _arrays(rows, rows[0])


async def ids_of(
    connection: AsyncConnection, statement: Executable, rows: Sequence[Values]
) -> set[UUID]:
    """What a statement here returns for these rows; without rows it is not executed."""
    if not rows:
        return set()
    return set(await connection.scalars(statement, parameters(rows)))


def record_parameters(
    session: UUID, reports: Sequence[Values], lines: Sequence[Values]
) -> dict[str, Any]:
    return parameters(reports) | _arrays(lines, (c.name for c in _LINE)) | {"p_session": session}


def _arrays(rows: Sequence[Values], names: Iterable[str]) -> dict[str, list[Any]]:
    return {f"p_{name}": [row[name] for row in rows] for name in names}


def given_rows(columns: Iterable[Column[Any]], name: str = "given") -> TableValuedAlias:
    """The rows that come as parameters."""
    sent = [(c.name, _sent_as(c)) for c in columns]
    arrays = [bindparam(f"p_{key}", type_=ARRAY(kind)) for key, kind in sent]
    derived = func.unnest(*arrays).table_valued(*(column(*pair) for pair in sent))
    return derived.render_derived(name=name)


def _sent_as(column: Column[Any]) -> TypeEngine[Any]:
    """JSON goes as its text, so that nothing but PostgreSQL parses it."""
    return Text() if type(column.type) is JSON else column.type


def _value(given: TableValuedAlias, column: Column[Any]) -> ColumnElement[Any]:
    sent = given.c[column.name]
    return cast(sent, column.type) if type(column.type) is JSON else sent


def ids() -> ColumnElement[Any]:
    return any_(bindparam("p_id", type_=ARRAY(Uuid())))


def _unchanged(table: Table, given: TableValuedAlias) -> ColumnElement[bool]:
    """Compare-and-set on the version.

    Rows are locked in the order of their ids, so that two batches never wait for each other. The ids stand there twice
    since a join on the array alone became a sequential scan for mid-sized batches.
    """
    locked = _lock(table).cte("locked")
    return and_(
        table.c.id == given.c.id,
        table.c.id == ids(),
        table.c.id.in_(select(locked.c.id)),
        table.c.version == given.c.expected_version,
    )


def _lock(table: Table) -> Select[Any]:
    return select(table.c.id).where(table.c.id == ids()).order_by(table.c.id).with_for_update()


@cache
def update_live(changed: frozenset[str]) -> Update:
    """Only what changed is sent: a claim touches nine of thirty columns."""
    columns = [live_jobs.c[name] for name in sorted(changed)]
    given = given_rows([live_jobs.c.id, *columns, _EXPECTED])
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
    given = given_rows([source.c.id, *columns, _EXPECTED])
    kept = [c for c in source.columns if c.name not in changed]
    sent = [_value(given, c).label(c.name) for c in columns]
    gone = delete(source).where(_unchanged(source, given)).returning(*kept, *sent).cte("gone")
    return insert(target).from_select(gone.columns.keys(), select(gone)).returning(target.c.id)


def _insert_given(table: Table) -> PostgresInsert:
    given = given_rows(table.columns)
    values = [_value(given, c).label(c.name) for c in table.columns]
    return postgres_insert(table).from_select(table.columns.keys(), select(*values))


@lru_cache(maxsize=256)
def add_live(differing: frozenset[str]) -> Insert:
    """New jobs. What differs among them comes as arrays, what does not only once: in a batch that is nearly all."""
    given, values = given_or_same(live_jobs.columns, differing)
    rows = select(*values.values()).select_from(given)
    return insert_unless_known(rows).execution_options(preserve_rowcount=True)


def given_or_same(
    columns: Iterable[Column[Any]], differing: frozenset[str]
) -> tuple[TableValuedAlias, dict[str, ColumnElement[Any]]]:
    given = given_rows(c for c in columns if c.name in differing)
    values = {
        c.name: _value(given, c)
        if c.name in differing
        else cast(bindparam(f"p_{c.name}", type_=_sent_as(c)), c.type)
        for c in columns
    }
    return given, values


def insert_unless_known(rows: Select[Any]) -> PostgresInsert:
    new = postgres_insert(live_jobs).from_select(live_jobs.columns.keys(), rows)
    return new.on_conflict_do_nothing(index_elements=["id"])


def drop_finished_twins(added: ColumnElement[Any]) -> ColumnElement[int]:
    """Of rows just inserted, by their ids: those whose job a repeated call would run again. Returns how many.

    A function of the database, since only a statement of its own sees an end that was committed while the insert
    waited, and since a statement of its own would cost a round trip and a transaction.
    """
    return func.drop_finished_twins(added, type_=BigInteger)


def _delete_held(*key: Column[Any]) -> Delete:
    given = given_rows(key)
    return delete(held).where(*(c == given.c[c.name] for c in key))


def _delete_old_attempts() -> Delete:
    """They are counted, since runs that never started leave gaps between the fences."""
    given = given_rows([attempts.c.job_id])
    kept = attempts.alias()
    oldest_kept = (
        select(kept.c.fence)
        .where(kept.c.job_id == given.c.job_id)
        .order_by(kept.c.fence.desc())
        .offset(KEPT_ATTEMPTS - 1)
        .limit(1)
        .scalar_subquery()
    )
    return delete(attempts).where(
        attempts.c.job_id == given.c.job_id, attempts.c.fence < oldest_kept
    )


def _record() -> Select[Any]:
    """One statement decides which runs are under way and writes what they say; answers with their job ids.

    FOR SHARE waits for whoever is ending a run and then looks again, and whoever comes to end it waits for us: so no
    row of a newer fence can be there. It makes no new version of the job's row. Locks are taken in the order of ids.
    """
    given = given_rows(_REPORT)
    running = (
        select(*(_value(given, c).label(c.name) for c in _REPORT))
        .join_from(live_jobs, given, live_jobs.c.id == given.c.id)
        .where(
            live_jobs.c.id == ids(),
            live_jobs.c.state == JobState.RUNNING.value,
            live_jobs.c.session == bindparam("p_session", type_=Uuid()),
            live_jobs.c.fence == given.c.fence,
        )
        .order_by(live_jobs.c.id)
        .with_for_update(read=True, of=live_jobs)
        .cte("running")
    )
    return select(running.c.id).add_cte(
        _replace(progress, running, running.c.fraction, running.c.note),
        _replace(checkpoints, running, running.c.state),
        _add_lines(running),
    )


def _replace(table: Table, running: CTE, *told: ColumnElement[Any]) -> CTE:
    """The job's row, for the runs that told anything of the kind, unless a later report was faster."""
    columns = [c.name for c in table.columns]
    values = select(
        running.c.id, running.c.fence, running.c.report_number, *told, func.clock_timestamp()
    )
    rows = values.where(told[0].is_not(None)).order_by(running.c.id)
    new = postgres_insert(table).from_select(columns, rows)
    return new.on_conflict_do_update(
        index_elements=["job_id"],
        set_={name: new.excluded[name] for name in columns[1:]},
        where=tuple_(table.c.fence, table.c.report_number)
        <= tuple_(new.excluded.fence, new.excluded.report_number),
    ).cte(f"new_{table.name}")


def _add_lines(running: CTE) -> CTE:
    given = given_rows(_LINE, name="lines")
    values = {
        c.name: running.c.fence if c.name == "fence" else given.c[c.name] for c in log_lines.columns
    }
    rows = (
        select(*values.values())
        .join_from(running, given, running.c.id == given.c.job_id)
        .order_by(given.c.job_id, given.c.number)
    )
    new = postgres_insert(log_lines).from_select([*values], rows)
    return new.on_conflict_do_nothing().cte("new_lines")


LOCK_LIVE = _lock(live_jobs)
RECORD = _record()
DROP_FINISHED_TWINS = select(drop_finished_twins(bindparam("p_id", type_=ARRAY(Uuid()))))
ADD_ATTEMPTS = _insert_given(attempts)
DELETE_OLD_ATTEMPTS = _delete_old_attempts()
HOLD = _insert_given(held)
DELETE_HELD = _delete_held(held.c.session, held.c.job_id)
DROP_HOLDS = _delete_held(held.c.session, held.c.job_id, held.c.fence)
