"""Settings of the store, from the environment: TREADLE_…"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from treadle_wire.logs import LogFormat

_DAY_SECONDS = 86_400


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TREADLE_", extra="ignore")

    database_url: SecretStr
    """postgresql://user:password@host:port/database"""
    database_pool_size: Annotated[PositiveInt, Field(le=1_000)] = 5
    """Connections for reads, and as many for writes."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    redis_key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = "treadle"
    redis_ids_limit: Annotated[PositiveInt, Field(le=100_000_000)] = 200_000
    """Ids in Redis, of all queues together; about 100 bytes each. Those beyond wait in PostgreSQL only."""
    store_listen: str = "127.0.0.1:50051"
    lease_ttl_seconds: Annotated[float, Field(gt=0, le=_DAY_SECONDS)] = 30
    """How long a worker's session lives after its last heartbeat."""
    unknown_type_grace_seconds: Annotated[float, Field(ge=0, le=30 * _DAY_SECONDS)] = 60
    """How long a job waits for a worker that knows its type before it fails."""
    idempotency_ttl_seconds: Annotated[float, Field(gt=0, le=365 * _DAY_SECONDS)] = _DAY_SECONDS
    """How long an idempotency key stands for its job."""
    stop_grace_seconds: Annotated[float, Field(ge=0, le=_DAY_SECONDS)] = 5
    """How long calls under way may take after SIGTERM."""
    store_metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Where Prometheus finds /metrics; 0: nowhere."""
    store_metrics_host: str = "127.0.0.1"
    log_format: LogFormat = "console"
    log_level: Annotated[str, Field(pattern="(?i)^(debug|info|warning|error)$")] = "info"

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_ttl_seconds)

    @property
    def idempotency_ttl(self) -> timedelta:
        return timedelta(seconds=self.idempotency_ttl_seconds)

    @property
    def unknown_type_grace(self) -> timedelta:
        return timedelta(seconds=self.unknown_type_grace_seconds)
