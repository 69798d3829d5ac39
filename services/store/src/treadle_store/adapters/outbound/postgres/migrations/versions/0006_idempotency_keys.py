"""Submits that may be repeated: the key of each stands beside its job.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE idempotency_keys (
            namespace text NOT NULL,
            key text NOT NULL,
            fingerprint bytea NOT NULL,
            job_id uuid NOT NULL,
            taken_at timestamptz NOT NULL,
            PRIMARY KEY (namespace, key)
        )
        """
    )
    op.execute("CREATE INDEX idempotency_keys_taken_at ON idempotency_keys (taken_at)")


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys")
