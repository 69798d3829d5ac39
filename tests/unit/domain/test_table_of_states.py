"""The table of states says what may happen; nothing else happens, and all that it says can."""

import pytest
from tests.builders import NOW, a_failure, a_job
from tests.unit.domain.every_verb import REPORTED, WAYS, assert_refused, ended
from tests.unit.domain.generated import claim_of, claimed

from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Ruling, Succeeded
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import TRANSITIONS, JobState, Verb


def jobs_in_every_state() -> list[Job]:
    pending = a_job(options=RunOptions(max_attempts=2))
    running = claimed(pending)
    return [
        pending,
        a_job(expires_at=NOW),
        running,
        running.cancel(NOW),
        ended(Succeeded())(running),
        ended(a_failure(ErrorKind.PERMANENT))(running),
        pending.cancel(NOW),
    ]


NOT_IN_THE_TABLE = [
    pytest.param(job, verb, id=f"{verb} {job.state}")
    for job in jobs_in_every_state()
    for verb in Verb
    if (job.state, verb) not in TRANSITIONS and verb not in REPORTED
]


@pytest.mark.parametrize(("job", "verb"), NOT_IN_THE_TABLE)
def test_a_verb_that_the_table_lacks_is_refused_with_the_facts(job: Job, verb: Verb) -> None:
    assert_refused(job, verb)


def in_time(job: Job, verb: Verb) -> bool:
    return verb not in (Verb.CLAIM, Verb.EXPIRE) or job.has_expired(NOW) == (verb is Verb.EXPIRE)


def test_every_row_of_the_table_can_happen() -> None:
    rows = {(state, verb, to) for (state, verb), states in TRANSITIONS.items() for to in states}

    seen = {
        (job.state, verb, change(job).state)
        for job in jobs_in_every_state()
        for verb, ways in WAYS.items()
        for change in ways
        if (job.state, verb) in TRANSITIONS and in_time(job, verb)
    }

    assert seen == rows


def test_every_verb_has_a_row() -> None:
    assert {verb for _, verb in TRANSITIONS} == set(Verb)


def test_only_an_operators_retry_leaves_a_final_state() -> None:
    leaving = {
        verb
        for (state, verb), states in TRANSITIONS.items()
        if state.is_final and states != {state}
    }

    assert leaving == {Verb.RETRY}


@pytest.mark.parametrize("job", [a_job(), a_job().cancel(NOW)], ids=["pending", "cancelled"])
def test_a_report_about_a_job_that_never_ran_is_stale(job: Job) -> None:
    holder = claim_of(claimed(a_job()))

    assert job.finish(holder, Succeeded(), now=NOW, chance=0.5) == (Ruling.STALE, job)


def test_the_states_that_end_a_job() -> None:
    assert {state for state in JobState if state.is_final} == {
        JobState.SUCCESS,
        JobState.FAILED,
        JobState.CANCELLED,
    }
