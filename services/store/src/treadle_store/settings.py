"""Settings of the store, from the environment: TREADLE_…"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, FilePath, PositiveInt, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from treadle_wire.logs import LogFormat
from treadle_wire.loopback import is_loopback

_DAY_SECONDS = 86_400


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TREADLE_", extra="ignore", validate_default=True)

    database_url: SecretStr
    """postgresql://user:password@host:port/database"""
    database_pool_size: Annotated[PositiveInt, Field(le=1_000)] = 5
    """Connections for reads, as many for single statements that write, and as many for longer transactions."""
    database_is_pooled: bool = False
    """PgBouncer, or another pooler of transactions, stands before PostgreSQL: nothing is kept in a connection."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    redis_key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = "treadle"
    redis_ids_limit: Annotated[PositiveInt, Field(le=100_000_000)] = 200_000
    """Ids in Redis, of all queues together; about 100 bytes each. Those beyond wait in PostgreSQL only."""
    store_token: Annotated[SecretStr | None, Field(min_length=16)] = None
    """What every caller must show; all services have the same."""
    store_token_before: Annotated[SecretStr | None, Field(min_length=16)] = None
    """Taken as well, until no caller has it any more."""
    store_tls_ca_file: FilePath | None = None
    """Who signs the certificates that callers must have, in PEM; unsaid: they need none."""
    store_tls_cert_file: FilePath | None = None
    store_tls_key_file: FilePath | None = None
    """What the store shows to callers, in PEM; unsaid: calls are not encrypted."""
    store_listen: str = "127.0.0.1:50051"
    """One that others can reach needs a token, or certificates of callers."""
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

    @field_validator("store_token_before")
    @classmethod
    def _has_a_successor(cls, before: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if before is not None and info.data.get("store_token") is None:
            raise ValueError("the one after it is missing: TREADLE_STORE_TOKEN")
        return before

    @field_validator("store_tls_key_file")
    @classmethod
    def _certificate_is_whole(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        cert, ca = (info.data.get(f"store_tls_{name}_file") for name in ("cert", "ca"))
        if (key is None) != (cert is None):
            raise ValueError("goes together with TREADLE_STORE_TLS_CERT_FILE")
        if ca is not None and key is None:
            raise ValueError("callers can show certificates only to a store that has one")
        return key

    @field_validator("store_listen")
    @classmethod
    def _open_only_to_this_machine(cls, address: str, info: ValidationInfo) -> str:
        is_guarded = info.data.get("store_token") or info.data.get("store_tls_ca_file")
        if not is_guarded and not is_loopback(address.rpartition(":")[0]):
            raise ValueError(
                "others can reach it: set TREADLE_STORE_TOKEN, or TREADLE_STORE_TLS_CA_FILE,"
                " TREADLE_STORE_TLS_CERT_FILE and TREADLE_STORE_TLS_KEY_FILE"
            )
        return address

    @property
    def tokens(self) -> tuple[str, ...]:
        """One of which every caller must show, if there are any."""
        said = (self.store_token, self.store_token_before)
        return tuple(token.get_secret_value() for token in said if token is not None)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_ttl_seconds)

    @property
    def idempotency_ttl(self) -> timedelta:
        return timedelta(seconds=self.idempotency_ttl_seconds)

    @property
    def unknown_type_grace(self) -> timedelta:
        return timedelta(seconds=self.unknown_type_grace_seconds)
