"""What the store needs to take in many jobs in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from treadle_domain.stored_job import NewJob


class PlainSubmits(Protocol):
    """Jobs that come without a key, as nearly all of a batch do: nothing has to be decided about them."""

    async def add(self, new_jobs: Sequence[NewJob]) -> datetime | None:
        """All are on disk, as the domain makes them at the moment that is returned (a contract test compares them).

        None: some were there before and are as they were. Raises Unstorable, and then none was added. May raise
        DatabaseUnavailable.
        """
        ...
