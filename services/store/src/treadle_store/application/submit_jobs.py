"""Jobs come in."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from treadle_domain.errors import DomainError, IdempotencyMismatch, InvalidValue, UniqueConflict
from treadle_domain.job import Job
from treadle_domain.stored_job import NewJob, SubmitOutcome
from treadle_domain.submission import Submission
from treadle_store.application.admit_jobs import AdmitJobs
from treadle_store.application.errors import HolderChanged, TooContended, Unstorable
from treadle_store.application.ports import (
    Added,
    Addition,
    Clock,
    IdempotencyKeys,
    JobRepository,
    UniqueKeys,
)
from treadle_store.application.submit_ports import PlainSubmits

MAX_ROUNDS = 6
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AsStored:
    """On disk. `due`: ready now, so the caller tells the ready queue; all later ones are the announcer's."""

    job: Job
    due: bool
    outcome: SubmitOutcome


@dataclass(frozen=True, slots=True)
class AsSubmitted:
    """On disk, as the domain makes it of the submission at this time."""

    submission: Submission
    at: datetime

    @property
    def job(self) -> Job:
        return Job.submitted(self.submission, self.at)

    @property
    def due(self) -> bool:
        return self.job.is_due(self.at)

    @property
    def outcome(self) -> SubmitOutcome:
        return SubmitOutcome.CREATED


Accepted = AsStored | AsSubmitted
Answer = Accepted | DomainError | None
"""None: nothing was stored, since others of an atomic call were refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitJobs:
    """The jobs of a call are of one namespace and are answered in the order given. Repeating an id, or an idempotency
    key, answers with the job of the first time."""

    jobs: JobRepository
    plain_submits: PlainSubmits
    idempotency_keys: IdempotencyKeys
    unique_keys: UniqueKeys
    clock: Clock

    async def __call__(self, new_jobs: Sequence[NewJob], *, atomic: bool = False) -> list[Answer]:
        """`atomic`: all of them are stored, or none."""
        if all(_is_plain(new.submission) for new in new_jobs):
            with suppress(Unstorable):
                at = await self.plain_submits.add(new_jobs)
                if at is not None:
                    return [AsSubmitted(new.submission, at) for new in new_jobs]
        now = await self.clock.now()
        if not atomic:
            return await self._apart(new_jobs, now)
        try:
            answers = await self._add(new_jobs, now, atomic=True)
        except Unstorable as error:
            return [InvalidValue("payload", f"one of them: {error}") for _ in new_jobs]
        refused = [each if isinstance(each, DomainError) else None for each in answers]
        return [*refused] if any(refused) else answers

    async def _apart(self, new_jobs: Sequence[NewJob], now: datetime) -> list[Answer]:
        """A batch that was refused is halved until the refused job is alone: its neighbours do not suffer."""
        try:
            return await self._add(new_jobs, now, atomic=False)
        except Unstorable as error:
            if len(new_jobs) == 1:
                return [InvalidValue("payload", str(error))]
        half = len(new_jobs) // 2
        return await self._apart(new_jobs[:half], now) + await self._apart(new_jobs[half:], now)

    async def _add(
        self, new_jobs: Sequence[NewJob], now: datetime, *, atomic: bool
    ) -> list[Answer]:
        """Nothing was added if it is `atomic` and any of the answers is a refusal."""
        for number in range(MAX_ROUNDS):
            admit = await self._look(new_jobs, now)
            outcomes = [admit(new) for new in new_jobs]
            conflicts = [each if isinstance(each, UniqueConflict) else None for each in outcomes]
            if atomic and any(conflicts):
                return [*conflicts]
            with suppress(HolderChanged):
                return await self._settle(admit, outcomes, new_jobs, atomic=atomic)
            # Those who were faster are likely to come again at once.
            await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS * 2**number))  # noqa: S311
        raise TooContended(f"unique keys were still taken by others after {MAX_ROUNDS} rounds")

    async def _settle(
        self,
        admit: AdmitJobs,
        outcomes: Sequence[SubmitOutcome | UniqueConflict],
        new_jobs: Sequence[NewJob],
        *,
        atomic: bool,
    ) -> list[Answer]:
        """Raises HolderChanged."""
        additions = [*admit.additions.values()]
        added = await self.jobs.add(additions, [*admit.replacements.values()], atomic=atomic)
        by_id = dict(zip(admit.additions, zip(additions, added, strict=True), strict=True))
        return [
            outcome
            if isinstance(outcome, UniqueConflict)
            else _answer(*by_id[new.submission.id], outcome, admit.now)
            for new, outcome in zip(new_jobs, outcomes, strict=True)
        ]

    async def _look(self, new_jobs: Sequence[NewJob], now: datetime) -> AdmitJobs:
        """In this order: whoever made the job of an idempotency key is seen by the last look, or found when the jobs
        are added."""
        unique = [new.submission for new in new_jobs if new.submission.unique is not None]
        if not unique:
            return AdmitJobs(now=now)
        namespace = unique[0].namespace
        keys = {said.unique.key for said in unique if said.unique is not None}
        holders = await self.unique_keys.holders(namespace, keys)
        known = await self.jobs.find(namespace, [said.id for said in unique])
        repeatable = {said.idempotency.key for said in unique if said.idempotency is not None}
        kept = await self.idempotency_keys.kept(namespace, repeatable) if repeatable else ()
        return AdmitJobs(now=now, holders={**holders}, known=known, kept=kept)


def _is_plain(said: Submission) -> bool:
    return said.idempotency is None and said.unique is None


def _answer(
    addition: Addition, added: Added, outcome: SubmitOutcome, now: datetime
) -> AsStored | IdempotencyMismatch:
    asked, job = addition.idempotency, added.stored.job
    if asked is not None and added.idempotency != asked:
        return IdempotencyMismatch(asked.key)
    if job.id != addition.answering_job:
        outcome = SubmitOutcome.REPLAYED
    return AsStored(job=job, due=job.is_due(now), outcome=outcome)
