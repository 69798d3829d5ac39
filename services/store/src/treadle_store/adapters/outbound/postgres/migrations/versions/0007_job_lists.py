"""Lists by the time of the end; the index by state is for what did not succeed, and costs a success nothing.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BY_STATE = (
    "CREATE INDEX finished_jobs_by_state ON finished_jobs (namespace, state, created_at, id)"
)


def upgrade() -> None:
    op.execute("DROP INDEX finished_jobs_by_state")
    op.execute(f"{_BY_STATE} WHERE state IN ('FAILED', 'CANCELLED')")
    op.execute("CREATE INDEX finished_jobs_by_end ON finished_jobs (namespace, finished_at, id)")


def downgrade() -> None:
    op.execute("DROP INDEX finished_jobs_by_end")
    op.execute("DROP INDEX finished_jobs_by_state")
    op.execute(_BY_STATE)
