"""Delimited text (CSV, TSV …) as one table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import Source
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.text.decoding import decoded_with_warnings, read_limited, refuse_binary

DELIMITERS: Final = ",;\t|"
SNIFFED_LINES: Final = 50
FIELD_MAX_CHARACTERS: Final = 1_000_000
EVEN_ENOUGH: Final = 0.9
"""Share of the comma's evenness that another delimiter needs to be looked at beside it."""

_DECIMAL_COMMA = re.compile(
    r"[^\W\d_€$£%]{0,3}\W{0,3}\d{1,3}(?:[.' \u00a0\u202f]?\d{3})*,\d+\W{0,3}\D{0,4}"
)


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del workspace, threads
    read = decoded_with_warnings(read_limited(source.path, "table"))
    text = read.text
    refuse_binary(text)
    delimiter, text = _declared_delimiter(text) or (_delimiter(text), text)
    rows, whole = _rows(text, delimiter)
    table = markdown.table(rows)
    if not table:
        raise document_errors.empty("table")
    cut = () if whole else (conversion_warnings.table_cut(1),)
    return FlowDocument([FlowPage(table, warnings=(*read.warnings, *cut))])


def _declared_delimiter(text: str) -> tuple[str, str] | None:
    """Return delimiter and remaining text if the first line is `sep=;`, as Excel writes it."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        return first[4], rest
    return None


def _delimiter(text: str) -> str:
    """Return the delimiter that divides the first lines most evenly, into most fields.

    A comma that stands in what another delimiter divides, such as in numbers, is none.
    """
    sample = "\n".join(text.split("\n")[:SNIFFED_LINES])
    evenness = {delimiter: _evenness(sample, delimiter) for delimiter in DELIMITERS}
    others = {
        d: e for d, e in evenness.items() if d != "," and e[0] >= EVEN_ENOUGH * evenness[","][0]
    }
    best = max(others, key=lambda delimiter: others[delimiter], default=",")
    if best != "," and others[best][0] and _commas_are_content(sample, best):
        return best
    return max(DELIMITERS, key=lambda delimiter: evenness[delimiter])


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    widths = [len(row) for row in _parsed(sample, delimiter) if row]
    if not widths or max(widths) == 1:
        return 0.0, 0
    usual = max(set(widths), key=widths.count)
    return (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual


def _commas_are_content(sample: str, delimiter: str) -> bool:
    """Return whether most fields with a comma are numbers or prose: `1.234,56 €`, `Lee, Ann`."""
    fields = [field for row in _parsed(sample, delimiter) for field in row if "," in field]
    is_tight = f"{delimiter} " not in sample
    content = sum(
        _DECIMAL_COMMA.fullmatch(field.strip()) is not None
        or (is_tight and field.count(", ") == field.count(","))
        for field in fields
    )
    return content * 2 > len(fields)


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], bool]:
    """Return the rows as cells of Markdown, and whether nothing was cut off."""
    rows: list[list[str]] = []
    cells, whole = 0, True
    for row in _parsed(text, delimiter):
        cells += len(row)
        if cells > limits.SHEET_MAX_CELLS:
            return rows, False
        whole = whole and len(row) <= limits.TABLE_MAX_COLUMNS
        rows.append([markdown.escaped(cell) for cell in row[: limits.TABLE_MAX_COLUMNS]])
    return rows, whole


def _parsed(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(FIELD_MAX_CHARACTERS)
    return csv.reader(io.StringIO(text.replace("\x00", ""), newline=""), delimiter=delimiter)
