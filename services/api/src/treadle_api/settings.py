"""Settings of the API, from the environment: TREADLE_…"""

import secrets
from typing import Annotated, Literal

from pydantic import Field, FilePath, PositiveInt, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from treadle_domain.api_key import MAX_RATE
from treadle_wire.logs import LogFormat
from treadle_wire.loopback import is_loopback
from treadle_wire.store_access import StoreAccess

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_LARGEST_PAYLOAD_BYTES = 4 * 1024 * 1024
"""A payload and a result travel in one message of at most 9 MiB."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TREADLE_", env_ignore_empty=True, frozen=True)

    api_auth: Literal["keys", "off"] = "off"
    """Whether clients must show keys; off only where nobody but this machine reaches the API."""
    api_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """0: any free one, told in the log."""
    api_payload_limit_bytes: Annotated[PositiveInt, Field(le=_LARGEST_PAYLOAD_BYTES)] = 1024 * 1024
    api_cursor_key: Annotated[
        SecretStr, Field(min_length=16, default_factory=lambda: SecretStr(secrets.token_hex(32)))
    ]
    """Seals the cursors of lists: the same for all replicas. Unsaid, cursors are good until this process ends."""
    api_waiters_limit: Annotated[int, Field(ge=0, le=100_000)] = 5_000
    """Requests that may wait for the ends of jobs at once; those beyond are answered without waiting."""
    api_rate_limit_per_second: Annotated[int, Field(ge=0, le=MAX_RATE)] = 0
    """Requests of each key that has no limit of its own; 0: as many as it likes."""
    api_rate_limit_burst_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    """As many as may come in this time may come at once."""
    api_batch_limit_bytes: Annotated[PositiveInt, Field(le=256 * 1024 * 1024)] = 16 * 1024 * 1024
    """Of a batch that is one JSON text."""
    api_lame_duck_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """How long after SIGTERM requests are still taken, while /health/ready says 503 so that proxies look elsewhere."""
    api_stop_grace_seconds: Annotated[int, Field(ge=0, le=3600)] = 8
    """How long requests under way may then take."""
    store_target: Annotated[str, Field(min_length=1)] = "127.0.0.1:50051"
    store_token: Annotated[SecretStr | None, Field(min_length=16)] = None
    """As at the store."""
    store_tls_ca_file: FilePath | None = None
    """Who signs the store's certificate, in PEM; unsaid: calls are not encrypted."""
    store_tls_cert_file: FilePath | None = None
    store_tls_key_file: FilePath | None = None
    """What this service shows to a store that asks for a certificate, in PEM."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    redis_key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = "treadle"
    log_format: LogFormat = "console"
    log_level: Annotated[str, Field(pattern="(?i)^(debug|info|warning|error)$")] = "info"

    @field_validator("api_host")
    @classmethod
    def _open_only_to_this_machine(cls, host: str, info: ValidationInfo) -> str:
        if info.data.get("api_auth") == "off" and not is_loopback(host):
            raise ValueError("others can reach it: set TREADLE_API_AUTH=keys")
        return host

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(_REDIS_SCHEMES):
            raise ValueError(f"must begin with one of {', '.join(_REDIS_SCHEMES)}")
        return url

    @property
    def store_access(self) -> StoreAccess:
        token = self.store_token
        return StoreAccess(
            token=None if token is None else token.get_secret_value(),
            ca_file=self.store_tls_ca_file,
            cert_file=self.store_tls_cert_file,
            key_file=self.store_tls_key_file,
        )
