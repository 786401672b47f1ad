"""The forms of a result that are made without a service."""

from __future__ import annotations

from typing import Final

from ilios.core.result_forms import MARKDOWN, TEXT

HERE: Final = (MARKDOWN, TEXT)
