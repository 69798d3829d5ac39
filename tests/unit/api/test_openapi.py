"""The OpenAPI document tells what the routes do."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from tests.unit.api.conftest import Api

from treadle_api.adapters.inbound.http.problems import ProblemType


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    return dict((await api.client.get("/openapi.json")).json())


async def test_it_is_version_3_1_and_every_reference_leads_somewhere(
    document: dict[str, Any],
) -> None:
    references = re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(document))

    parts = {f"{kind}/{n}" for kind, named in document["components"].items() for n in named}
    assert document["openapi"].startswith("3.1")
    assert {"schemas/JobRequest", "examples/pending-job"} <= set(references) <= parts


async def test_it_has_every_operation_with_its_answers(document: dict[str, Any]) -> None:
    operations = {
        f"{method.upper()} {path}": sorted(operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    one, change = ["200", "404", "422", "500", "503"], ["200", "404", "409", "422", "500", "503"]
    asked_for_a_key = {
        name: [status for status in statuses if status not in ("401", "403", "429")]
        for name, statuses in operations.items()
        if {"401", "403", "429"} <= {*statuses}
    }
    assert asked_for_a_key.keys() == {name for name in operations if "/v1/" in name}
    assert operations | asked_for_a_key == {
        "POST /v1/jobs": ["200", "201", "400", "408", "409", "413", "415", "422", "500", "503"],
        "GET /v1/jobs": ["200", "422", "500", "503"],
        "GET /v1/jobs/{job_id}": ["200", "304", "404", "422", "500", "503"],
        "GET /v1/jobs/{job_id}/attempts": one,
        "POST /v1/jobs/{job_id}/cancel": change,
        "POST /v1/jobs/{job_id}/retry": change,
        "POST /v1/jobs/batch": ["200", "400", "408", "413", "415", "422", "500", "503"],
        "GET /v1/queues": ["200", "422", "500", "503"],
        "POST /v1/keys": ["201", "400", "408", "413", "415", "422", "500", "503"],
        "GET /v1/keys": ["200", "422", "500", "503"],
        "DELETE /v1/keys/{key_id}": one,
        "GET /health/live": ["200"],
        "GET /health/ready": ["200", "503"],
        "GET /metrics": ["200"],
    }


async def test_every_body_is_shown_by_examples_that_fit_its_schema(
    document: dict[str, Any],
) -> None:
    bodies = list(_bodies(document))

    assert len(bodies) > 40
    for place, body in bodies:
        assert body.get("examples"), f"{place} has no example"
        whole = {**body["schema"], "components": document["components"]}
        fits = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        for name, value in _examples(document, body):
            errors = [f"{error}" for error in fits.iter_errors(value)]
            assert not errors, f"{place} {name}: {errors}"


async def test_every_operation_has_a_name_a_tag_and_a_summary_of_its_own(
    document: dict[str, Any],
) -> None:
    operations = [operation for _, operation in _operations(document)]

    assert all(operation["tags"] for operation in operations)
    for what in ("operationId", "summary"):
        assert len({operation[what] for operation in operations}) == len(operations)
    assert all(re.fullmatch("[a-z_]+", operation["operationId"]) for operation in operations)


async def test_every_problem_of_an_operation_is_in_it(document: dict[str, Any]) -> None:
    shown = {
        value["type"]
        for place, body in _bodies(document)
        if place.endswith(" application/problem+json")
        for _, value in _examples(document, body)
    }

    of_no_operation = {
        ProblemType.NOT_FOUND,
        ProblemType.METHOD_NOT_ALLOWED,
        ProblemType.BAD_REQUEST,
    }
    assert shown == {kind.uri for kind in ProblemType if kind not in of_no_operation}


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of requests and answers."""
    for place, operation in _operations(document):
        said = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for which, message in said.items():
            for media_type, body in message.get("content", {}).items():
                yield f"{place} {which} {media_type}", body


def _examples(document: dict[str, Any], body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, example in body["examples"].items():
        where = example["$ref"].removeprefix("#/components/examples/")
        yield name, document["components"]["examples"][where]["value"]


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
