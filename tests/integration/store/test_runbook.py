"""What the runbook tells people on call to ask PostgreSQL is answered by it."""

import re
from pathlib import Path

import psycopg
import pytest

_RUNBOOK = Path(__file__).parents[3] / "docs/runbook.md"
_QUERIES = re.findall(r"```sql\n(.*?)```", _RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("query", _QUERIES)
def test_a_query_of_the_runbook_is_answered_and_changes_nothing(
    query: str, migrated_database_url: str
) -> None:
    with psycopg.connect(migrated_database_url, options="-c transaction_read_only=on") as session:
        answer = session.execute(query.encode())

        assert answer.description
