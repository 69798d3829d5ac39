"""The up clock, by which the leases of sessions end.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE uptime (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            up_seconds double precision NOT NULL,
            ticked_at timestamptz NOT NULL
        )
        """
    )
    op.execute("INSERT INTO uptime (up_seconds, ticked_at) VALUES (0, clock_timestamp())")
    # A session of before may live 30 s more; one that a store of before opens from now on is judged after its
    # next heartbeat.
    op.execute("ALTER TABLE sessions ADD COLUMN expires_up double precision NOT NULL DEFAULT 30")
    op.execute("ALTER TABLE sessions ALTER COLUMN expires_up SET DEFAULT 'Infinity'")
    op.execute("CREATE INDEX sessions_open ON sessions (expires_up) WHERE closed_at IS NULL")


def downgrade() -> None:
    op.execute("DROP INDEX sessions_open")
    op.execute("ALTER TABLE sessions DROP COLUMN expires_up")
    op.execute("DROP TABLE uptime")
