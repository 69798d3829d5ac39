"""The routes of /v1/jobs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Path, Request
from starlette.responses import Response

from treadle_api.adapters.inbound.http import openapi
from treadle_api.adapters.inbound.http.answers import (
    answer,
    attempts_answer,
    job_answer,
    job_page_answer,
)
from treadle_api.adapters.inbound.http.callers import Callers, require_may_submit
from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_api.adapters.inbound.http.entity_tag import job_or_unchanged, tag_of
from treadle_api.adapters.inbound.http.idempotency_key import read_idempotency_key
from treadle_api.adapters.inbound.http.job_body import read_alone
from treadle_api.adapters.inbound.http.job_query import read_job_query
from treadle_api.adapters.inbound.http.later import Gone, LaterAnswer
from treadle_api.adapters.inbound.http.preferences import WAIT, read_wait
from treadle_api.adapters.inbound.http.problems import Problem, ProblemType
from treadle_api.adapters.inbound.http.query_parameters import take_no_parameters
from treadle_api.adapters.inbound.http.request_body import read_body, require_media_type
from treadle_api.adapters.inbound.http.schemas import BESIDE_PAYLOAD_BYTES
from treadle_api.adapters.inbound.http.trace_header import in_trace, read_trace
from treadle_api.application.caller import Caller
from treadle_api.application.cancel_job import CancelJob
from treadle_api.application.ports import JobReads, JobStore
from treadle_api.application.submit_job import Receipt, SubmitJob
from treadle_api.application.wait_for_job import WaitForJob
from treadle_domain.api_key import Role
from treadle_domain.bounds import printable
from treadle_domain.errors import JobNotFound
from treadle_domain.ids import JobIds
from treadle_domain.stored_job import StoredJob, SubmitOutcome

_LONGEST_SHOWN_ID = 64

_SUBMIT_ANSWERS: Mapping[SubmitOutcome, tuple[int, dict[str, str]]] = {
    SubmitOutcome.CREATED: (201, {}),
    SubmitOutcome.REPLAYED: (201, {"Idempotency-Replayed": "true"}),
    SubmitOutcome.EXISTING: (200, {"Unique-Outcome": "existing"}),
    SubmitOutcome.REPLACED: (200, {"Unique-Outcome": "replaced"}),
}
Show = Callable[[StoredJob, Mapping[str, str]], Response]
"""The answer with a job, and with headers that say whether it was waited for."""

JobId = Annotated[str, Path(json_schema_extra={"format": "uuid"})]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRoutes:
    ids: JobIds
    job_store: JobStore
    job_reads: JobReads
    submit_job: SubmitJob
    wait_for_job: WaitForJob
    cancel_job: CancelJob
    cursors: Cursors
    callers: Callers
    payload_limit_bytes: int

    def add_to(self, app: FastAPI) -> None:
        one = "/v1/jobs/{job_id}"
        app.post("/v1/jobs", **openapi.SUBMIT_JOB)(self.submit)
        app.get("/v1/jobs", **openapi.LIST_JOBS)(self.list_jobs)
        app.get(one, **openapi.GET_JOB)(self.get)
        app.get(f"{one}/attempts", **openapi.LIST_ATTEMPTS)(self.list_attempts)
        app.post(f"{one}/cancel", **openapi.CANCEL_JOB)(self.cancel)
        app.post(f"{one}/retry", **openapi.RETRY_JOB)(self.retry)

    async def submit(self, request: Request) -> Response:
        caller = await self.callers(request, Role.SUBMIT)
        take_no_parameters(request, but=WAIT)
        wait = read_wait(request)
        receipt = await self._receipt(request, caller)
        return self._after_wait(receipt.stored, wait, partial(_submit_answer, receipt.outcome))

    async def list_jobs(self, request: Request) -> Response:
        caller = await self.callers(request, Role.READ)
        query = read_job_query(request.query_params, caller, self.cursors)
        page = await self.job_store.page(query)
        cursor = None if page.next is None else self.cursors.write(query, page.next)
        return answer(job_page_answer(page.jobs, cursor))

    async def get(self, request: Request, job_id: JobId) -> Response:
        caller = await self.callers(request, Role.READ)
        take_no_parameters(request, but=WAIT)
        wait = read_wait(request)
        found = await self._own(caller, _read_id(job_id))
        return self._after_wait(found, wait, partial(job_or_unchanged, request))

    async def list_attempts(self, request: Request, job_id: JobId) -> Response:
        caller = await self.callers(request, Role.READ)
        take_no_parameters(request)
        known = await self._known(caller, job_id)
        attempts = await self.job_store.attempts(caller.namespace, known)
        return answer(attempts_answer(attempts))

    async def cancel(self, request: Request, job_id: JobId) -> Response:
        caller = await self.callers(request, Role.OPERATE)
        take_no_parameters(request)
        known = await self._known(caller, job_id)
        return answer(job_answer(await self.cancel_job(caller.namespace, known)))

    async def retry(self, request: Request, job_id: JobId) -> Response:
        caller = await self.callers(request, Role.OPERATE)
        take_no_parameters(request)
        known = await self._known(caller, job_id)
        stored = await self.job_store.retry(caller.namespace, known)
        return answer(job_answer(stored))

    async def _own(self, caller: Caller, job_id: UUID) -> StoredJob:
        """A job of a queue that the caller may not use is not there: raises JobNotFound."""
        stored = await self.job_reads.get(caller.namespace, job_id)
        if not caller.may_use(stored.job.queue):
            raise JobNotFound(job_id)
        return stored

    async def _known(self, caller: Caller, job_id: str) -> UUID:
        """The id of a job that the caller may see, as far as that can be said without the store."""
        known = _read_id(job_id)
        if caller.queues is not None:
            await self._own(caller, known)
        return known

    async def _receipt(self, request: Request, caller: Caller) -> Receipt:
        require_media_type(request, "json")
        body = await read_body(request, self.payload_limit_bytes + BESIDE_PAYLOAD_BYTES)
        key = read_idempotency_key(request)
        limit = self.payload_limit_bytes
        new = read_alone(body, self.ids.next(), caller.namespace, limit, key)
        require_may_submit(caller, new.submission.queue, new.submission.on_conflict)
        receipt = await self.submit_job(in_trace(new, read_trace(request)))
        if not caller.may_use(receipt.stored.job.queue):
            detail = "A job of a queue that this key may not use holds the unique key."
            raise Problem(ProblemType.UNIQUE_CONFLICT, detail)
        return receipt

    def _after_wait(self, known: StoredJob, seconds: int, show: Show) -> Response:
        if not seconds:
            return show(known, {})

        async def wait(gone: Gone) -> Response:
            waited = await self.wait_for_job(known, seconds, gone)
            applied = {"Preference-Applied": f"wait={seconds}"} if waited.in_full else {}
            return show(waited.stored, applied)

        return LaterAnswer(wait)


def _submit_answer(
    outcome: SubmitOutcome, stored: StoredJob, headers: Mapping[str, str]
) -> Response:
    status, said = _SUBMIT_ANSWERS[outcome]
    shown = {"Location": f"/v1/jobs/{stored.job.id}", "ETag": tag_of(stored)}
    return answer(job_answer(stored), status, {**shown, **said, **headers})


def _read_id(text: str) -> UUID:
    """A text that is no id names no job: 404, as for any other unknown one."""
    try:
        job_id = UUID(text)
    except ValueError:
        job_id = None
    if job_id is None or str(job_id) != text.lower():
        detail = f"There is no job {printable(text[:_LONGEST_SHOWN_ID])}."
        raise Problem(ProblemType.JOB_NOT_FOUND, detail)
    return job_id
