"""The REST gateway: clients submit, read, cancel and retry jobs."""
