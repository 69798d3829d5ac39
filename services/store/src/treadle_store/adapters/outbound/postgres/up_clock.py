"""The clock by which leases end: seconds that stores were up.

It stands still while no store reaches PostgreSQL, and no jump of the server's clock moves it far: an outage closes no
healthy session.
"""

from typing import Any

from sqlalchemy import ColumnElement, Update, func, select, update

from treadle_store.adapters.outbound.postgres.tables import uptime

PERIOD_SECONDS = 1.0
_MOST_SECONDS = 2 * PERIOD_SECONDS
_since = func.extract("epoch", func.clock_timestamp() - uptime.c.ticked_at)
_now = uptime.c.up_seconds + func.least(_MOST_SECONDS, func.greatest(0.0, _since))


def up_now() -> ColumnElement[Any]:
    """Between two ticks too."""
    return select(_now).scalar_subquery()


# No replica waits for another one that is at it, and froze there.
_unless_ticking = uptime.c.only_row == (
    select(uptime.c.only_row).with_for_update(skip_locked=True).scalar_subquery()
)
TICK: Update = (
    update(uptime).values(up_seconds=_now, ticked_at=func.clock_timestamp()).where(_unless_ticking)
)
