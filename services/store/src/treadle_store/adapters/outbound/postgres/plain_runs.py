"""Claims and successes in one statement each, in PostgreSQL: what is compared is what Job's verbs compare."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Insert,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.run_policy import DEFAULT_POLICY, RunPolicy
from treadle_domain.states import TRANSITIONS, JobState, Verb
from treadle_domain.worker_session import WorkerSession
from treadle_store.adapters.outbound.postgres.compiled import compiled
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.rows import Values, kept_retry, text_of
from treadle_store.adapters.outbound.postgres.statements import given_rows, ids, parameters
from treadle_store.adapters.outbound.postgres.tables import (
    finished_jobs,
    held,
    live_jobs,
    sessions,
)
from treadle_store.application.ports import JobEnds
from treadle_store.application.run_ports import MAX_PLAIN_BYTES, MAX_PLAIN_METADATA_BYTES

# Of the server, one for all of a statement.
_NOW = func.statement_timestamp()
_SESSION: ColumnElement[Any] = bindparam("p_session", type_=Uuid())
_HANDLER = [live_jobs.c[name] for name in ("type", "max_attempts", "timeout", "retry")]
_OUTCOME = [live_jobs.c[name] for name in ("id", "fence", "result")]


class PostgresPlainRuns:
    """Rows are locked in the order of their ids, as everywhere: these statements read by index."""

    def __init__(self, database: Database, ends: JobEnds) -> None:
        self._database = database
        self._ends = ends

    async def claim(self, batch: ClaimBatch, session: WorkerSession) -> Mapping[UUID, ClaimedRun]:
        policies = _policies(batch, session)
        if not policies:
            return {}
        values = parameters([_handler_row(*each) for each in policies.items()]) | {
            "p_id": sorted(batch.job_ids),
            "p_namespace": batch.namespace,
            "p_session": session.id,
            "p_worker": session.worker,
            "p_claim": batch.claim_id,
            "p_heartbeat": batch.heartbeat_number,
        }
        rows = await self._database.execute(_CLAIM, values)
        return _runs(rows, batch.namespace, policies)

    async def succeed(
        self, session: UUID, namespace: str, reports: Collection[RunReport]
    ) -> frozenset[UUID]:
        ordered = sorted(reports, key=lambda report: report.job_id)
        rows = parameters([_outcome_row(report) for report in ordered])
        values = rows | {"p_namespace": namespace, "p_session": session}
        recorded = frozenset(row[0] for row in await self._database.execute(_SUCCEED, values))
        self._ends.tell(recorded)
        return recorded


def _policies(batch: ClaimBatch, session: WorkerSession) -> Mapping[str, RunPolicy]:
    """Of the types that need no seat, where the job says nothing."""
    limited = batch.seats.isolated.union(batch.seats.by_type)
    return {
        name: said.over(DEFAULT_POLICY)
        for name, said in session.handlers.items()
        if name not in limited
    }


def _handler_row(name: str, policy: RunPolicy) -> Values:
    return {
        "type": name,
        "max_attempts": policy.max_attempts,
        "timeout": policy.timeout,
        "retry": kept_retry(policy),
    }


def _outcome_row(report: RunReport) -> Values:
    return {"id": report.job_id, "fence": report.fence, "result": text_of(report.result)}


def _runs(
    rows: Sequence[tuple[Any, ...]], namespace: str, policies: Mapping[str, RunPolicy]
) -> Mapping[UUID, ClaimedRun]:
    """What the job said itself is read and nothing else: it costs time, and is rare."""
    runs = {}
    for job_id, queue, type, attempts, timeout, created_at, trace, *rest in rows:
        waited_us, metadata, payload = rest
        policy = policies[type]
        runs[job_id] = ClaimedRun(
            job_id=job_id,
            fence=1,
            namespace=namespace,
            queue=queue,
            type=type,
            attempt=1,
            max_attempts=policy.max_attempts if attempts is None else attempts,
            timeout=policy.timeout if timeout is None else timeout,
            created_at=created_at,
            metadata={} if metadata == "{}" else json.loads(metadata),
            payload=payload.encode(),
            trace_context=trace,
            waited=timedelta(microseconds=waited_us),
        )
    return runs


def _may(verb: Verb) -> ColumnElement[bool]:
    """By the domain's table."""
    return or_(*(live_jobs.c.state == state.value for state, of in TRANSITIONS if of is verb))


def _of_namespace() -> ColumnElement[bool]:
    """A condition that no index can serve: a namespace may have a million rows, and the ids are at hand."""
    return (live_jobs.c.namespace == bindparam("p_namespace")).is_(True)


def _claim() -> Select[Any]:
    job, handler = live_jobs.c, given_rows(_HANDLER, name="handler").c
    is_open = exists().where(sessions.c.id == _SESSION, sessions.c.closed_at.is_(None))
    claimed = (
        update(live_jobs)
        .values(
            state=JobState.RUNNING.value,
            version=job.version + 1,
            attempt=job.attempt + 1,
            fence=job.fence + 1,
            session=_SESSION,
            worker=bindparam("p_worker"),
            max_attempts=func.coalesce(job.requested_max_attempts, handler.max_attempts),
            timeout=func.coalesce(job.requested_timeout, handler.timeout),
            retry=func.coalesce(job.requested_retry, handler.retry),
            started_at=_NOW,
            unknown_since=null(),
        )
        .where(
            job.id == ids(),
            _of_namespace(),
            _may(Verb.CLAIM),
            job.fence == 0,
            job.run_at <= _NOW,
            or_(job.expires_at.is_(None), job.expires_at > _NOW),
            job.type == handler.type,
            func.octet_length(cast(job.payload, Text)) <= MAX_PLAIN_BYTES,
            func.octet_length(cast(job.metadata, Text)) <= MAX_PLAIN_METADATA_BYTES,
            is_open,
        )
        .returning(
            *(job[name] for name in _RUN),
            job.fence,
            job.started_at,
            _waited_us(),
            *map(_text, _TEXTS),
        )
        .cte("claimed")
    )
    answer = select(*(claimed.c[name] for name in (*_RUN, "waited_us", *_TEXTS)))
    return answer.add_cte(_hold(claimed.c).cte("hold"))


def _waited_us() -> ColumnElement[Any]:
    """As a number, since intervals take longer to read."""
    job = live_jobs.c
    waited = job.started_at - func.greatest(job.run_at, job.created_at)
    waited_us = cast(func.extract("epoch", waited) * 1_000_000, BigInteger)
    return func.greatest(waited_us, 0).label("waited_us")


def _text(name: str) -> ColumnElement[Any]:
    return cast(live_jobs.c[name], Text).label(name)


def _hold(run: Any) -> Insert:
    values = {
        "session": _SESSION,
        "job_id": run.id,
        "fence": run.fence,
        "claim_id": bindparam("p_claim", type_=Uuid()),
        "heartbeat_number": bindparam("p_heartbeat"),
        "claimed_at": run.started_at,
    }
    return insert(held).from_select([*values], select(*values.values()))


def _succeed() -> Insert:
    job, given = live_jobs.c, given_rows(_OUTCOME)
    kept = [column for column in job if column.name not in _ENDS]
    ended = (
        delete(live_jobs)
        .where(
            job.id == given.c.id,
            _of_namespace(),
            _may(Verb.SUCCEED),
            job.session == _SESSION,
            job.fence == given.c.fence,
            job.cancel_requested_at.is_(None),
        )
        .returning(*kept, (job.version + 1).label("version"), given.c.result)
        .cte("ended")
    )
    let_go = delete(held).where(held.c.session == _SESSION, held.c.job_id == ended.c.id)
    values: dict[str, ColumnElement[Any]] = {column.name: ended.c[column.name] for column in kept}
    values |= {
        "version": ended.c.version,
        "state": literal(JobState.SUCCESS.value),
        "finished_at": _NOW,
        "result": cast(ended.c.result, JSON),
    }
    rows = select(*values.values()).add_cte(let_go.cte("let_go"))
    return insert(finished_jobs).from_select([*values], rows).returning(finished_jobs.c.id)


_RUN = (
    "id",
    "queue",
    "type",
    "requested_max_attempts",
    "requested_timeout",
    "created_at",
    "trace_context",
)
_TEXTS = ("metadata", "payload")
_ENDS = frozenset({"version", "state", "finished_at", "result", "error"})
"""What a success changes; an error of an earlier run is gone."""
_CLAIM = compiled(_claim())
_SUCCEED = compiled(_succeed())
