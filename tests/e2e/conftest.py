"""A stack of real processes for each test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.e2e.processes import Stack, make_stack


@pytest.fixture
def stack(migrated_database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    """Started; a test may stop and start its parts."""
    stack = make_stack(
        folder=tmp_path,
        database_url=migrated_database_url,
        redis_url=redis_url,
        prefix=f"e2e-{uuid4()}",
        TREADLE_UNKNOWN_TYPE_GRACE_SECONDS="0.5",
    )
    try:
        stack.start()
        yield stack
    finally:
        for service in stack.all:
            service.kill_if_alive()
        stack.client.close()
