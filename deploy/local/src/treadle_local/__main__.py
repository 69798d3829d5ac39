"""`python -m treadle_local run` is Treadle on this machine; `psql` and `redis-cli` look inside."""

import os
import sys
from collections.abc import Sequence

from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

from treadle_local.binaries import find_psql
from treadle_local.data_folder import Addresses
from treadle_local.errors import LaunchError
from treadle_local.launch import launch
from treadle_local.redis_cli import redis_cli
from treadle_local.settings import LocalSettings
from treadle_local.treadle_services import treadle_plan

USAGE = "usage: treadle-local run | psql [ARGUMENT ...] | redis-cli [COMMAND [ARGUMENT ...]]\n"


def main() -> None:
    try:
        settings = LocalSettings()
        sys.exit(_execute(sys.argv[1:], settings))
    except ValidationError as error:
        sys.stderr.write(_refusal(error))
        sys.exit(2)
    except LaunchError as error:
        sys.exit(f"treadle-local: {error}")


def _execute(words: Sequence[str], settings: LocalSettings) -> int:
    match words:
        case ["run"]:
            return launch(settings, treadle_plan(settings))
        case ["psql", *arguments]:
            return _psql(arguments, settings)
        case ["redis-cli", *command]:
            return redis_cli(Addresses.load(settings.data_dir).redis_url, command)
    sys.stderr.write(USAGE)
    return 2


def _psql(arguments: Sequence[str], settings: LocalSettings) -> int:
    """Becomes psql; the password goes by the environment, for arguments can be seen by all."""
    program = find_psql(settings.local_postgres_bin)
    known = conninfo_to_dict(Addresses.load(settings.data_dir).database_url)
    known["database"] = known.pop("dbname", "")
    environment = {f"PG{name.upper()}": str(value) for name, value in known.items()}
    os.execve(program, [program, *arguments], {**os.environ, **environment})  # noqa: S606


def _refusal(error: ValidationError) -> str:
    problems = (
        f"TREADLE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
    )
    return f"treadle-local: {'; '.join(problems)}\n"


if __name__ == "__main__":
    main()
