"""The local stack is one thing: it starts whole, tells why not, and ends whole."""

import signal
import socket

import psutil
import psycopg
from tests.integration.local.conftest import (
    DEADLINE_SECONDS,
    Launchers,
    child_with,
    descendants,
    has_ended,
    interrupted_to_its_end,
    until,
)


def test_data_outlive_a_stop_and_the_next_start(launchers: Launchers) -> None:
    first = launchers.start_until_ready()
    with psycopg.connect(launchers.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    first.send_signal(signal.SIGTERM)
    code = first.wait(DEADLINE_SECONDS)
    launchers.start_until_ready()

    assert code == 0
    with psycopg.connect(launchers.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_services_stop_before_the_servers_they_use(launchers: Launchers) -> None:
    launcher = launchers.start_until_ready()

    launcher.send_signal(signal.SIGINT)
    code = launcher.wait(DEADLINE_SECONDS)

    stops = [
        line.split("|")[0].strip()
        for line in launchers.said.splitlines()
        if line.endswith(("| stopped", "ended with exit code 0"))
    ]
    assert code == 0
    assert stops == ["stand-in", "valkey", "postgres"]


def test_a_killed_launcher_leaves_no_process_and_the_next_one_starts(launchers: Launchers) -> None:
    launcher = launchers.start_until_ready()
    left = descendants(launcher)

    launcher.kill()
    launcher.wait()
    launchers.start_until_ready()

    _, alive = psutil.wait_procs(left, timeout=DEADLINE_SECONDS)
    assert len(left) > 3
    assert alive == []


def test_what_was_left_when_the_guard_was_killed_too_is_ended_first(launchers: Launchers) -> None:
    launcher = launchers.start_until_ready()
    postgres = child_with(launcher, "-D")
    guard, service = child_with(launcher, "/dev/fd/"), child_with(launcher, "http.server")

    for process in (guard, launcher, service):
        process.kill()
    launcher.wait()
    launchers.start_until_ready()

    assert has_ended(postgres)


def test_a_second_launcher_names_the_first_and_starts_nothing(launchers: Launchers) -> None:
    first = launchers.start_until_ready()

    second = launchers.start()
    code = second.wait(DEADLINE_SECONDS)

    assert code != 0
    assert f"pid {first.pid}" in launchers.said
    assert first.poll() is None


def test_a_port_in_use_is_told_before_anything_starts(launchers: Launchers) -> None:
    with socket.create_server(("127.0.0.1", launchers.service_port)):
        code = launchers.start().wait(DEADLINE_SECONDS)

    assert code != 0
    assert f"port {launchers.service_port} is in use" in launchers.said
    assert "STAND_IN_PORT" in launchers.said
    assert not (launchers.folder / "data" / "postgres").exists()


def test_a_service_that_crashes_ends_all_and_is_named(launchers: Launchers) -> None:
    launcher = launchers.start_until_ready()
    left = descendants(launcher)

    child_with(launcher, "http.server").kill()
    code = launcher.wait(DEADLINE_SECONDS)

    _, alive = psutil.wait_procs(left, timeout=1)
    assert code != 0
    assert "stand-in was killed by SIGKILL" in launchers.said
    assert alive == []


def test_a_second_signal_does_not_wait_for_a_stubborn_service(launchers: Launchers) -> None:
    launcher = launchers.start_until_ready("stubborn")
    left = descendants(launcher)

    until(lambda: interrupted_to_its_end(launcher), "no later signal killed it")
    code = launcher.returncode

    _, alive = psutil.wait_procs(left, timeout=5)
    assert code != 0
    assert alive == []
