"""Probes and metrics over HTTP: live while the supervisor's loop turns, ready while it can do its work."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from treadle_worker.adapters.inbound.gauges import Gauges
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.vitals import Vitals

_LAST_ANSWERS_SECONDS = 1


class ProbeRefused(Exception):
    """The port cannot be had."""


class Probe:
    """Takes its port before anything else starts; a request is answered from what is known, nobody is asked."""

    def __init__(
        self, vitals: Vitals, holdings: Holdings, registry: CollectorRegistry, host: str, port: int
    ) -> None:
        self._vitals = vitals
        self._holdings = holdings
        self._registry = registry
        self._registry.register(Gauges(vitals, holdings))
        self._address = (host, port)
        self._socket: socket.socket | None = None

    @contextmanager
    def bound(self) -> Iterator[None]:
        """The port is taken, and refuses connections until `serving`. Raises ProbeRefused."""
        with self._refusals():
            family, kind, *_, address = socket.getaddrinfo(
                *self._address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._socket = socket.socket(family, kind)
        with self._socket:
            with self._refusals():
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._socket.bind(address)
            yield

    @property
    def port(self) -> int:
        """Which one it became, where any was asked for (0)."""
        assert self._socket is not None
        port: int = self._socket.getsockname()[1]
        return port

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answers until the end of the block, however that comes. Raises ProbeRefused."""
        server = _Server(self._config())
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(self._serve(server))
            try:
                yield
            finally:
                # Asked and not cancelled: it would leave its connections open.
                server.stop()
                await asyncio.wait((answering,))

    async def _serve(self, server: uvicorn.Server) -> None:
        assert self._socket is not None
        with self._refusals():
            await server.serve(sockets=[self._socket])

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            host, port = self._address
            raise ProbeRefused(f"{host}:{port}: {error.strerror or error}") from error

    def _config(self) -> uvicorn.Config:
        routes = [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
            Route("/metrics", self._metrics),
        ]
        return uvicorn.Config(
            Starlette(routes=routes),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
        )

    async def _live(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def _ready(self, _: Request) -> JSONResponse:
        complaint = self._vitals.complaint()
        slots = {"running": self._holdings.running, "free": self._holdings.free}
        if complaint is None:
            return JSONResponse({"status": "ready", **slots})
        return JSONResponse({"status": "not ready", "reason": complaint, **slots}, status_code=503)

    async def _metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked_to_stop = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._asked_to_stop.set()

    async def main_loop(self) -> None:
        """Of itself uvicorn looks ten times a second whether to stop."""
        await self._asked_to_stop.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the worker's: the probe answers until its end."""
        yield
