"""Every setting stands in .env.example and docs/settings.md with its default, and no other does."""

from __future__ import annotations

import re

from ilios.core.settings import Settings, secret_fields
from tests.support.forking import REPOSITORY

UNSET = None
OF_CLUSTERS = re.compile("DATABASE_(DIRECT_)?URL|OTEL_EXPORTER_OTLP_(TRACES_)?HEADERS")
ASSIGNMENT = re.compile(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
TABLE_ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| (?:`([^`]*)`|–) \| .+ \|$", re.MULTILINE)


def defaults() -> dict[str, str | None]:
    """Return each variable with its default as one writes it in an environment."""
    return {name.upper(): _written(field.default) for name, field in Settings.model_fields.items()}


def _written(default: object) -> str | None:
    if default in (None, ""):
        return UNSET
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_example_file_holds_every_setting_with_its_default_and_nothing_else() -> None:
    text = (REPOSITORY / ".env.example").read_text()

    documented = [
        (name, UNSET if commented else value) for commented, name, value in ASSIGNMENT.findall(text)
    ]

    assert sorted(documented) == sorted(defaults().items())


def test_a_setting_without_a_default_has_an_example_that_is_commented_out() -> None:
    text = (REPOSITORY / ".env.example").read_text()

    examples = {name: value for commented, name, value in ASSIGNMENT.findall(text) if commented}

    assert all(examples.values())


def test_the_page_lists_every_setting_with_its_default_and_nothing_else() -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text()

    documented = [(name, value or UNSET) for name, value in TABLE_ROW.findall(text)]

    assert sorted(documented) == sorted(defaults().items())


def test_the_page_names_every_secret_that_may_stand_in_a_file() -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text()
    (section,) = re.findall(
        r"^## Secrets in files$(.+?)(?:^## |\Z)", text, re.MULTILINE | re.DOTALL
    )

    named = set(re.findall(r"`([A-Z][A-Z0-9_]*)`", section))

    secrets = {field.upper() for field in secret_fields()}
    assert secrets <= named
    assert all(map(OF_CLUSTERS.fullmatch, named - secrets))
