"""Delimited text (CSV, TSV …) as one table."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path, PurePath
from typing import Final

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import Source
from ilios.engines.embedded import limits, markdown, output_limits
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.text.decoding import decoded_with_warnings, read_limited, refuse_binary

DELIMITERS: Final = ",;\t|"
SNIFFED_LINES: Final = 50
TSV_EXTENSIONS: Final = (".tsv", ".tab")
EVEN_ENOUGH: Final = 0.9
"""Share of the comma's evenness that another delimiter needs to be looked at beside it."""

_DECIMAL_COMMA = re.compile(
    r"[^\W\d_€$£%]{0,3}\W{0,3}\d{1,3}(?:[.' \u00a0\u202f]?\d{3})*,\d+\W{0,3}\D{0,4}"
)


class Quoting(Enum):
    """How quotation marks are taken."""

    STRICT = auto()  #: they surround fields, which blanks may precede, or the file is refused
    USUAL = auto()  #: they surround fields; what does not fit is kept
    NONE = auto()  #: they are text


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del workspace, threads
    read = decoded_with_warnings(read_limited(source.path, "table"))
    text = read.text
    refuse_binary(text)
    is_tsv = PurePath(source.file_name).suffix.lower() in TSV_EXTENSIONS and "\t" in text
    delimiter, text = _declared_delimiter(text) or ("\t" if is_tsv else _delimiter(text), text)
    rows, whole = _rows(text, delimiter)
    table = markdown.table(rows)
    if not table:
        raise document_errors.empty("table")
    cut = () if whole else (conversion_warnings.table_cut(1),)
    return FlowDocument([FlowPage(table, warnings=(*read.warnings, *cut))])


def _declared_delimiter(text: str) -> tuple[str, str] | None:
    """Return delimiter and remaining text if the first line is `sep=;`, as Excel writes it."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first) == len("sep=;"):
        return first[-1], rest
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
    for variant in (text, text.replace('\\"', '""')) if '\\"' in text else (text,):
        with suppress(csv.Error):
            return _cells(_parsed(variant, delimiter, Quoting.STRICT))
    # A quotation mark that is none, as in `"5 inch`, may hide all that follows.
    best = max((Quoting.USUAL, Quoting.NONE), key=lambda q: _regularity(text, delimiter, q))
    return _cells(_parsed(text, delimiter, best))


def _regularity(text: str, delimiter: str, quoting: Quoting) -> tuple[float, int]:
    """Return what tells a right reading: rows of one width, and none that swallows others."""
    widths = Counter(len(row) for row in _parsed(text, delimiter, quoting) if row)
    return max(widths.values(), default=0) / max(1, widths.total()), widths.total()


def _cells(parsed: Iterable[list[str]]) -> tuple[list[list[str]], bool]:
    """Return rows as long as the table, all of whose rows get as wide as the widest, is bounded."""
    rows: list[list[str]] = []
    widest = read = characters = 0
    whole = True
    for row in parsed:
        read += len(row)
        widest = max(widest, min(len(row), limits.TABLE_MAX_COLUMNS))
        if max(read, widest * (len(rows) + 1)) > limits.SHEET_MAX_CELLS:
            return rows, False
        whole = whole and len(row) <= limits.TABLE_MAX_COLUMNS
        rows.append([markdown.escaped(cell) for cell in row[: limits.TABLE_MAX_COLUMNS]])
        characters += sum(map(len, rows[-1]))
        output_limits.refuse_page_of(characters)
    return rows, whole


def _parsed(text: str, delimiter: str, quoting: Quoting = Quoting.USUAL) -> Iterator[list[str]]:
    csv.field_size_limit(limits.TEXT_MAX_BYTES)
    lines = io.StringIO(text.replace("\x00", ""), newline="")
    if quoting is Quoting.NONE:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    is_strict = quoting is Quoting.STRICT
    return csv.reader(lines, delimiter=delimiter, strict=is_strict, skipinitialspace=is_strict)
