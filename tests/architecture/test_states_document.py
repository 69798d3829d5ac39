"""The page about states says what the domain does."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from treadle_domain.job_error import ErrorKind
from treadle_domain.states import TRANSITIONS, JobState, Verb

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def renderer() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "render_states.py"))


def test_the_page_is_rendered_from_the_domain(renderer: dict[str, Any]) -> None:
    page = (DOCS / "states.md").read_text()

    assert page == renderer["render"](), "run: python docs/render_states.py"


def test_everything_is_explained_and_nothing_else(renderer: dict[str, Any]) -> None:
    assert set(renderer["STATES"]) == set(JobState)
    assert set(renderer["VERBS"]) == set(Verb)
    assert set(renderer["KINDS"]) == set(ErrorKind)


def test_every_transition_is_an_arrow_of_the_diagram(renderer: dict[str, Any]) -> None:
    arrows = [line.strip() for line in renderer["render"]().splitlines() if "-->" in line]

    for (before, verb), states in TRANSITIONS.items():
        for after in states:
            assert any(
                line.startswith(f"{before} --> {after}:") and verb in line for line in arrows
            )
