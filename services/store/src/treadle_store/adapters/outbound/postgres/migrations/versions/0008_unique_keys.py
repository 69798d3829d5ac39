"""Unique jobs: which job holds a key, and the key that a job takes again when it is retried.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("live_jobs", "finished_jobs"):
        op.execute(f"ALTER TABLE {table} ADD uniqueness jsonb")
    op.execute(
        """
        CREATE TABLE unique_keys (
            namespace text NOT NULL,
            key text NOT NULL,
            holder uuid NOT NULL,
            scope text NOT NULL,
            expires_at timestamptz NOT NULL,
            version bigint NOT NULL,
            PRIMARY KEY (namespace, key)
        )
        """
    )
    op.execute("CREATE INDEX unique_keys_expires_at ON unique_keys (expires_at)")


def downgrade() -> None:
    op.execute("DROP TABLE unique_keys")
    for table in ("live_jobs", "finished_jobs"):
        op.execute(f"ALTER TABLE {table} DROP uniqueness")
