"""What becomes of a run whose process is gone."""

import pytest
from tests.unit.worker.fakes import a_run

from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Failed, Lost, Outcome, Released
from treadle_worker.adapters.outbound.run_under_way import (
    RunUnderWay,
    fate_in_a_death,
    fate_in_a_kill,
)
from treadle_worker.application.runs import Interruption


def a_state(
    asked: Interruption | None = None, *, started: bool = True, overdue: bool = False
) -> RunUnderWay:
    return RunUnderWay(
        run=a_run(),
        number=1,
        is_async=True,
        sent_at=0.5,
        due=60.0,
        started_at=1.0 if started else None,
        asked=asked,
        overdue=overdue,
    )


@pytest.mark.parametrize(
    ("asked", "own", "fate"),
    [
        (None, False, Released(alone=True)),
        (None, True, Lost()),
        (Interruption.TIMEOUT, True, Lost()),
        (Interruption.LOST, True, Released()),
        (Interruption.DRAIN, True, Released()),
        (Interruption.LOST, False, Released(alone=True)),
    ],
)
async def test_a_death_is_a_loss_only_for_a_run_alone_that_was_not_to_be_given_back(
    asked: Interruption | None, own: bool, fate: Outcome
) -> None:
    assert fate_in_a_death(a_state(asked), own=own) == fate


@pytest.mark.parametrize("asked", [Interruption.CANCEL, Interruption.DRAIN, Interruption.LOST])
async def test_a_kill_gives_back_what_was_not_at_its_timeout(asked: Interruption) -> None:
    culprit = fate_in_a_kill(a_state(asked, overdue=True), own=False, loop_was_blocked=False)
    neighbour = fate_in_a_kill(a_state(), own=False, loop_was_blocked=False)

    assert (culprit, neighbour) == (Released(alone=True), Released())


async def test_a_kill_fails_what_was_at_its_timeout() -> None:
    fate = fate_in_a_kill(
        a_state(Interruption.TIMEOUT, overdue=True), own=False, loop_was_blocked=True
    )

    assert isinstance(fate, Failed)
    assert (fate.error.kind, fate.alone) == (ErrorKind.TIMEOUT, True)


@pytest.mark.parametrize("asked", Interruption)
async def test_what_never_started_is_not_marked_for_what_its_neighbours_did(
    asked: Interruption,
) -> None:
    waited = a_state(asked, started=False, overdue=True)

    fate = fate_in_a_kill(waited, own=False, loop_was_blocked=True)
    assert fate == Released(unstarted=True)


async def test_time_that_a_run_spent_waiting_for_a_blocked_process_is_not_its_own() -> None:
    """Unless it has the process to itself: then nothing else can be to blame."""
    waited = a_state(Interruption.TIMEOUT, started=False, overdue=True)

    shared = fate_in_a_kill(waited, own=False, loop_was_blocked=True)
    own = fate_in_a_kill(waited, own=True, loop_was_blocked=True)

    assert shared == Released(unstarted=True)
    assert isinstance(own, Failed)
