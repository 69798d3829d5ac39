"""A job knows the trace of the request that submitted it; one without costs nothing.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("live_jobs", "finished_jobs"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN trace_context text")


def downgrade() -> None:
    for table in ("live_jobs", "finished_jobs"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN trace_context")
