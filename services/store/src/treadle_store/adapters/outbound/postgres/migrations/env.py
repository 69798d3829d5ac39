"""Run by Alembic: all steps in one transaction, under one lock, so that replicas may start at the same time."""

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, text

_LOCK = 0x7EAD1E01

_engine = create_engine(context.config.attributes["driver_url"], poolclass=NullPool)


def _is_of_newer_release(connection: Connection) -> bool:
    """As after a release was taken back: this one bears what that one added."""
    schema = MigrationContext.configure(connection).get_current_revision()
    return schema is not None and schema > (context.script.get_current_head() or "")


with _engine.begin() as connection:
    # The lock is the transaction's: a replica that dies while it migrates leaves neither a lock nor half a schema.
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if not _is_of_newer_release(connection):
        context.configure(connection=connection, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()
