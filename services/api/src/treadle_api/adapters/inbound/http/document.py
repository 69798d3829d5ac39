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
from treadle_api.adapters.inbound.http.key_answers import KeyAnswer, KeysAnswer, NewKeyAnswer
from treadle_api.adapters.inbound.http.operation import KEY, REF
from treadle_api.adapters.inbound.http.problems import ProblemBody
from treadle_api.adapters.inbound.http.schemas import BatchJobRequest, JobRequest, KeyRequest

_REQUESTS: Sequence[tuple[type[BaseModel], JsonSchemaMode]] = [
    (JobRequest, "validation"),
    (BatchJobRequest, "validation"),
    (KeyRequest, "validation"),
]
_ANSWERS = [
    JobAnswer,
    JobPageAnswer,
    AttemptsAnswer,
    QueuePageAnswer,
    BatchAnswer,
    BatchRefusedBody,
    KeyAnswer,
    NewKeyAnswer,
    KeysAnswer,
    HealthAnswer,
    ProblemBody,
]
_SECURITY = {
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key such as trd_…; a server that only its own machine can reach may ask for none.",
    }
}


class DocumentedApi(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        parts = document.setdefault("components", {})
        parts.update(schemas=_schemas(), examples=all_examples(), securitySchemes=_SECURITY)
        return document


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_ANSWERS, ref_template=REF.format("{name}"))
    _, requests = models_json_schema(_REQUESTS, ref_template=REF.format("{model}"))
    schemas = {**components, **requests["$defs"]}
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return schemas
