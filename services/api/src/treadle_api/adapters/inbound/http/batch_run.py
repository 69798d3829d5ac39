"""A batch that is handed in part by part, as it comes."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from treadle_api.adapters.inbound.http.batch_answers import NOT_STORED, ItemAnswer, item_answer
from treadle_api.adapters.inbound.http.problems import Problem
from treadle_api.application.errors import StoreError, StoreUnavailable
from treadle_api.application.ports import Submitted, size_of
from treadle_api.application.submit_batch import MAX_BYTES, MAX_JOBS
from treadle_domain.errors import DomainError
from treadle_domain.stored_job import NewJob

_log = structlog.get_logger()

Submit = Callable[[Sequence[NewJob]], Awaitable[Sequence[Submitted | DomainError]]]


class BatchRun:
    """Holds one part of jobs at a time, and of all others what became of them: `results`, in order."""

    def __init__(self, read: Callable[[bytes | None], NewJob], submit: Submit) -> None:
        self._read = read
        self._submit = submit
        self.results: list[ItemAnswer] = []
        self._part: list[tuple[int, NewJob]] = []
        self._bytes = 0
        self._has_stored = False
        self._outage: StoreError | None = None

    async def take(self, text: bytes | None) -> None:
        """Raises StoreError if the store went away before it had stored anything of the batch."""
        index = len(self.results)
        try:
            new = self._read(text)
        except (Problem, DomainError) as refusal:
            self.results.append(item_answer(index, refusal))
            return
        self.results.append(NOT_STORED)
        self._part.append((index, new))
        self._bytes += size_of(new)
        if len(self._part) == MAX_JOBS or self._bytes >= MAX_BYTES:
            await self.finish_part()

    async def finish_part(self) -> None:
        """Raises StoreError as `take` does."""
        part, self._part, self._bytes = self._part, [], 0
        if part:
            answers = await self._answers([new for _, new in part])
            for (index, _), answer in zip(part, answers, strict=True):
                self.results[index] = item_answer(index, answer)

    async def _answers(self, jobs: Sequence[NewJob]) -> Sequence[Submitted | Exception]:
        """Once the store went away nothing more is asked of it: what is left can be sent again at leisure."""
        if self._outage is None:
            try:
                answers = await self._submit(jobs)
            except StoreError as error:
                if not self._has_stored:
                    raise
                _log.warning("api: the rest of a batch is not stored", error=str(error))
                self._outage = error
                return [error] * len(jobs)
            self._has_stored = True
            return answers
        return [StoreUnavailable(outcome_unknown=False)] * len(jobs)
