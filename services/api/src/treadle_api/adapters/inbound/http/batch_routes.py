"""POST /v1/jobs/batch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from treadle_api.adapters.inbound.http import openapi
from treadle_api.adapters.inbound.http.answers import answer
from treadle_api.adapters.inbound.http.batch_answers import (
    PATH,
    BatchAnswer,
    BatchRefusedBody,
    ItemAnswer,
    item_answer,
)
from treadle_api.adapters.inbound.http.batch_body import (
    JSON_LINES,
    MAX_ATOMIC_BYTES,
    MAX_ATOMIC_ITEMS,
    MAX_ITEMS,
    in_turns,
    lines_of,
    read_whole_batch,
    texts_of,
)
from treadle_api.adapters.inbound.http.batch_run import BatchRun
from treadle_api.adapters.inbound.http.callers import Callers, require_may_submit
from treadle_api.adapters.inbound.http.idempotency_key import take_no_idempotency_key
from treadle_api.adapters.inbound.http.job_body import read_item
from treadle_api.adapters.inbound.http.problems import (
    PROBLEM_JSON,
    FieldError,
    Problem,
    ProblemType,
    invalid,
)
from treadle_api.adapters.inbound.http.query_parameters import read_once
from treadle_api.adapters.inbound.http.request_body import (
    body_pieces,
    read_body,
    require_media_type,
)
from treadle_api.adapters.inbound.http.schemas import BESIDE_PAYLOAD_BYTES
from treadle_api.adapters.inbound.http.trace_header import in_trace, read_trace
from treadle_api.application.caller import Caller
from treadle_api.application.ports import Submitted
from treadle_api.application.submit_batch import SubmitBatch
from treadle_domain.api_key import Role
from treadle_domain.errors import DomainError, InvalidValue
from treadle_domain.ids import JobIds
from treadle_domain.stored_job import NewJob

_Read = Callable[[bytes | None], NewJob]

_AT_ONCE = 4
_STREAMS_AT_ONCE = 16
"""They hold less, and may be slow: those that are whole do not wait for them."""
_LONGEST_WAIT_SECONDS = 10.0
"""For one of those before to end."""
_LONGEST_STREAM_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRoutes:
    """`charge`: for jobs that are handed to the store. `batch_limit_bytes`: of a batch that is one JSON text; one of
    lines is bounded by their number."""

    ids: JobIds
    submit_batch: SubmitBatch
    callers: Callers
    charge: Callable[[Caller, int], None]
    payload_limit_bytes: int
    batch_limit_bytes: int
    _wholes: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_AT_ONCE), init=False
    )
    _streams: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_STREAMS_AT_ONCE), init=False
    )

    def add_to(self, app: FastAPI) -> None:
        app.post(PATH, **openapi.SUBMIT_BATCH)(self.submit)

    async def submit(self, request: Request) -> Response:
        caller = await self.callers(request, Role.SUBMIT)
        take_no_idempotency_key(request)
        atomic = _read_atomic(request)
        form = require_media_type(request, "json", JSON_LINES)
        async with _slot(self._streams if form == JSON_LINES else self._wholes):
            if form == JSON_LINES:
                pieces = body_pieces(request, None, _LONGEST_STREAM_SECONDS)
                items = lines_of(pieces, self._item_limit_bytes)
            else:
                whole = read_whole_batch(await read_body(request, self.batch_limit_bytes))
                atomic = atomic or whole.atomic
                items = texts_of(whole.jobs, self._item_limit_bytes)
            read = partial(self._read, caller, read_trace(request))
            submit = self._atomically if atomic else self._apart
            return await submit(caller, read, in_turns(items))

    async def _apart(
        self, caller: Caller, read: _Read, items: AsyncIterator[bytes | None]
    ) -> Response:
        run = BatchRun(read, partial(self._submit, caller))
        try:
            async for text in items:
                if len(run.results) == MAX_ITEMS:
                    raise _too_long()
                await run.take(text)
        except Problem as cut:
            if not run.results:
                raise
            await run.finish_part()
            # What came before is on disk, and the client has to know its ids.
            rest = item_answer(len(run.results), cut)
            return answer(BatchAnswer(results=[*run.results, rest]), headers=cut.headers)
        await run.finish_part()
        return answer(BatchAnswer(results=run.results))

    async def _atomically(
        self, caller: Caller, read: _Read, items: AsyncIterator[bytes | None]
    ) -> Response:
        given = [_read_or_refuse(read, text) async for text in _few(items)]
        jobs = [each for each in given if isinstance(each, NewJob)]
        if len(jobs) < len(given):
            return _refused(None if isinstance(each, NewJob) else each for each in given)
        self.charge(caller, len(jobs))
        answers = await self.submit_batch.atomically(caller.namespace, jobs) if jobs else []
        if any(not isinstance(each, Submitted) for each in answers):
            return _refused(answers)
        return answer(BatchAnswer(results=_results(answers)))

    async def _submit(
        self, caller: Caller, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        self.charge(caller, len(jobs))
        return await self.submit_batch(caller.namespace, jobs)

    def _read(self, caller: Caller, trace: str | None, text: bytes | None) -> NewJob:
        """Raises Problem, InvalidValue."""
        if text is None:
            limit = self._item_limit_bytes
            raise Problem(
                ProblemType.TOO_LARGE, f"A job is larger than {limit} bytes.", limit_bytes=limit
            )
        new = read_item(text, self.ids.next(), caller.namespace, self.payload_limit_bytes)
        require_may_submit(caller, new.submission.queue, new.submission.on_conflict)
        return in_trace(new, trace)

    @property
    def _item_limit_bytes(self) -> int:
        return self.payload_limit_bytes + BESIDE_PAYLOAD_BYTES


@asynccontextmanager
async def _slot(slots: asyncio.Semaphore) -> AsyncIterator[None]:
    """So many batches are held in memory, and no more."""
    try:
        async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
            await slots.acquire()
    except TimeoutError:
        detail = "Too many batches are being taken in. Nothing was changed; try again soon."
        headers = {"Retry-After": "2", "Connection": "close"}
        raise Problem(ProblemType.TOO_BUSY, detail, headers=headers) from None
    try:
        yield
    finally:
        slots.release()


def _read_or_refuse(read: _Read, text: bytes | None) -> NewJob | Problem | DomainError:
    try:
        return read(text)
    except (Problem, DomainError) as refusal:
        return refusal


def _too_long() -> Problem:
    detail = f"A batch has at most {MAX_ITEMS} jobs: this one and all after it were not read."
    return Problem(ProblemType.TOO_LARGE, detail)


def _read_atomic(request: Request) -> bool:
    """Raises InvalidValue."""
    said = read_once(request.query_params, frozenset({"atomic"})).get("atomic", "false")
    if said not in {"true", "false"}:
        raise InvalidValue("atomic", "must be true or false")
    return said == "true"


async def _few(items: AsyncIterator[bytes | None]) -> AsyncIterator[bytes | None]:
    """Raises Problem if they are more than one transaction takes."""
    count = size = 0
    async for text in items:
        count, size = count + 1, size + len(text or b"")
        if count > MAX_ATOMIC_ITEMS:
            raise invalid(FieldError("", f"an atomic batch has at most {MAX_ATOMIC_ITEMS} jobs"))
        if size > MAX_ATOMIC_BYTES:
            detail = f"An atomic batch has at most {MAX_ATOMIC_BYTES} bytes."
            raise Problem(ProblemType.TOO_LARGE, detail, limit_bytes=MAX_ATOMIC_BYTES)
        yield text


def _results(answers: Iterable[Submitted | Exception | None]) -> Sequence[ItemAnswer]:
    return [item_answer(index, each) for index, each in enumerate(answers)]


def _refused(answers: Iterable[Submitted | Exception | None]) -> Response:
    results = _results(answers)
    count = sum(each.problem is not None for each in results)
    problem = Problem(ProblemType.BATCH_REFUSED, f"{count} of {len(results)} jobs were refused.")
    body = BatchRefusedBody(**msgspec.structs.asdict(problem.body(PATH)), results=results)
    return Response(msgspec.json.encode(body), problem.kind.status, media_type=PROBLEM_JSON)
