"""Values of cells as spreadsheets show them."""

from __future__ import annotations

import math
from typing import NamedTuple

from ilios.engines.embedded import markdown
from ilios.engines.embedded.numerals import unsigned
from ilios.engines.embedded.office.xlsx import dates
from ilios.engines.embedded.office.xlsx.formats import NumberFormat, compiled, general
from ilios.engines.embedded.office.xlsx.package import Package

_GENERAL = compiled("General")


class Value(NamedTuple):
    """What a cell shows, as Markdown; `text` is the plain text that it holds, if it is text."""

    shown: str
    text: str = ""


class Values:
    """Writes the values of a workbook's cells."""

    def __init__(self, package: Package) -> None:
        self._texts = package.texts
        self._formats = package.formats
        self._is_1904 = package.is_1904

    def shared(self, raw: str, style: str) -> Value:
        """Return a shared text by its number. Raises IndexError if there is none."""
        index = int(raw)
        if index < 0:
            raise IndexError(index)
        text = self._texts[index]
        number_format = self._format(style)
        return Value(
            text.markdown
            if number_format.leaves_text
            else _written(number_format.text(text.plain)),
            text.plain,
        )

    def text(self, text: str, shown: str, style: str) -> Value:
        """Return a text that stands in the cell; `shown` is its Markdown."""
        number_format = self._format(style)
        return Value(
            shown if number_format.leaves_text else _written(number_format.text(text)), text
        )

    def other(self, kind: str, raw: str, style: str) -> Value:
        """Return a number, a date, a truth value, an error, or the text of a formula."""
        if kind == "b":
            return Value("TRUE" if raw.strip() in ("1", "true") else "FALSE")
        if kind in ("str", "e"):
            return self.text(raw, _written(raw), style)
        value = _number(raw)
        if kind == "d" and value is None:
            value = dates.serial_of(raw, is_1904=self._is_1904)
        if value is None:
            return Value(_written(raw), raw)
        number_format = self._format(style)
        if number_format is _GENERAL:
            return Value(general(value, raw.strip()))
        return Value(_written(number_format.number(value, raw.strip(), is_1904=self._is_1904)))

    def _format(self, style: str) -> NumberFormat:
        """Return the format of a style; General if there is no such style."""
        if not style:
            return self._formats[0] if self._formats else _GENERAL
        index = unsigned(style, -1)
        return self._formats[index] if 0 <= index < len(self._formats) else _GENERAL


def _number(raw: str) -> float | None:
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _written(text: str) -> str:
    return markdown.escaped(" ".join(text.split()))
