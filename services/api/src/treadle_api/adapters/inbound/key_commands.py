"""`treadle-api keys`: for those who may reach the store."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence

from treadle_api.application.errors import StoreError
from treadle_api.application.make_key import MakeKey
from treadle_api.application.ports import ApiKeys
from treadle_domain.api_key import ApiKey, Role
from treadle_domain.errors import InvalidValue


def read_command(arguments: Sequence[str]) -> argparse.Namespace:
    """Exits where they make no sense."""
    parser = argparse.ArgumentParser(prog="treadle-api")
    keys = parser.add_subparsers(dest="what", required=True).add_parser("keys")
    commands = keys.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="prints the key, this once")
    create.add_argument("--role", action="append", required=True, choices=[*Role], dest="roles")
    create.add_argument("--name", default="unnamed", help="a label for people")
    create.add_argument("--queue", action="append", dest="queues", help="unsaid: all")
    create.add_argument("--rate-limit", type=int, help="requests per second")
    listing = commands.add_parser("list", help="the keys of a namespace, oldest first")
    revoke = commands.add_parser("revoke", help="within seconds the key does not count any more")
    revoke.add_argument("id")
    for each in (create, listing, revoke):
        each.add_argument("--namespace", default="default")
    return parser.parse_args(arguments)


async def run_command(asked: argparse.Namespace, api_keys: ApiKeys) -> int:
    """Returns the exit code."""
    commands: dict[str, Callable[[argparse.Namespace, ApiKeys], Awaitable[None]]] = {
        "create": _create,
        "list": _list,
        "revoke": _revoke,
    }
    try:
        await commands[asked.command](asked, api_keys)
    except (InvalidValue, StoreError, LookupError) as error:
        sys.stderr.write(f"treadle-api: {error}\n")
        return 1
    return 0


async def _create(asked: argparse.Namespace, api_keys: ApiKeys) -> None:
    made = await MakeKey(api_keys)(
        namespace=asked.namespace,
        name=asked.name,
        roles=frozenset(map(Role, asked.roles)),
        queues=frozenset(asked.queues) if asked.queues else None,
        rate_limit=asked.rate_limit,
    )
    sys.stderr.write(f"{_line(made.key)}\n")
    sys.stdout.write(f"{made.token}\n")


async def _list(asked: argparse.Namespace, api_keys: ApiKeys) -> None:
    for key in await api_keys.all(asked.namespace):
        sys.stdout.write(f"{_line(key)}\n")


async def _revoke(asked: argparse.Namespace, api_keys: ApiKeys) -> None:
    key = await api_keys.revoke(asked.namespace, asked.id)
    if key is None:
        raise LookupError(f"there is no key {asked.id} in the namespace {asked.namespace}")
    sys.stdout.write(f"{_line(key)}\n")


def _line(key: ApiKey) -> str:
    queues = "all queues" if key.queues is None else ",".join(sorted(key.queues))
    state = "" if key.revoked_at is None else f" revoked {key.revoked_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{key.id} {key.name} {key.namespace} {','.join(sorted(key.roles))} {queues}{state}"
