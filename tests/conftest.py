"""Fixtures for all tests; those of servers and databases are in tests/backing.py."""

pytest_plugins = ["tests.backing"]
