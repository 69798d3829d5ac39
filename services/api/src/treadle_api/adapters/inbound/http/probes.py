"""Whether this process lives, whether it can do its work, and what it did."""

from dataclasses import dataclass

from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import Response

from treadle_api.adapters.inbound.http import openapi
from treadle_api.adapters.inbound.http.answers import HealthAnswer, answer
from treadle_api.application.errors import StoreUnavailable
from treadle_api.application.ports import StoreHealth
from treadle_api.application.waiters import Waiters


@dataclass(frozen=True, slots=True)
class Probes:
    """Redis is no part of being ready: without it jobs are accepted all the same."""

    store_health: StoreHealth
    waiters: Waiters
    registry: CollectorRegistry

    def add_to(self, app: FastAPI) -> None:
        app.get("/health/live", **openapi.LIVE)(self.live)
        app.get("/health/ready", **openapi.READY)(self.ready)
        app.get("/metrics", **openapi.METRICS)(self.metrics)

    async def live(self, _: Request) -> Response:
        return answer(HealthAnswer("live"))

    async def ready(self, _: Request) -> Response:
        if self.waiters.is_released or not await self.store_health.is_serving():
            raise StoreUnavailable(outcome_unknown=False)
        return answer(HealthAnswer("ready"))

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
