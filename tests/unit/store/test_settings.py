import socket
import subprocess
import sys
from os import environ
from pathlib import Path

import pytest
from pydantic import ValidationError

from treadle_store.settings import Settings

_DATABASE = {"TREADLE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "treadle_store"],
        env=environ | _DATABASE | settings,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_wrong_setting_is_told_in_one_line_before_anything_starts() -> None:
    end = start(TREADLE_LEASE_TTL_SECONDS="1e300")

    assert end.returncode == 2
    [line] = end.stderr.splitlines()
    assert line.startswith("treadle-store: TREADLE_LEASE_TTL_SECONDS: ")


def test_a_port_for_metrics_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        end = start(TREADLE_STORE_METRICS_PORT=str(port))

    assert end.returncode == 2
    [line] = end.stderr.splitlines()
    assert line.startswith(f"treadle-store: TREADLE_STORE_METRICS_PORT: 127.0.0.1:{port}: ")


def test_an_address_that_is_taken_is_told_and_ends_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        end = start(TREADLE_STORE_LISTEN=address)

    assert end.returncode == 2
    assert "Traceback" not in end.stderr
    assert end.stderr.splitlines()[-1].startswith(
        f"treadle-store: TREADLE_STORE_LISTEN: {address}: "
    )


@pytest.mark.parametrize("value", ["1e300", "inf", "nan", "-1"])
@pytest.mark.parametrize(
    "name", ["lease_ttl_seconds", "unknown_type_grace_seconds", "stop_grace_seconds"]
)
def test_a_time_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({"database_url": "postgresql://", name: value})


@pytest.mark.parametrize(
    "address", ["0.0.0.0:50051", "[::]:50051", "10.0.0.1:50051", "store:50051"]
)
def test_a_store_that_others_can_reach_does_not_start_without_a_secret(address: str) -> None:
    end = start(TREADLE_STORE_LISTEN=address)

    assert end.returncode == 2
    [line] = end.stderr.splitlines()
    assert line.startswith("treadle-store: TREADLE_STORE_LISTEN: ")
    assert "TREADLE_STORE_TOKEN" in line


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "localhost:1"])
def test_a_store_that_only_this_machine_can_reach_needs_none(address: str) -> None:
    Settings(database_url="postgresql://h/d", store_listen=address)


def test_a_token_opens_the_store_to_others() -> None:
    Settings(database_url="postgresql://h/d", store_listen="0.0.0.0:1", store_token="t" * 16)


def test_a_short_token_is_none() -> None:
    with pytest.raises(ValidationError):
        Settings(database_url="postgresql://h/d", store_token="short")


def test_a_token_of_before_alone_is_refused() -> None:
    with pytest.raises(ValidationError, match="TREADLE_STORE_TOKEN"):
        Settings(database_url="postgresql://h/d", store_token_before="t" * 16)


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert").touch()

    with pytest.raises(ValidationError):
        Settings(database_url="postgresql://h/d", store_tls_cert_file=tmp_path / "cert")
