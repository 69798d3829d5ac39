"""Who may make a request: the first thing that every route of /v1 asks."""

from typing import Protocol

from starlette.requests import Request

from treadle_api.adapters.inbound.http.problems import Problem, ProblemType
from treadle_api.application.caller import Caller
from treadle_api.application.key_ring import KeyRing
from treadle_domain.api_key import Role
from treadle_domain.uniqueness import OnConflict

_BEARER = "bearer "


class Callers(Protocol):
    async def __call__(self, request: Request, role: Role) -> Caller:
        """Raises Problem unless the request may do what the role may, StoreUnavailable."""
        ...


class AnyCaller:
    """Where keys are not asked for."""

    def __init__(self, namespace: str) -> None:
        self._caller = Caller(namespace=namespace)

    async def __call__(self, request: Request, role: Role) -> Caller:
        return self._caller


class CallersWithKeys:
    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def __call__(self, request: Request, role: Role) -> Caller:
        shown = request.headers.getlist("authorization")
        token = shown[0][len(_BEARER) :].strip() if len(shown) == 1 and _is_bearer(shown[0]) else ""
        key = await self._key_ring.key_of(token)
        if key is None:
            raise _unauthenticated(error=' error="invalid_token"' if shown else "")
        if not key.may(role):
            raise forbidden(f"This key may not do that: it takes one with the role {role}.")
        return Caller.with_key(key)


def _is_bearer(authorization: str) -> bool:
    return authorization[: len(_BEARER)].lower() == _BEARER


def _unauthenticated(error: str) -> Problem:
    return Problem(
        ProblemType.UNAUTHENTICATED,
        "Send the header Authorization: Bearer trd_… with a key that counts.",
        headers={"WWW-Authenticate": f'Bearer realm="treadle"{"," if error else ""}{error}'},
    )


def forbidden(detail: str) -> Problem:
    headers = {"WWW-Authenticate": 'Bearer realm="treadle", error="insufficient_scope"'}
    return Problem(ProblemType.FORBIDDEN, detail, headers=headers)


def require_queues(caller: Caller, *queues: str) -> None:
    """Raises Problem."""
    if not caller.may_use(*queues):
        allowed = ", ".join(sorted(caller.queues or ()))
        raise forbidden(f"This key may use only the queues {allowed}.")


def require_may_submit(caller: Caller, queue: str, on_conflict: OnConflict) -> None:
    """Raises Problem."""
    require_queues(caller, queue)
    if caller.queues is not None and on_conflict is OnConflict.REPLACE_PAYLOAD:
        raise forbidden(
            "A key that is limited to queues may not replace payloads: the holder of a unique key can be in another."
        )
