"""The machine notices when a mechanism is off: a test that cannot fail shows nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from tests.model.memory_scene import MemoryScene
from tests.model.stage import Stage
from tests.model.store_machine import StoreMachine

from treadle_domain.errors import TransitionRefused
from treadle_domain.job import Job
from treadle_domain.outcomes import Claim, Ruling
from treadle_store.application import keep_session
from treadle_store.application.claim_jobs import ClaimJobs
from treadle_store.application.reclaim_lost_jobs import ReclaimLostJobs

pytestmark = pytest.mark.soak
SEARCH = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


def test_it_notices_that_the_fence_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe_everybody(job: Job, claim: Claim) -> Ruling:
        return Ruling.APPLIED

    monkeypatch.setattr(Job, "rule_on", believe_everybody)

    the_machine_fails()


def test_it_notices_that_lost_jobs_are_not_reclaimed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def find_nothing(reclaim: ReclaimLostJobs) -> bool:
        return False

    monkeypatch.setattr(ReclaimLostJobs, "__call__", find_nothing)

    the_machine_fails()


def test_it_notices_that_a_repeated_claim_is_not_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = ClaimJobs._load

    async def forget_claims(use_case: ClaimJobs, decision: Any, ids: Any) -> Mapping[UUID, Any]:
        found = await load(use_case, decision, ids)
        decision.granted = {}
        return found

    monkeypatch.setattr(ClaimJobs, "_load", forget_claims)

    the_machine_fails()


def test_it_notices_that_a_claim_without_an_answer_stays_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keep_session, "_is_unknown", lambda run, beat: False)

    the_machine_fails()


def the_machine_fails() -> None:
    with asyncio.Runner() as runner:
        stage = Stage(runner, lambda: MemoryScene(runner))
        new_machine = cast("type[RuleBasedStateMachine]", lambda: StoreMachine(stage))
        with pytest.raises((AssertionError, TransitionRefused)):
            run_state_machine_as_test(new_machine, settings=SEARCH)
