"""A submit that is repeated after the end of its job is undone within the statement that made it.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Volatile: its own statement sees what was committed while the one that calls it waited.
    op.execute(
        """
        CREATE FUNCTION drop_finished_twins(added uuid[]) RETURNS bigint
        VOLATILE LANGUAGE plpgsql AS $$
        DECLARE
            dropped bigint;
        BEGIN
            DELETE FROM live_jobs
            WHERE id = ANY (added)
                AND EXISTS (SELECT FROM finished_jobs WHERE finished_jobs.id = live_jobs.id);
            GET DIAGNOSTICS dropped = ROW_COUNT;
            RETURN dropped;
        END
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION drop_finished_twins")
