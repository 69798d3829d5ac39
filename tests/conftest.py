"""Fixtures for all tests; those of servers and databases are in tests/backing.py."""

import pytest

pytest_plugins = ["tests.backing"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` the tests of each folder of whole systems share one system."""
    for item in items:
        if item.path.parent.name in ("chaos", "e2e"):
            item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
