"""The example in docs/handlers.md does what the page says."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sdk.test_context import a_context

from treadle import Interrupted, Interruption

PAGE = Path(__file__).parents[3] / "docs" / "handlers.md"


@pytest.fixture
def sum_of_squares() -> Any:
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "counting"}
    exec(compile(example, "counting.py", "exec"), names)
    return names["sum_of_squares"]


def test_it_counts_and_tells_how_far_it_is(sum_of_squares: Any) -> None:
    context = a_context()

    total = sum_of_squares({"below": 4}, context)

    assert total == 0 + 1 + 4 + 9
    assert context.told_progress == (1.0, "3 done")


def test_a_run_that_was_interrupted_is_gone_on_with(sum_of_squares: Any) -> None:
    first = a_context(checkpoint_state={"next": 2, "total": 1})
    first.interrupt(Interruption.DRAIN)
    with pytest.raises(Interrupted):
        sum_of_squares({"below": 4}, first)

    total = sum_of_squares({"below": 4}, a_context(checkpoint_state=first.told_checkpoint))

    assert total == 0 + 1 + 4 + 9
