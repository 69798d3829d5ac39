"""The routes of /v1/keys."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import FastAPI, Path, Request
from pydantic import ValidationError
from starlette.responses import Response

from treadle_api.adapters.inbound.http import openapi
from treadle_api.adapters.inbound.http.answers import answer
from treadle_api.adapters.inbound.http.callers import Callers, forbidden
from treadle_api.adapters.inbound.http.json_text import fields_of, value_of
from treadle_api.adapters.inbound.http.key_answers import KeysAnswer, NewKeyAnswer, key_answer
from treadle_api.adapters.inbound.http.problems import Problem, ProblemType
from treadle_api.adapters.inbound.http.query_parameters import take_no_parameters
from treadle_api.adapters.inbound.http.request_body import read_body, require_media_type
from treadle_api.adapters.inbound.http.schemas import KeyRequest, invalid_fields
from treadle_api.application.make_key import MakeKey
from treadle_api.application.ports import ApiKeys
from treadle_domain.api_key import Role
from treadle_domain.bounds import printable

_BODY_LIMIT_BYTES = 64 * 1024
_LONGEST_SHOWN_ID = 64

KeyId = Annotated[str, Path(json_schema_extra={"pattern": "^[0-9a-f]{16}$"})]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRoutes:
    """Each caller makes and sees only keys of its own namespace."""

    callers: Callers
    api_keys: ApiKeys
    make_key: MakeKey

    def add_to(self, app: FastAPI) -> None:
        app.post("/v1/keys", **openapi.CREATE_KEY)(self.create)
        app.get("/v1/keys", **openapi.LIST_KEYS)(self.list_keys)
        app.delete("/v1/keys/{key_id}", **openapi.REVOKE_KEY)(self.revoke)

    async def create(self, request: Request) -> Response:
        caller = await self.callers(request, Role.ADMIN)
        take_no_parameters(request)
        require_media_type(request, "json")
        asked = _read(await read_body(request, _BODY_LIMIT_BYTES))
        queues = None if asked.queues is None else frozenset(asked.queues)
        if not caller.may_use(*(queues or ())) or (queues is None and caller.queues is not None):
            raise forbidden("A key that is limited to queues makes only keys for these.")
        made = await self.make_key(
            namespace=caller.namespace,
            name=asked.name,
            roles=frozenset(map(Role, asked.roles)),
            queues=queues,
            rate_limit=asked.rate_limit_per_second,
        )
        body = NewKeyAnswer(**msgspec.structs.asdict(key_answer(made.key)), token=made.token)
        return answer(body, 201, {"Cache-Control": "no-store"})

    async def list_keys(self, request: Request) -> Response:
        caller = await self.callers(request, Role.ADMIN)
        take_no_parameters(request)
        keys = await self.api_keys.all(caller.namespace)
        return answer(KeysAnswer(items=[key_answer(key) for key in keys]))

    async def revoke(self, request: Request, key_id: KeyId) -> Response:
        caller = await self.callers(request, Role.ADMIN)
        take_no_parameters(request)
        key = await self.api_keys.revoke(caller.namespace, printable(key_id[:_LONGEST_SHOWN_ID]))
        if key is None:
            detail = f"There is no key {printable(key_id[:_LONGEST_SHOWN_ID])}."
            raise Problem(ProblemType.KEY_NOT_FOUND, detail)
        return answer(key_answer(key))


def _read(body: bytes) -> KeyRequest:
    """Raises Problem."""
    said = {name: value_of(name, raw) for name, raw in fields_of(body).items()}
    try:
        return KeyRequest.model_validate(said)
    except ValidationError as error:
        raise invalid_fields(error) from None
