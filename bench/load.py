"""Jobs that do nothing, submitted from this process where their cost to it does not matter."""

import asyncio
import json
from itertools import repeat

from bench.http_client import Answer, ask, post

_PAYLOAD = json.dumps({"i": 1, "t": 0, "to": "user@example.com", "x": "abcd"}).encode()
NOOP = b'{"type":"noop","payload":' + _PAYLOAD + b"}"
UNSERVED = NOOP.replace(b'"noop",', b'"noop","queue":"unserved",')
"""Its queue has no worker, so the job stays and the API is measured alone."""


def post_singly(api_port: int, jobs: int, body: bytes = NOOP) -> list[Answer]:
    """Every answer must be 201."""
    request = post("/v1/jobs", body)
    return asyncio.run(ask("127.0.0.1", api_port, repeat(request, jobs), 201))
