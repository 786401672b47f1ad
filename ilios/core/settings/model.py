"""All settings in one class."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import unquote

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ilios.core.errors import SettingsError
from ilios.core.settings.cluster import ClusterSettings
from ilios.core.settings.conversion import ConversionSettings
from ilios.core.settings.data import DataSettings, parts_of_database
from ilios.core.settings.logs import LogSettings
from ilios.core.settings.mistral import MistralSettings
from ilios.core.settings.object_store import ObjectStoreSettings
from ilios.core.settings.replication import ReplicationSettings
from ilios.core.settings.tracing import TracingSettings
from ilios.core.settings.web import WebSettings
from ilios.core.settings.webhooks import WebhookSettings


# pydantic collects the fields of the last base first. The order shows: of several wrong values
# the start names the first.
class Settings(
    TracingSettings,
    LogSettings,
    ReplicationSettings,
    ClusterSettings,
    MistralSettings,
    ConversionSettings,
    WebhookSettings,
    WebSettings,
    ObjectStoreSettings,
    DataSettings,
    BaseSettings,
):
    """All settings. A field's environment variable is its name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", defer_build=False
    )

    @model_validator(mode="after")
    def _require_one_database(self) -> Self:
        if self.database_url is not None and self.use_embedded_replica:
            raise SettingsError(
                "DATABASE_URL and USE_EMBEDDED_REPLICA are both set, and only a SQLite file can be "
                "copied to Turso: unset one of them."
            )
        if self.database_direct_url is not None and self.database_url is None:
            raise SettingsError(
                "DATABASE_DIRECT_URL is set without DATABASE_URL: set both, the first to the "
                "server itself, or DATABASE_URL alone."
            )
        return self

    @model_validator(mode="after")
    def _require_database_of_node(self) -> Self:
        """Refuse a node of a cluster that would make a SQLite file of its own."""
        names = ("node_name", "provider_concurrency", "metrics_port")
        given = next((name.upper() for name in names if getattr(self, name) is not None), None)
        if given and self.database_url is None:
            raise SettingsError(
                f"{given} is set without DATABASE_URL, and a node without it would work on a "
                f"SQLite file of its own: set DATABASE_URL as on the other nodes, or unset {given}."
            )
        if self.metrics_port is not None and self.metrics_token is None:
            raise SettingsError(
                "METRICS_PORT is set without METRICS_TOKEN: set both, or unset METRICS_PORT."
            )
        return self

    @property
    def past_pooler(self) -> Settings:
        """These settings, with the PostgreSQL server itself as their database."""
        direct = {"database_url": self.server_url, "database_direct_url": None}
        return self.model_copy(update=direct)

    @property
    def server_url(self) -> SecretStr | None:
        """The URL of the PostgreSQL server itself, past a pooler; None with a SQLite file."""
        return self.database_direct_url or self.database_url

    @property
    def engine_name(self) -> Literal["embedded", "mistral"]:
        """The engine that converts what it can: Mistral when asked for, or when its key is set."""
        if self.ocr_engine == "auto":
            return "mistral" if self.mistral_api_key else "embedded"
        return self.ocr_engine

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secret values that are set, for example to keep them out of a log."""
        values = (getattr(self, name) for name in type(self).model_fields)
        hidden = (value.get_secret_value() for value in values if isinstance(value, SecretStr))
        urls = (self.database_url, self.database_direct_url)
        parts = (parts_of_database(url.get_secret_value())[0] for url in urls if url)
        found = (unquote(one.password or "") for one in parts)
        return (*self.api_keys, *self.traces_headers.values(), *hidden, *filter(None, found))
