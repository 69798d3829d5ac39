"""API keys on real processes: made by the command, shown over REST, never written down."""

import os
import subprocess
import sys
import time

import httpx
from tests.e2e.processes import Stack, another_api, keys_command


def ask(url: str, token: str, method: str = "GET", path: str = "/v1/jobs") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    body = {"type": "echo", "queue": "unserved"} if method == "POST" else None
    return httpx.request(method, f"{url}{path}", headers=headers, json=body, timeout=10)


def test_a_key_counts_until_it_is_revoked_and_is_in_no_log(stack: Stack) -> None:
    with another_api(stack, TREADLE_API_AUTH="keys") as url:
        made = keys_command(stack, "create", "--role", "submit", "--name", "billing")
        token = made.stdout.strip()
        key_id = token.split("_")[1]
        submitted, listed = ask(url, token, "POST"), ask(url, token)
        wrong = ask(url, f"{token[:-1]}x")
        revoked = keys_command(stack, "revoke", key_id)
        deadline = time.monotonic() + 10
        while ask(url, token, "POST").status_code == httpx.codes.CREATED:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    assert (made.returncode, revoked.returncode) == (0, 0), made.stderr + revoked.stderr
    assert [each.status_code for each in (submitted, listed, wrong)] == [201, 403, 401]
    assert key_id in keys_command(stack, "list").stdout
    logs = "".join(service.log_file.read_text() for service in stack.all)
    secret = token.rpartition("_")[2]
    assert secret not in logs + made.stderr + revoked.stdout


def test_a_command_that_makes_no_sense_is_told_in_a_sentence(stack: Stack) -> None:
    wrong_name = keys_command(stack, "create", "--role", "read", "--name", "no spaces")
    no_such_key = keys_command(stack, "revoke", "0" * 16)

    for ended in (wrong_name, no_such_key):
        assert ended.returncode == 1
        [line] = ended.stderr.splitlines()
        assert line.startswith("treadle-api: ")


def test_an_api_that_others_can_reach_does_not_start_without_keys() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "treadle_api"],
        env={**os.environ, "TREADLE_API_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("treadle-api: TREADLE_API_HOST: ")
    assert "TREADLE_API_AUTH=keys" in ended.stderr
