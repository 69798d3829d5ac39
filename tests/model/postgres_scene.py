"""The store over PostgreSQL, looked at from outside: what another client would read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.store_over_postgres import SteppedClock, StoreOverPostgres
from tests.model.job_rules import Hold, ModelJob, Told
from tests.model.stage import Seen
from tests.model.world import ModelSession

_JOBS = """
SELECT *, error ->> 'kind' AS error_kind FROM live_jobs
UNION ALL SELECT *, error ->> 'kind' FROM finished_jobs
"""
_STRAYS = """
SELECT 'in two tables: ' || id AS stray FROM live_jobs JOIN finished_jobs USING (id)
UNION ALL
SELECT 'held but not running: ' || held.job_id FROM held LEFT JOIN live_jobs ON live_jobs.id = held.job_id
    AND live_jobs.state = 'RUNNING' AND live_jobs.session = held.session AND live_jobs.fence = held.fence
    WHERE live_jobs.id IS NULL
"""
_TOLD = """
SELECT job_id, p.fence, p.report_number, fraction,
    c.fence AS state_fence, c.report_number AS state_number, state::text AS state,
    ARRAY(SELECT row_to_json(l) FROM log_lines l WHERE l.job_id = p.job_id) AS lines
FROM progress p LEFT JOIN checkpoints c USING (job_id)
"""
_ATTEMPTS = "SELECT job_id, array_agg(fence ORDER BY fence) AS fences FROM attempts GROUP BY job_id"


@dataclass
class PostgresScene:
    store: StoreOverPostgres
    clock: SteppedClock

    def __post_init__(self) -> None:
        self.clock.empty()

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def look(self) -> Seen:
        jobs, holds, attempts, told, sessions, (uptime,), strays = self.clock.read(
            _JOBS,
            "SELECT * FROM held",
            _ATTEMPTS,
            _TOLD,
            "SELECT * FROM sessions",
            "SELECT * FROM uptime",
            _STRAYS,
        )
        held = {row["job_id"]: _hold(row) for row in holds}
        failed = {row["job_id"]: tuple(row["fences"]) for row in attempts}
        said = {row["job_id"]: _told(row) for row in told}
        return Seen(
            jobs={
                row["id"]: _job(
                    row,
                    held.get(row["id"]),
                    failed.get(row["id"], ()),
                    said.get(row["id"], Told()),
                )
                for row in jobs
            },
            sessions={row["id"]: _session(row) for row in sessions},
            up=timedelta(seconds=uptime["up_seconds"]),
            ticked_at=_utc(uptime["ticked_at"]),
            strays=tuple(row["stray"] for row in strays),
        )


def _job(
    row: dict[str, Any], hold: Hold | None, failed_runs: tuple[int, ...], told: Told
) -> ModelJob:
    return ModelJob(
        type=row["type"],
        created_at=_utc(row["created_at"]),
        run_at=_utc(row["run_at"]),
        expires_at=row["expires_at"] and _utc(row["expires_at"]),
        max_attempts=row["requested_max_attempts"],
        state=row["state"],
        error=row["error_kind"],
        fence_base=row["fence_base"],
        fence=row["fence"],
        attempt=row["attempt"],
        losses=row["losses"],
        interruptions=row["interruptions"],
        snoozes=row["snoozes"],
        last_holder=row["session"],
        hold=hold,
        is_cancelled=row["cancel_requested_at"] is not None,
        unknown_since=row["unknown_since"] and _utc(row["unknown_since"]),
        failed_runs=failed_runs,
        told=told,
    )


def _told(row: dict[str, Any]) -> Told:
    lines = [(line["fence"], line["number"], line["message"]) for line in row["lines"]]
    state = row["state"]
    return Told(
        progress=(row["fence"], row["report_number"], row["fraction"]),
        checkpoint=None
        if state is None
        else (row["state_fence"], row["state_number"], state.encode()),
        lines=frozenset(lines),
    )


def _hold(row: dict[str, Any]) -> Hold:
    return Hold(
        session=row["session"],
        fence=row["fence"],
        claim_id=row["claim_id"],
        beat=row["heartbeat_number"],
    )


def _session(row: dict[str, Any]) -> ModelSession:
    return ModelSession(
        types=frozenset(row["handlers"]),
        expires_at=_utc(row["expires_at"]),
        expires_up=timedelta(seconds=row["expires_up"]),
        beat=row["heartbeat_number"],
        end=row["close_reason"],
    )


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
