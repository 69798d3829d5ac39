"""Submits a job and reads it with the client that openapi-python-client made: submit_and_read.py URL"""

import sys
from uuid import UUID, uuid4

from treadle_client import Client
from treadle_client.api.jobs import get_job, list_jobs, submit_job
from treadle_client.models import JobAnswer, JobPageAnswer, JobRequest, JobState, ProblemBody

PAYLOAD = {"text": "grüße", "numbers": [1, 2.5, None]}

with Client(base_url=sys.argv[1]) as client:
    request = JobRequest(type_="echo", queue="default", payload=PAYLOAD)
    submitted = submit_job.sync_detailed(client=client, body=request, prefer="wait=20")
    assert submitted.status_code == 201, submitted
    assert submitted.headers["preference-applied"] == "wait=20"
    assert isinstance(submitted.parsed, JobAnswer)

    read = get_job.sync(submitted.parsed.id, client=client)
    assert isinstance(read, JobAnswer)
    assert isinstance(read.id, UUID)
    assert (read.state, read.payload, read.result) == (JobState.SUCCESS, PAYLOAD, PAYLOAD)

    page = list_jobs.sync(client=client, state=[JobState.SUCCESS], type_="echo", limit=1)
    assert isinstance(page, JobPageAnswer)
    assert len(page.items) == 1

    unknown = get_job.sync(uuid4(), client=client)
    assert isinstance(unknown, ProblemBody)
    assert unknown.type_ == "/problems/job-not-found"
