"""The route of /v1/queues."""

from dataclasses import dataclass, replace

from fastapi import FastAPI, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from treadle_api.adapters.inbound.http import openapi
from treadle_api.adapters.inbound.http.answers import answer, queue_page_answer
from treadle_api.adapters.inbound.http.callers import Callers, require_queues
from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_api.adapters.inbound.http.query_parameters import read_number, read_once
from treadle_api.application.caller import Caller
from treadle_api.application.ports import JobStore
from treadle_domain.api_key import Role
from treadle_domain.queue_depth import QueueQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRoutes:
    job_store: JobStore
    cursors: Cursors
    callers: Callers

    def add_to(self, app: FastAPI) -> None:
        app.get("/v1/queues", **openapi.LIST_QUEUES)(self.list_queues)

    async def list_queues(self, request: Request) -> Response:
        caller = await self.callers(request, Role.READ)
        query = self._read(request.query_params, caller)
        page = await self.job_store.queues(query)
        last = page.queues[-1].queue if page.more else None
        cursor = None if last is None else self.cursors.write_queue(query, last)
        return answer(queue_page_answer(page.queues, cursor))

    def _read(self, params: QueryParams, caller: Caller) -> QueueQuery:
        """Raises InvalidValue naming the parameter, Problem."""
        require_queues(caller, *params.getlist("queue"))
        names = caller.own(params.getlist("queue"))
        once = read_once(params, frozenset({"limit", "cursor"}), repeated="queue")
        query = QueueQuery(namespace=caller.namespace, names=names)
        if "limit" in once:
            query = replace(query, limit=read_number("limit", once["limit"]))
        cursor = once.get("cursor")
        if cursor is None:
            return query
        return replace(query, after=self.cursors.read_queue(query, cursor))
