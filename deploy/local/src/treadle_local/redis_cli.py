"""A small redis-cli: the wheel with the server brings none."""

import shlex
import sys
from collections.abc import Callable, Sequence
from typing import cast

import redis

_QUIT = ("exit", "quit")


def redis_cli(url: str, command: Sequence[str]) -> int:
    """One command, or with none those of standard input, a line each; non-zero if one failed."""
    # Replies as they came: RESP2, and no callbacks that make Python objects of them.
    with redis.Redis.from_url(url, protocol=2) as client:
        client.response_callbacks.clear()
        if command:
            return _answer(client, command)
        return _answer_lines(client, prompt=f"{url.partition('@')[2] or url}> ")


def _answer_lines(client: redis.Redis, *, prompt: str) -> int:
    code = 0
    while line := _next_line(prompt):
        try:
            words = shlex.split(line)
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
            code = 1
            continue
        if words and words[0].lower() in _QUIT:
            break
        if words:
            code = max(code, _answer(client, words))
    return code


def _next_line(prompt: str) -> str:
    if sys.stdin.isatty():
        sys.stdout.write(prompt)
        sys.stdout.flush()
    return sys.stdin.readline()


def _answer(client: redis.Redis, words: Sequence[str]) -> int:
    execute = cast(Callable[..., object], client.execute_command)
    try:
        reply = execute(*words)
    except redis.RedisError as error:
        sys.stdout.write(f"(error) {error}\n")
        return 1
    sys.stdout.write(f"{_text(reply) if isinstance(reply, bytes) else shown(reply)}\n")
    return 0


def shown(reply: object, indent: str = "") -> str:
    """As redis-cli writes it for a person: elements numbered, texts quoted."""
    match reply:
        case None:
            return "(nil)"
        case int():
            return f"(integer) {reply}"
        case bytes():
            return '"' + _text(reply).replace("\\", "\\\\").replace('"', '\\"') + '"'
        case []:
            return "(empty array)"
        case list():
            return _numbered(reply, indent)
    return f"(error) {reply}"


def _numbered(elements: Sequence[object], indent: str) -> str:
    width = len(str(len(elements)))
    inner = indent + " " * (width + 2)
    lines = (f"{i:>{width}}) {shown(element, inner)}" for i, element in enumerate(elements, 1))
    return f"\n{indent}".join(lines)


def _text(reply: bytes) -> str:
    return reply.decode(errors="backslashreplace")
