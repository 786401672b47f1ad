"""Settings of the copy of the database in Turso."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from ilios.core.errors import SettingsError
from ilios.core.settings.fields import HeaderToken, SubjectSettings, setting


def _libsql_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("libsql", "https", "http") or not parts.hostname:
        raise ValueError("must be a libsql or https URL")
    if parts.query or parts.username or parts.password:
        raise ValueError("must be the URL alone; the token belongs into TURSO_AUTH_TOKEN")
    return value.rstrip("/")


LibsqlUrl = Annotated[str, AfterValidator(_libsql_url)]


class ReplicationSettings(SubjectSettings):
    """Access to Turso, and how often to copy."""

    use_embedded_replica: bool = setting(
        False,
        "Copy the database to Turso all the time, and restore an empty volume from it",
        "true",
    )
    turso_database_url: LibsqlUrl | None = setting(
        None, "Turso database, used by nothing else", "libsql://ilios-acme.turso.io"
    )
    turso_auth_token: HeaderToken | None = setting(None, "Token that may write to it", "eyJhbGciOi")
    turso_sync_interval: int = setting(60, "Seconds between two copies", "60", ge=1, le=3600)

    @model_validator(mode="after")
    def _require_whole_turso(self) -> Self:
        given = [bool(self.turso_database_url), bool(self.turso_auth_token)]
        if self.use_embedded_replica and not all(given):
            raise SettingsError(
                "USE_EMBEDDED_REPLICA is 'true' without both TURSO_DATABASE_URL and "
                "TURSO_AUTH_TOKEN: set all three, or USE_EMBEDDED_REPLICA=false."
            )
        if any(given) and not self.use_embedded_replica:
            raise SettingsError(
                "TURSO_DATABASE_URL or TURSO_AUTH_TOKEN is set without USE_EMBEDDED_REPLICA=true: "
                "set all three to replicate, or unset both."
            )
        return self
