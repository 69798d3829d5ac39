"""A job whose retry policy is the default one does not repeat it, and a claimed row finds room on its page.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_REPEAT_THE_DEFAULT = """
SET retry = '{"jitter": 0.5, "multiplier": 2.0, "initial_seconds": 1.0, "maximum_seconds": 3600.0}' WHERE retry IS NULL
"""


def upgrade() -> None:
    for table in ("live_jobs", "finished_jobs"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN retry DROP NOT NULL")
    op.execute("ALTER TABLE live_jobs SET (fillfactor = 45)")


def downgrade() -> None:
    op.execute("ALTER TABLE live_jobs SET (fillfactor = 60)")
    op.execute(f"UPDATE live_jobs {_REPEAT_THE_DEFAULT}")
    op.execute(f"UPDATE finished_jobs {_REPEAT_THE_DEFAULT}")
    for table in ("live_jobs", "finished_jobs"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN retry SET NOT NULL")
