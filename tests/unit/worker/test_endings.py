"""What became of a run, in one word."""

from datetime import timedelta

import pytest
from tests.eventually import eventually
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import (
    Failed,
    Lost,
    Outcome,
    Released,
    Ruling,
    Snoozed,
    Succeeded,
    Verdict,
)
from treadle_domain.states import JobState
from treadle_worker.application.endings import Ending, ending_of

FAILURE = Failed(error=JobError(kind=ErrorKind.ERROR, message="why"))
OUTCOMES: list[Outcome] = [
    Succeeded(),
    FAILURE,
    Snoozed(delay=timedelta(seconds=1)),
    Released(),
    Released(unstarted=True),
    Lost(),
]


def words(ruling: Ruling, state: JobState | None) -> list[str]:
    return [ending_of(outcome, Verdict(ruling, state)).value for outcome in OUTCOMES]


@pytest.mark.parametrize("ruling", [Ruling.APPLIED, Ruling.ALREADY_RECORDED])
def test_a_run_whose_job_goes_on_is_named_by_how_it_ended(ruling: Ruling) -> None:
    _, *going_on = words(ruling, JobState.PENDING)

    assert going_on == ["retry", "snoozed", "interrupted", "released", "lost"]


@pytest.mark.parametrize("state", [JobState.SUCCESS, JobState.FAILED, JobState.CANCELLED])
def test_a_run_whose_job_has_ended_is_named_by_the_jobs_state(state: JobState) -> None:
    assert {*words(Ruling.APPLIED, state)} == {state.value.lower()}


def test_a_refused_end_is_stale_whatever_it_was() -> None:
    assert {*words(Ruling.STALE, None)} == {"stale"}


def test_the_states_that_an_older_store_does_not_tell_are_guessed() -> None:
    assert words(Ruling.APPLIED, None)[:2] == ["success", "retry"]


async def test_ends_are_counted_with_the_kind_of_their_jobs() -> None:
    played = Played()
    played.ready_queue.ids = ids(SLOTS)
    played.store.types = {played.ready_queue.ids[0]: "mail"}

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        played.executors.end_all()
        await eventually(lambda: len(played.tally.ends) == SLOTS)

    queues = {run.queue for run in played.executors.runs}
    assert len(queues) == 1
    kinds = sorted(kind for kind, _ in played.tally.ends)
    assert kinds == sorted((run.queue, run.type) for run in played.executors.runs)
    assert {ending for _, ending in played.tally.ends} == {Ending.SUCCESS}
