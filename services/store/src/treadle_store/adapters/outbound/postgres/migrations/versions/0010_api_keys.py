"""The keys of clients.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE api_keys (
            id text PRIMARY KEY,
            digest bytea NOT NULL,
            name text NOT NULL,
            namespace text NOT NULL,
            roles text[] NOT NULL,
            queues text[],
            rate_limit integer,
            created_at timestamptz NOT NULL,
            revoked_at timestamptz
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE api_keys")
