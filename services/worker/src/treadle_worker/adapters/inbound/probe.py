"""Probes over HTTP: live while the supervisor's loop turns, ready while it can do its work."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from treadle_worker.application.holdings import Holdings
from treadle_worker.application.vitals import Vitals


class Probe:
    def __init__(self, vitals: Vitals, holdings: Holdings, host: str, port: int) -> None:
        self._vitals = vitals
        self._holdings = holdings
        routes = [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
        ]
        self._server = _Server(
            uvicorn.Config(
                Starlette(routes=routes),
                host=host,
                port=port,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )

    async def serve(self) -> None:
        """Until it is cancelled; exits the process when the port cannot be had."""
        await self._server.serve()

    def stop(self) -> None:
        self._server.should_exit = True

    async def _live(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def _ready(self, _: Request) -> JSONResponse:
        complaint = self._vitals.complaint()
        slots = {"running": self._holdings.running, "free": self._holdings.free}
        if complaint is None:
            return JSONResponse({"status": "ready", **slots})
        return JSONResponse({"status": "not ready", "reason": complaint, **slots}, status_code=503)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the worker's: the probe answers until its end."""
        yield
