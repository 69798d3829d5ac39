import subprocess
import sys
from os import environ

import pytest
from pydantic import ValidationError

from treadle_worker.settings import Settings


def test_lists_are_names_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_WORKER_HANDLERS", "app.jobs:handlers")
    monkeypatch.setenv("TREADLE_WORKER_QUEUES", "mail,reports")
    monkeypatch.setenv("TREADLE_WORKER_NAMESPACES", "a,b")

    settings = Settings()

    assert settings.queues == (("a", "mail"), ("a", "reports"), ("b", "mail"), ("b", "reports"))


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_WORKER_QUEUES", "mail")

    settings = Settings(worker_handlers="app.jobs:handlers", worker_queues="reports")

    assert settings.worker_queues == ("reports",)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "TREADLE_WORKER_HANDLERS"),
        (["--handlers", "nonsense"], "TREADLE_WORKER_HANDLERS"),
        (["--handlers", "a:b", "--concurrency", "0"], "TREADLE_WORKER_CONCURRENCY"),
        (["--handlers", "a:b", "--queues", "no spaces"], "TREADLE_WORKER_QUEUES: String should"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line_before_anything_starts(
    flags: list[str], named: str
) -> None:
    env = {name: value for name, value in environ.items() if not name.startswith("TREADLE_")}

    end = subprocess.run(
        [sys.executable, "-m", "treadle_worker", *flags], env=env, capture_output=True, timeout=30
    )

    assert end.returncode == 2
    [line] = end.stderr.decode().splitlines()
    assert named in line


@pytest.mark.parametrize("value", ["1e300", "inf", "nan", "0"])
@pytest.mark.parametrize(
    "name", ["worker_drain_seconds", "worker_report_seconds", "stop_grace_seconds"]
)
def test_a_time_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({"worker_handlers": "a:b", name: value})
