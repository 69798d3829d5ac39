"""Where the local stack keeps its data and on which ports it listens."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
HostAndPort = Annotated[str, StringConstraints(pattern=r"^[^:]+:\d{1,5}$")]


class LocalSettings(BaseSettings):
    """Read from TREADLE_…; those without `local_` are the services' own, needed here to reach them."""

    model_config = SettingsConfigDict(env_prefix="TREADLE_", env_ignore_empty=True, frozen=True)

    local_data_dir: Path = Path(".treadle")
    local_postgres_bin: Path | None = None
    local_redis_bin: Path | None = None
    local_postgres_port: Port = 15432
    local_redis_port: Port = 16379

    database_url: str | None = None
    redis_url: str | None = None
    store_listen: HostAndPort = "127.0.0.1:50051"
    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    worker_probe_host: str = "127.0.0.1"
    worker_probe_port: Port = 8081
    worker_handlers: str = "examples.handlers:handlers"

    @property
    def data_dir(self) -> Path:
        return self.local_data_dir.expanduser().resolve()
