"""What did not succeed is found by the time of its end.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX finished_jobs_by_bad_end ON finished_jobs (namespace, finished_at, id)"
        " WHERE state IN ('FAILED', 'CANCELLED')"
    )


def downgrade() -> None:
    op.execute("DROP INDEX finished_jobs_by_bad_end")
