"""What the repair of the ready queue remembers from turn to turn."""

from sqlalchemy import Boolean, Column, Integer, Table, Text

from treadle_store.adapters.outbound.postgres.tables import metadata

ready_epoch = Table(
    "ready_epoch",
    metadata,
    Column("only_row", Boolean, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("after_namespace", Text, nullable=False),
    Column("after_queue", Text, nullable=False),
    Column("queues_seen", Integer, nullable=False),
    Column("queues_total", Integer, nullable=False),
)
