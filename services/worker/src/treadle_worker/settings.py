"""Settings of the worker, from the environment (TREADLE_…) and from flags, which win."""

import os
import socket
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from treadle_wire.logs import LogFormat
from treadle_wire.store_access import StoreAccess

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
Names = Annotated[tuple[Name, ...], NoDecode, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TREADLE_", extra="ignore")

    worker_handlers: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
    """package.module:attribute"""
    worker_name: Name = socket.gethostname()
    """A label for people; two workers may bear the same."""
    worker_queues: Names = ("default",)
    worker_namespaces: Names = ("default",)
    worker_concurrency: Annotated[int, Field(ge=1, le=1_000)] = 20
    """Jobs at once; one call claims them all, so no more than a call may carry."""
    worker_executors: Annotated[int, Field(ge=1, le=1_000)] = os.cpu_count() or 1
    """Processes that run them."""
    worker_drain_seconds: Seconds = 18
    """How long code may go on after SIGTERM before it is asked to end."""
    stop_grace_seconds: Seconds = 5
    """How long code that was asked to end may take before it is killed and given back."""
    worker_report_seconds: Seconds = 2
    """How long the store is then waited for: after SIGTERM 25 s in all, less than orchestrators wait."""
    worker_probe_host: str = "127.0.0.1"
    worker_probe_port: Annotated[int, Field(ge=0, le=65_535)] = 8081
    store_target: str = "127.0.0.1:50051"
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

    @field_validator("worker_queues", "worker_namespaces", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Names separated by commas."""
        return tuple(value.split(",")) if isinstance(value, str) else value

    @property
    def queues(self) -> tuple[tuple[str, str], ...]:
        """All (namespace, queue) pairs that jobs are taken from."""
        return tuple((ns, queue) for ns in self.worker_namespaces for queue in self.worker_queues)

    @property
    def finish_time(self) -> timedelta:
        return timedelta(seconds=self.worker_drain_seconds)

    @property
    def stop_grace(self) -> timedelta:
        return timedelta(seconds=self.stop_grace_seconds)

    @property
    def report_time(self) -> timedelta:
        return timedelta(seconds=self.worker_report_seconds)

    @property
    def store_access(self) -> StoreAccess:
        token = self.store_token
        return StoreAccess(
            token=None if token is None else token.get_secret_value(),
            ca_file=self.store_tls_ca_file,
            cert_file=self.store_tls_cert_file,
            key_file=self.store_tls_key_file,
        )
