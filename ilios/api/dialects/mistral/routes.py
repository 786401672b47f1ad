"""The routes of Mistral OCR."""

from __future__ import annotations

from typing import Final

from ilios.api.dialects.blueprint import DialectBlueprint

BLUEPRINTS: Final[tuple[DialectBlueprint, ...]] = ()
