"""What runs tell of themselves. It outlives them: a run after an operator's retry goes on from the checkpoint.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE progress (
            job_id uuid PRIMARY KEY,
            fence bigint NOT NULL,
            fraction double precision NOT NULL,
            note text NOT NULL,
            recorded_at timestamptz NOT NULL
        ) WITH (fillfactor = 60)
        """
    )
    op.execute(
        """
        CREATE TABLE checkpoints (
            job_id uuid PRIMARY KEY,
            fence bigint NOT NULL,
            state json NOT NULL,
            recorded_at timestamptz NOT NULL
        ) WITH (fillfactor = 60)
        """
    )
    op.execute(
        """
        CREATE TABLE log_lines (
            job_id uuid NOT NULL,
            fence bigint NOT NULL,
            number integer NOT NULL,
            logged_at timestamptz NOT NULL,
            level text NOT NULL,
            message text NOT NULL,
            PRIMARY KEY (job_id, fence, number)
        )
        """
    )


def downgrade() -> None:
    for table in ("log_lines", "checkpoints", "progress"):
        op.execute(f"DROP TABLE {table}")
