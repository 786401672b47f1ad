"""The forms of a result that are made without any service."""

from __future__ import annotations

from typing import Final

from ilios.core.result_forms import MARKDOWN, TEXT

HERE: Final = (MARKDOWN, TEXT)
