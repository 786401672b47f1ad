"""Settings from the environment, and the one line that says what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ilios.core.errors import SettingsError
from ilios.core.settings import secret_files
from ilios.core.settings.model import Settings
from ilios.core.settings.web import NO_DIALECT

WITH_SECRETS_INSIDE: Final = (
    "turso_database_url",
    "otel_exporter_otlp_endpoint",
    "otel_exporter_otlp_traces_endpoint",
)
"""URLs that may have been given with a token inside."""

NOT_AVAILABLE: Final = {
    "DB_ENCRYPTION_KEY": "the database is not encrypted; unset it and encrypt the volume instead",
}
"""Variables of the deployment guide that have no effect here: a start refuses them."""


def load(**given: Any) -> Settings:
    """Read the environment; fields that are `given` are taken from there.

    Raises SettingsError with one line that names the variable, its fault and an example.
    """
    if line := next(refused_variables(os.environ), None):
        raise SettingsError(line)
    fields: dict[str, Any] = {**secret_files.values(os.environ), **given}
    if _has_no_dialect(os.environ):
        fields.setdefault("dialects", NO_DIALECT)
    try:
        return Settings(**fields)
    except ValidationError as error:
        raise SettingsError(fault_line(error.errors(include_url=False)[0])) from error


def _has_no_dialect(environ: Mapping[str, str]) -> bool:
    """Return whether DIALECTS is set to nothing: of other variables that counts as unset."""
    return not environ.get("DIALECTS", NO_DIALECT).strip()


def configured_log_format() -> Literal["json", "console"]:
    """Return LOG_FORMAT alone, for the report of settings that cannot be read."""
    return "console" if os.environ.get("LOG_FORMAT") == "console" else "json"


def refused_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each variable that is set and listed in NOT_AVAILABLE."""
    for name, remedy in NOT_AVAILABLE.items():
        if environ.get(name):
            yield f"{name} is set, but {remedy}."


def fault_line(error: ErrorDetails) -> str:
    """Describe a field's fault in one line: the variable, its value unless secret, an example."""
    name = str(error["loc"][0]) if error["loc"] else ""
    fault = error["msg"].removeprefix("Value error, ")
    field = Settings.model_fields.get(name)
    if field is None or not field.examples:
        return fault
    is_private = name in secret_files.secret_fields() or name in WITH_SECRETS_INSIDE
    shown = "its value" if is_private else repr(error["input"])
    return f"{name.upper()} is {shown}: {fault}; for example {name.upper()}={field.examples[0]}."
