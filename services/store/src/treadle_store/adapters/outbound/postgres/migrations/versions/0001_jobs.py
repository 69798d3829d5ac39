"""Jobs, attempts, sessions and what they hold.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JOB_COLUMNS = """
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    queue text NOT NULL,
    type text NOT NULL,
    priority smallint NOT NULL,
    metadata jsonb NOT NULL,
    requested_max_attempts integer,
    requested_timeout interval,
    requested_retry jsonb,
    max_attempts integer NOT NULL,
    timeout interval NOT NULL,
    retry jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    run_at timestamptz NOT NULL,
    rank bigint NOT NULL,
    expires_at timestamptz,
    state text NOT NULL,
    version integer NOT NULL,
    attempt integer NOT NULL,
    losses integer NOT NULL,
    interruptions integer NOT NULL,
    snoozes integer NOT NULL,
    fence_base bigint NOT NULL,
    fence bigint NOT NULL,
    session uuid,
    worker text,
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    unknown_since timestamptz,
    alone boolean NOT NULL,
    error jsonb,
    payload json NOT NULL,
    result json
"""


def upgrade() -> None:
    _live_jobs()
    _finished_jobs()
    _runs()
    _sessions()


def _live_jobs() -> None:
    op.execute(
        f"""
        CREATE TABLE live_jobs ({_JOB_COLUMNS},
            CHECK (state IN ('PENDING', 'RUNNING'))
        ) WITH (fillfactor = 60)
        """
    )
    op.execute("CREATE INDEX live_jobs_order ON live_jobs (namespace, queue, priority, rank, id)")
    op.execute("CREATE INDEX live_jobs_delayed ON live_jobs (run_at, id) WHERE run_at > created_at")
    op.execute(
        "CREATE INDEX live_jobs_expiring ON live_jobs (expires_at, id) WHERE expires_at IS NOT NULL"
    )
    op.execute("CREATE INDEX live_jobs_newest ON live_jobs (namespace, created_at, id)")


def _finished_jobs() -> None:
    op.execute(
        f"""
        CREATE TABLE finished_jobs ({_JOB_COLUMNS},
            CHECK (state IN ('SUCCESS', 'FAILED', 'CANCELLED'))
        )
        """
    )
    op.execute("CREATE INDEX finished_jobs_newest ON finished_jobs (namespace, created_at, id)")
    for column in ("state", "queue", "type"):
        op.execute(
            f"CREATE INDEX finished_jobs_by_{column}"
            f" ON finished_jobs (namespace, {column}, created_at, id)"
        )


def _runs() -> None:
    op.execute(
        """
        CREATE TABLE attempts (
            job_id uuid NOT NULL,
            fence bigint NOT NULL,
            number integer NOT NULL,
            session uuid NOT NULL,
            worker text NOT NULL,
            started_at timestamptz NOT NULL,
            ended_at timestamptz NOT NULL,
            error jsonb NOT NULL,
            PRIMARY KEY (job_id, fence)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE held (
            session uuid NOT NULL,
            job_id uuid NOT NULL,
            fence bigint NOT NULL,
            claim_id uuid NOT NULL,
            heartbeat_number bigint NOT NULL,
            claimed_at timestamptz NOT NULL,
            PRIMARY KEY (session, job_id)
        )
        """
    )


def _sessions() -> None:
    op.execute(
        """
        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            worker text NOT NULL,
            namespaces text[] NOT NULL,
            queues text[] NOT NULL,
            handlers jsonb NOT NULL,
            opened_at timestamptz NOT NULL,
            heartbeat_number bigint NOT NULL,
            expires_at timestamptz NOT NULL,
            closed_at timestamptz,
            close_reason text
        )
        """
    )
    op.execute(
        """
        CREATE TABLE marks (
            name text PRIMARY KEY,
            run_at timestamptz NOT NULL,
            job_id uuid NOT NULL
        )
        """
    )


def downgrade() -> None:
    for table in ("marks", "sessions", "held", "attempts", "finished_jobs", "live_jobs"):
        op.execute(f"DROP TABLE {table}")
