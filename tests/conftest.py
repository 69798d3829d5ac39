"""Fixtures for all tests; the servers come from tests/backing.py."""

import pytest

from treadle_store.adapters.outbound.postgres.migrate import migrate

pytest_plugins = ["tests.backing"]


@pytest.fixture
def migrated_database_url(database_url: str) -> str:
    """A database of this test's own, with our tables."""
    migrate(database_url)
    return database_url
