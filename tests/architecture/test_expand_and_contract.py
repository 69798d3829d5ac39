"""Each migration is one that the release before it can go on with: docs/upgrades.md."""

import io
import re
from collections.abc import Iterator

import pytest
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from treadle_store.adapters.outbound.postgres import migrations

CONTRACTS = {
    "0011": "stores older than it cannot read a job whose retry is NULL: docs/upgrades.md says what to do",
}
"""Migrations that the code of the release before does not bear, and since which release nothing needs what they take
away."""

_NAME = r"[a-z_]+"
_NEW_COLUMN = (
    rf"ADD (COLUMN )?{_NAME} (?!.*(UNIQUE|CHECK|REFERENCES))((?!.*NOT NULL)|.* DEFAULT ).*"
)
BORNE = [
    rf"CREATE TABLE {_NAME} .*",
    rf"CREATE INDEX {_NAME} .*",
    rf"DROP INDEX {_NAME}",
    rf"CREATE FUNCTION {_NAME}.*",
    rf"INSERT INTO {_NAME} .*",
    rf"ALTER TABLE {_NAME} {_NEW_COLUMN}",
    rf"ALTER TABLE {_NAME} ALTER COLUMN {_NAME} SET DEFAULT .*",
    rf"ALTER TABLE {_NAME} SET \(.*\)",
]
"""All else may break code that does not know of it."""


def scripts() -> list[Script]:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    return list(ScriptDirectory.from_config(config).walk_revisions())


def statements(script: Script) -> Iterator[str]:
    """What its upgrade would send to PostgreSQL."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        script.module.upgrade()
    for statement in re.split(r";\s*\n\s*\n", written.getvalue()):
        if text := " ".join(re.sub(r"--.*", "", statement).split()):
            yield text.rstrip(";")


def is_borne(statement: str) -> bool:
    return any(re.fullmatch(pattern, statement, re.DOTALL) for pattern in BORNE)


@pytest.mark.parametrize("script", scripts(), ids=lambda script: str(script.revision))
def test_the_release_before_bears_it_or_it_is_a_contract(script: Script) -> None:
    not_borne = [statement for statement in statements(script) if not is_borne(statement)]

    assert bool(not_borne) == (script.revision in CONTRACTS), not_borne


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE marks",
        "ALTER TABLE live_jobs DROP uniqueness",
        "ALTER TABLE live_jobs DROP COLUMN uniqueness",
        "ALTER TABLE live_jobs RENAME COLUMN rank TO place",
        "ALTER TABLE live_jobs RENAME TO jobs",
        "ALTER TABLE live_jobs ADD COLUMN owner text NOT NULL",
        "ALTER TABLE live_jobs ADD owner text UNIQUE",
        "ALTER TABLE live_jobs ADD owner text CHECK (owner <> '')",
        "ALTER TABLE live_jobs ADD CONSTRAINT known CHECK (state IN ('PENDING'))",
        "ALTER TABLE live_jobs ALTER COLUMN rank TYPE integer",
        "ALTER TABLE live_jobs ALTER COLUMN worker SET NOT NULL",
        "ALTER TABLE live_jobs ALTER COLUMN retry DROP NOT NULL",
        "ALTER TABLE sessions ALTER COLUMN expires_up DROP DEFAULT",
        "CREATE UNIQUE INDEX one ON live_jobs (type)",
        "CREATE OR REPLACE FUNCTION drop_finished_twins(added uuid[]) RETURNS text",
        "DROP FUNCTION drop_finished_twins",
        "UPDATE live_jobs SET state = 'ASLEEP'",
        "DELETE FROM held",
    ],
)
def test_what_the_release_before_cannot_go_on_with_is_told(statement: str) -> None:
    assert not is_borne(statement)
