"""Parameters of a query: each known, and said once where once is meant."""

from collections.abc import Collection
from datetime import datetime

from starlette.datastructures import QueryParams
from starlette.requests import Request

from treadle_api.adapters.inbound.http.schemas import read_time
from treadle_domain.bounds import printable
from treadle_domain.errors import InvalidValue

_LONGEST_NUMBER = 9
_SHOWN_CHARS = 140


def read_once(
    params: QueryParams,
    known: Collection[str],
    *,
    repeated: str | None = None,
    prefix: str | None = None,
) -> dict[str, str]:
    """All but `repeated`, which may come several times; names that begin with `prefix` are known too."""
    once: dict[str, str] = {}
    for name, value in params.multi_items():
        if name == repeated:
            continue
        if name in once:
            raise InvalidValue(_shown(name), "must be given once")
        if name not in known and not (prefix and name.startswith(prefix)):
            raise InvalidValue(_shown(name), "is not a parameter of this call")
        once[name] = value
    return once


def read_number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER):
        raise InvalidValue(name, "must be a whole number")
    return int(value)


def read_moment(name: str, value: str) -> datetime:
    try:
        return read_time(value)
    except ValueError as error:
        hint = " (in a query + stands for a space: send %2B)" if " " in value else ""
        raise InvalidValue(name, f"{error}{hint}") from None


def _shown(name: str) -> str:
    return printable(name[:_SHOWN_CHARS])


def take_no_parameters(request: Request, *, but: str | None = None) -> None:
    """A parameter that nobody reads would look as if it worked. Raises InvalidValue."""
    if not request.scope["query_string"]:
        return
    for name in request.query_params:
        if name != but:
            raise InvalidValue(_shown(name), "is not a parameter of this call")
