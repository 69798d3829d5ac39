"""A worker whose ports the test plays."""

import pytest
from tests.unit.worker.played import Played


@pytest.fixture
def played() -> Played:
    return Played()
