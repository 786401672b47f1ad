"""All settings in one class."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ilios.core.settings.conversion import ConversionSettings
from ilios.core.settings.data import DataSettings
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
        return (*self.api_keys, *self.traces_headers.values(), *hidden)
