"""The tables, as the newest migration leaves them (a test compares the two).

`live_jobs` holds what is PENDING or RUNNING and stays small: a claim changes no column that an index names, so it is a
HOT update. `finished_jobs` is history: each row is written once, in the statement that deletes the live one.
"""

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _job_columns() -> list[Column[object]]:
    return [
        Column("id", Uuid, primary_key=True),
        Column("namespace", Text, nullable=False),
        Column("queue", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("priority", SmallInteger, nullable=False),
        Column("metadata", JSONB, nullable=False),
        Column("requested_max_attempts", Integer),
        Column("requested_timeout", Interval),
        Column("requested_retry", JSONB(none_as_null=True)),
        Column("max_attempts", Integer, nullable=False),
        Column("timeout", Interval, nullable=False),
        Column("retry", JSONB(none_as_null=True)),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("run_at", DateTime(timezone=True), nullable=False),
        Column("rank", BigInteger, nullable=False),
        Column("expires_at", DateTime(timezone=True)),
        Column("state", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("losses", Integer, nullable=False),
        Column("interruptions", Integer, nullable=False),
        Column("snoozes", Integer, nullable=False),
        Column("fence_base", BigInteger, nullable=False),
        Column("fence", BigInteger, nullable=False),
        Column("session", Uuid),
        Column("worker", Text),
        Column("started_at", DateTime(timezone=True)),
        Column("finished_at", DateTime(timezone=True)),
        Column("cancel_requested_at", DateTime(timezone=True)),
        Column("unknown_since", DateTime(timezone=True)),
        Column("alone", Boolean, nullable=False),
        Column("uniqueness", JSONB(none_as_null=True)),
        Column("error", JSONB(none_as_null=True)),
        Column("payload", JSON, nullable=False),
        Column("result", JSON),
        Column("trace_context", Text),
    ]


live_jobs = Table("live_jobs", metadata, *_job_columns())
finished_jobs = Table("finished_jobs", metadata, *_job_columns())

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("fence", BigInteger, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("session", Uuid, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("error", JSONB, nullable=False),
)

progress = Table(
    "progress",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("report_number", BigInteger, nullable=False),
    Column("fraction", Double, nullable=False),
    Column("note", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("report_number", BigInteger, nullable=False),
    Column("state", JSON, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
)

log_lines = Table(
    "log_lines",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("fence", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("logged_at", DateTime(timezone=True), nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
)

held = Table(
    "held",
    metadata,
    Column("session", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("claim_id", Uuid, nullable=False),
    Column("heartbeat_number", BigInteger, nullable=False),
    Column("claimed_at", DateTime(timezone=True), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("namespaces", ARRAY(Text), nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("handlers", JSONB, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("heartbeat_number", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("expires_up", Double, nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("close_reason", Text),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
)

unique_keys = Table(
    "unique_keys",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("holder", Uuid, nullable=False),
    Column("scope", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("queues", ARRAY(Text)),
    Column("rate_limit", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
)

uptime = Table(
    "uptime",
    metadata,
    Column("only_row", Boolean, primary_key=True),
    Column("up_seconds", Double, nullable=False),
    Column("ticked_at", DateTime(timezone=True), nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("run_at", DateTime(timezone=True), nullable=False),
    Column("job_id", Uuid, nullable=False),
)
