"""The settings: every one that is wrong, and defaults in its place for the other checks."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError, model_validator

from ilios.core.errors import SettingsError
from ilios.core.settings import Settings, fault_line, refused_variables, secret_files
from ilios.operations.doctor.finding import Finding, cause_and_remedy, error, ok

CHECK = "settings"

_RULES: dict[str, Callable[[Settings], Settings]] = {
    name: rule.func for name, rule in Settings.__pydantic_decorators__.model_validators.items()
}
"""What `Settings` asks of several fields together: each raises for its own fault."""


def _no_rule(self: Settings) -> Settings:
    return self


_Fields: type[Settings] = type(
    "_Fields", (Settings,), {name: model_validator(mode="after")(_no_rule) for name in _RULES}
)
"""The settings with what is asked of each field, but without the rules."""


def examine() -> tuple[Settings, list[Finding]]:
    """Read the environment; a field that is wrong has its default in what is returned."""
    lines = list(refused_variables(os.environ))
    settings, faults = _read()
    lines += faults
    for rule in _RULES.values():
        try:
            rule(settings)
        except SettingsError as fault:
            lines.append(fault.detail)
    if not lines:
        return settings, [ok(CHECK, "Every setting makes sense.")]
    return settings, [error(CHECK, *cause_and_remedy(line)) for line in lines]


def _read() -> tuple[Settings, list[str]]:
    given, lines = _secrets()
    try:
        return _Fields(**given), lines
    except ValidationError as refusal:
        faults = refusal.errors(include_url=False)
    given |= {
        name: Settings.model_fields[name].default
        for name in {str(fault["loc"][0]) for fault in faults}
    }
    return _Fields(**given), [*lines, *map(fault_line, faults)]


def _secrets() -> tuple[dict[str, Any], list[str]]:
    """Return what the files of secrets hold, and what is wrong with the others."""
    found: dict[str, Any] = {}
    lines = []
    for field, _path in secret_files.named(os.environ):
        try:
            found[field] = secret_files.value_of(field, os.environ)
        except SettingsError as fault:
            lines.append(fault.detail)
    return found, lines
