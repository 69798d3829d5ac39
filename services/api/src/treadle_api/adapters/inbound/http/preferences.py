"""How long a client waits for a job to end: `Prefer: wait=N` (RFC 7240), or `?wait=N` where headers are hard to set."""

import re

from starlette.requests import Request

from treadle_domain.errors import InvalidValue

WAIT = "wait"
LONGEST_WAIT_SECONDS = 60
_ENOUGH_DIGITS = 3
_PREFERENCE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')


def read_wait(request: Request) -> int:
    """Seconds, cut to the longest wait; 0: not at all. The parameter goes before the header.

    A preference that makes no sense is none, as the RFC says. Raises InvalidValue for such a parameter.
    """
    has_query = request.scope["query_string"]
    asked = request.query_params.getlist(WAIT) if has_query else []
    if not asked:
        return _preferred(request) or 0
    if len(asked) > 1:
        raise InvalidValue(WAIT, "must be given once")
    seconds = _seconds(asked[0])
    if seconds is None:
        raise InvalidValue(WAIT, "must be a whole number of seconds")
    return seconds


def _preferred(request: Request) -> int | None:
    """The first preference of a name is the one that counts."""
    for preference in _PREFERENCE.findall(",".join(request.headers.getlist("prefer"))):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == WAIT:
            return _seconds(value.strip().removeprefix('"').removesuffix('"'))
    return None


def _seconds(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    # Python refuses to read numbers of thousands of digits.
    return min(int(digits[:_ENOUGH_DIGITS]), LONGEST_WAIT_SECONDS)
