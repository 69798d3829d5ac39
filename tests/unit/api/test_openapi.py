"""The OpenAPI document tells what the routes do."""

import json
import re
from typing import Any

import pytest
from tests.unit.api.conftest import Api


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    return dict((await api.client.get("/openapi.json")).json())


async def test_it_is_version_3_1_and_every_reference_leads_somewhere(
    document: dict[str, Any],
) -> None:
    references = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document))

    assert document["openapi"].startswith("3.1")
    assert "JobRequest" in references
    assert set(references) <= document["components"]["schemas"].keys()


async def test_it_has_every_operation_with_its_answers(document: dict[str, Any]) -> None:
    operations = {
        f"{method.upper()} {path}": sorted(operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    one, change = ["200", "404", "422", "500", "503"], ["200", "404", "409", "422", "500", "503"]
    assert operations == {
        "POST /v1/jobs": ["200", "201", "400", "408", "409", "413", "415", "422", "500", "503"],
        "GET /v1/jobs": ["200", "422", "500", "503"],
        "GET /v1/jobs/{job_id}": ["200", "304", "404", "422", "500", "503"],
        "GET /v1/jobs/{job_id}/attempts": one,
        "POST /v1/jobs/{job_id}/cancel": change,
        "POST /v1/jobs/{job_id}/retry": change,
        "POST /v1/jobs/batch": ["200", "400", "408", "413", "415", "422", "500", "503"],
        "GET /v1/queues": ["200", "422", "500", "503"],
        "GET /health/live": ["200"],
        "GET /health/ready": ["200", "503"],
    }


async def test_it_describes_the_request_with_its_bounds(document: dict[str, Any]) -> None:
    request = document["components"]["schemas"]["JobRequest"]

    assert request["required"] == ["type"]
    assert request["additionalProperties"] is False
    assert request["properties"]["priority"]["maximum"] == 9
    times = {"type": "string", "format": "date-time"}
    assert times in request["properties"]["run_at"]["anyOf"]


async def test_it_describes_the_answers_as_they_are(api: Api, document: dict[str, Any]) -> None:
    job = await api.submit()
    page = (await api.client.get("/v1/jobs")).json()
    problem = (await api.client.get("/v1/jobs?limit=0")).json()

    schemas = document["components"]["schemas"]
    assert job.keys() == schemas["JobAnswer"]["properties"].keys()
    assert page.keys() == schemas["JobPageAnswer"]["properties"].keys()
    assert page["items"][0].keys() == schemas["JobSummary"]["properties"].keys()
    assert problem.keys() <= schemas["ProblemBody"]["properties"].keys()


async def test_every_parameter_of_the_list_is_described(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/v1/jobs"]["get"]["parameters"]

    names = {parameter["name"] for parameter in parameters}
    ranges = {f"{what}_{end}" for what in ("created", "finished") for end in ("after", "before")}
    equal = {"state", "queue", "type", "metadata"}
    assert names == equal | ranges | {"attempt_above", "limit", "cursor"}
