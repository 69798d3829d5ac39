"""What Redis has to remember, so that its loss is found.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE ready_epoch (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            epoch text NOT NULL,
            after_namespace text NOT NULL,
            after_queue text NOT NULL,
            queues_seen integer NOT NULL,
            queues_total integer NOT NULL
        )
        """
    )
    op.execute("INSERT INTO ready_epoch VALUES (true, '', '', '', 0, 0)")


def downgrade() -> None:
    op.execute("DROP TABLE ready_epoch")
