"""ETag and If-None-Match (RFC 9110): who knows a job as it is now is not sent it again."""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from treadle_api.adapters.inbound.http.answers import answer, job_answer
from treadle_domain.stored_job import StoredJob
from treadle_wire.scalars import to_us

_OPAQUE = re.compile(r'"[^"]*"')


def tag_of(stored: StoredJob) -> str:
    """Weak: it names the job's version and when it last told its progress, not the bytes that show them."""
    told = "" if stored.progress is None else f"-{to_us(stored.progress.recorded_at)}"
    return f'W/"{stored.job.version}{told}"'


def job_or_unchanged(
    request: Request, stored: StoredJob, more_headers: Mapping[str, str]
) -> Response:
    """304 without a body where If-None-Match names the job as it is."""
    tag = tag_of(stored)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **more_headers}
    if _knows(request, tag):
        return Response(status_code=304, headers=headers)
    return answer(job_answer(stored), headers=headers)


def _knows(request: Request, tag: str) -> bool:
    known = ",".join(request.headers.getlist("if-none-match"))
    return known.strip() == "*" or tag.removeprefix("W/") in _OPAQUE.findall(known)
