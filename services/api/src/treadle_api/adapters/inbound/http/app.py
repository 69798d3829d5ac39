"""The operations and pages, as the framework knows them."""

from fastapi import FastAPI

from treadle_api.adapters.inbound.http.batch_routes import BatchRoutes
from treadle_api.adapters.inbound.http.document import DocumentedApi
from treadle_api.adapters.inbound.http.errors import install_problems
from treadle_api.adapters.inbound.http.job_routes import JobRoutes
from treadle_api.adapters.inbound.http.key_routes import KeyRoutes
from treadle_api.adapters.inbound.http.manual import add_manual
from treadle_api.adapters.inbound.http.probes import Probes
from treadle_api.adapters.inbound.http.queue_routes import QueueRoutes


def create_app(
    job_routes: JobRoutes,
    batch_routes: BatchRoutes,
    queue_routes: QueueRoutes,
    key_routes: KeyRoutes,
    probes: Probes,
) -> FastAPI:
    app = DocumentedApi(
        title="Treadle",
        summary="Distributed job processing: every accepted job is on disk.",
        version="1",  # as in the paths: /v1
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False},
    )
    job_routes.add_to(app)
    batch_routes.add_to(app)
    queue_routes.add_to(app)
    key_routes.add_to(app)
    probes.add_to(app)
    add_manual(app)
    install_problems(app)
    return app
