"""The store does what the model says, whatever is asked of it and in whatever order."""

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from tests.fakes.store_over_postgres import StoreOverPostgres, stepped_clock
from tests.model.crashing_database import CrashingDatabase
from tests.model.crashing_machine import CrashingMachine
from tests.model.memory_scene import MemoryScene
from tests.model.postgres_scene import PostgresScene
from tests.model.stage import Stage
from tests.model.store_machine import StoreMachine
from tests.model.world import LEASE

# Without shrinking, which takes minutes on PostgreSQL: the blob that is printed brings the failure back.
BRIEF = settings(
    max_examples=18,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
LONG = settings(BRIEF, max_examples=400)
lengths = pytest.mark.parametrize(
    "length",
    [pytest.param(BRIEF, id="brief"), pytest.param(LONG, id="long", marks=pytest.mark.soak)],
)


def play(new_machine: Callable[[], RuleBasedStateMachine], length: settings) -> None:
    # It takes anything that makes a machine; its annotation knows classes only.
    run_state_machine_as_test(cast("type[RuleBasedStateMachine]", new_machine), settings=length)


@pytest.fixture
def in_memory() -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        yield Stage(runner, lambda: MemoryScene(runner))


@pytest.fixture
def database(migrated_database_url: str) -> CrashingDatabase:
    return CrashingDatabase(migrated_database_url, pool_size=2)


@pytest.fixture
def on_postgres(migrated_database_url: str, database: CrashingDatabase) -> Iterator[Stage]:
    with asyncio.Runner() as runner, stepped_clock(migrated_database_url) as clock:

        def new_scene() -> PostgresScene:
            return PostgresScene(StoreOverPostgres(database, lease=LEASE), clock)

        yield Stage(runner, new_scene)
        runner.run(database.close())


@lengths
def test_the_store_over_memory_does_what_the_model_says(in_memory: Stage, length: settings) -> None:
    play(lambda: StoreMachine(in_memory), settings(length, max_examples=2 * length.max_examples))

    assert in_memory.steps >= 1_000


@lengths
def test_the_store_over_postgresql_does_what_the_model_says(
    on_postgres: Stage, length: settings
) -> None:
    play(lambda: StoreMachine(on_postgres), length)

    assert on_postgres.steps >= 500


@lengths
def test_a_store_that_crashes_leaves_nothing_half_done(
    on_postgres: Stage, database: CrashingDatabase, length: settings
) -> None:
    play(lambda: CrashingMachine(on_postgres, database), length)

    assert on_postgres.steps >= 500
