"""A report of a run that comes late replaces nothing that the run told after it.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("progress", "checkpoints"):
        op.execute(f"ALTER TABLE {table} ADD report_number bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    for table in ("progress", "checkpoints"):
        op.execute(f"ALTER TABLE {table} DROP report_number")
