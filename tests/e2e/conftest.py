"""Stacks of real processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from tests.backing import fresh_database
from tests.e2e.processes import Stack, make_stack

from treadle_store.adapters.outbound.postgres.migrate import migrate

STOP_GRACE_SECONDS = 1.0


@pytest.fixture(scope="session")
def stack(
    postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Started once for all tests that only talk to it, or leave it as it was."""
    with fresh_database(postgres_url) as database_url:
        migrate(database_url)
        with _started(tmp_path_factory.mktemp("stack"), database_url, redis_url) as stack:
            yield stack


@pytest.fixture
def stoppable_stack(stack: Stack) -> Iterator[Stack]:
    """The same: what the test stopped is started again."""
    yield stack
    for service in reversed(stack.all):
        if service.exit_code is not None:
            service.start()
    for service in stack.all:
        service.wait_until_ready()


@contextmanager
def _started(folder: Path, database_url: str, redis_url: str) -> Iterator[Stack]:
    stack = make_stack(
        folder=folder,
        database_url=database_url,
        redis_url=redis_url,
        prefix=f"e2e-{uuid4()}",
        TREADLE_UNKNOWN_TYPE_GRACE_SECONDS="0.5",
        TREADLE_STOP_GRACE_SECONDS=str(STOP_GRACE_SECONDS),
    )
    try:
        stack.start()
        yield stack
    finally:
        for service in stack.all:
            service.kill_if_alive()
        stack.client.close()
