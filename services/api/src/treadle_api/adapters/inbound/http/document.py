"""The OpenAPI document as a whole: its schemas are those by which bodies are read and written."""

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from treadle_api.adapters.inbound.http.answers import (
    AttemptsAnswer,
    HealthAnswer,
    JobAnswer,
    JobPageAnswer,
    QueuePageAnswer,
)
from treadle_api.adapters.inbound.http.batch_answers import BatchAnswer, BatchRefusedBody
from treadle_api.adapters.inbound.http.examples import all_examples
from treadle_api.adapters.inbound.http.openapi import REF
from treadle_api.adapters.inbound.http.problems import ProblemBody
from treadle_api.adapters.inbound.http.schemas import BatchJobRequest, JobRequest

_REQUESTS: Sequence[tuple[type[BaseModel], JsonSchemaMode]] = [
    (JobRequest, "validation"),
    (BatchJobRequest, "validation"),
]
_ANSWERS = [
    JobAnswer,
    JobPageAnswer,
    AttemptsAnswer,
    QueuePageAnswer,
    BatchAnswer,
    BatchRefusedBody,
    HealthAnswer,
    ProblemBody,
]


class DocumentedApi(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        parts = document.setdefault("components", {})
        parts.update(schemas=_schemas(), examples=all_examples())
        return document


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_ANSWERS, ref_template=REF.format("{name}"))
    _, requests = models_json_schema(_REQUESTS, ref_template=REF.format("{model}"))
    schemas = {**components, **requests["$defs"]}
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return schemas
