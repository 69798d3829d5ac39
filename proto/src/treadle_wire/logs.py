"""Log lines on stderr: readable on a terminal, JSON in containers; the same words in every service."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor

from treadle_wire.patient_log import PatientLog

LogFormat = Literal["console", "json"]


def configure_logs(service: str, *, form: LogFormat, level: str) -> None:
    """Call once, before the first line; lines of libraries that use `logging` come out the same way."""

    def name_service(_: object, __: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        shared += [name_service, structlog.processors.format_exc_info]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(PatientLog(sys.stderr.fileno()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(form),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def _renderer(form: LogFormat) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    # Plain: the rich form prints local variables, payloads and settings among them, and takes seconds.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )
