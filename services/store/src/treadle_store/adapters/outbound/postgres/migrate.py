"""Brings the schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from treadle_store.adapters.outbound.postgres.database import driver_url

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database_url: str) -> None:
    """Safe to run from several replicas at once and again after a crash: one applies each step, the others wait."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["driver_url"] = driver_url(database_url)
    command.upgrade(config, "head")
