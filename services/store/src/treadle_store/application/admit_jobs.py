"""What becomes of new jobs whose unique keys others may hold: nothing is read or written here."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from treadle_domain.errors import UniqueConflict
from treadle_domain.job import Job
from treadle_domain.key_holder import KeyHolder
from treadle_domain.stored_job import NewJob, StoredJob, SubmitOutcome
from treadle_domain.uniqueness import OnConflict, Uniqueness
from treadle_store.application.ports import Addition, Change, Taking


@dataclass(slots=True, kw_only=True)
class AdmitJobs:
    """One call's jobs, in their order: a key that one takes is held when the next one asks, and an idempotency key
    stands for the first that comes with it.

    `holders` are those of the unique keys, `known` the ids that an earlier sending of the call added, `kept` the
    idempotency keys that stand for a job.
    """

    now: datetime
    holders: dict[str, KeyHolder] = field(default_factory=dict)
    known: Collection[UUID] = ()
    kept: Collection[str] = ()
    additions: dict[UUID, Addition] = field(default_factory=dict)
    """By the id of the new job, in order."""
    replacements: dict[UUID, Change] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    """The idempotency keys of the additions."""

    def __call__(self, new: NewJob) -> SubmitOutcome | UniqueConflict:
        said = new.submission
        stored = StoredJob(job=Job.submitted(said, self.now), payload=new.payload)
        addition = Addition(new=stored, idempotency=said.idempotency)
        key = None if said.idempotency is None else said.idempotency.key
        if said.unique is None or said.id in self.known or key in self.promised:
            return self._add(addition)
        if key in self.kept:
            return self._add(replace(addition, must_be_kept=True))
        holder = self.holders.get(said.unique.key)
        if holder is None or not holder.still_holds(self.now):
            return self._take(addition, said.unique, holder)
        return self._meet(addition, said.unique, holder, said.on_conflict)

    def _add(
        self, addition: Addition, outcome: SubmitOutcome = SubmitOutcome.CREATED
    ) -> SubmitOutcome:
        self.additions[addition.new.job.id] = addition
        if addition.idempotency is not None:
            self.promised.add(addition.idempotency.key)
        return outcome

    def _take(
        self, addition: Addition, unique: Uniqueness, holder: KeyHolder | None
    ) -> SubmitOutcome:
        job, expires_at = addition.new.job, unique.expires_from(self.now)
        self.holders[unique.key] = KeyHolder(
            job_id=job.id, scope=unique.scope, expires_at=expires_at, version=0, job=job
        )
        taking = Taking(
            unique=unique, version=None if holder is None else holder.version, expires_at=expires_at
        )
        return self._add(replace(addition, taking=taking))

    def _meet(
        self, addition: Addition, unique: Uniqueness, holder: KeyHolder, on_conflict: OnConflict
    ) -> SubmitOutcome | UniqueConflict:
        if on_conflict is OnConflict.REJECT:
            return UniqueConflict(unique.key, holder.job_id)
        outcome = SubmitOutcome.EXISTING
        job = holder.job
        if on_conflict is OnConflict.REPLACE_PAYLOAD and job is not None and job.has_never_run:
            self._replace(job, addition.new.payload)
            outcome = SubmitOutcome.REPLACED
        return self._add(replace(addition, instead=holder.job_id), outcome)

    def _replace(self, job: Job, payload: bytes) -> None:
        own = self.additions.get(job.id)
        if own is not None:
            self.additions[job.id] = replace(own, new=replace(own.new, payload=payload))
        else:
            after = job.replace_payload()
            self.replacements[job.id] = Change(
                before=job, after=after, now=self.now, payload=payload
            )
