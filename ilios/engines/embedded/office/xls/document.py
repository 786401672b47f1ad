"""Excel workbooks of before 2007 (`.xls`); a page is a sheet."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import xlrd

from ilios.engines import conversion_warnings, document_errors, machine_errors
from ilios.engines.base import Page, Source
from ilios.engines.embedded import limits, markdown, output_limits
from ilios.engines.embedded.compound_file import CompoundFile, entries_of
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office.xlsx.formats import GENERAL, compiled, general
from ilios.engines.embedded.office.xlsx.formulas import column_letters
from ilios.engines.embedded.office.xlsx.sheet import Grid, to_markdown

KIND: Final = "Excel workbook"
WHOLE_MAX: Final = 1e15  #: a larger number has digits that are not stored
_ENCRYPTED: Final = "encrypted"
_STREAMS: Final = ("workbook", "book")


def open_document(source: Source, workspace: Path, threads: int) -> XlsDocument:
    del workspace, threads
    return XlsDocument(_opened(source.path))


class XlsDocument:
    """A workbook; its sheets are read when they are converted."""

    def __init__(self, book: Any) -> None:
        self._book = book
        if not book.nsheets:
            book.release_resources()
            raise document_errors.empty(KIND)

    @property
    def page_count(self) -> int:
        count: int = self._book.nsheets
        return count

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            sheet = self._book.sheet_by_index(index)
            yield self._page(index, sheet)
            self._book.unload_sheet(index)

    def close(self) -> None:
        self._book.release_resources()

    def _page(self, index: int, sheet: Any) -> Page:
        cells = _Cells(self._book, sheet)
        body = [to_markdown(cells.grid), *_notes(sheet)]
        hidden = " (hidden)" if sheet.visibility else ""
        title = markdown.heading(2, markdown.escaped(f"{sheet.name}{hidden}"))
        warnings = [
            *(() if any(body) else [conversion_warnings.blank_page(index + 1)]),
            *(() if cells.is_whole else [conversion_warnings.table_cut(index + 1)]),
        ]
        return Page(index, markdown.blocks([title, *body]), warnings=tuple(warnings))


class _Cells:
    """The filled cells of one sheet, as they are shown."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self._book = book
        self._has_formats = bool(book.formatting_info)
        self._links = {
            place: link.url_or_path
            for place, link in sheet.hyperlink_map.items()
            if isinstance(link.url_or_path, str)
        }
        self.grid: Grid = {}
        self.is_whole = True
        self._read(sheet)

    def _read(self, sheet: Any) -> None:
        characters = 0
        for row in range(sheet.nrows):
            for column, cell in enumerate(sheet.row(row)):
                text = self._shown(cell, self._links.get((row, column)))
                if text:
                    self.grid[row + 1, column + 1] = text
                    characters += len(text)
            output_limits.refuse_page_of(characters)
            if len(self.grid) > limits.SHEET_MAX_CELLS:
                self.is_whole = False
                return

    def _shown(self, cell: Any, target: str | None) -> str:
        match cell.ctype:
            case xlrd.XL_CELL_TEXT:
                text = markdown.escaped(" ".join(cell.value.split()))
            case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
                text = markdown.escaped(self._number(cell))
            case xlrd.XL_CELL_BOOLEAN:
                text = "TRUE" if cell.value else "FALSE"
            case xlrd.XL_CELL_ERROR:
                text = markdown.escaped(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
            case _:
                return ""
        return markdown.inline([Span(text, target=target, raw=True)]) if target else text

    def _number(self, cell: Any) -> str:
        value = float(cell.value)
        is_whole = value.is_integer() and abs(value) < WHOLE_MAX
        exact = str(int(value)) if is_whole else repr(value)
        styles = self._book.xf_list if self._has_formats else ()
        if not 0 <= (cell.xf_index or 0) < len(styles):
            return general(value, exact)
        number_format = self._book.format_map.get(styles[cell.xf_index or 0].format_key)
        code = number_format.format_str if number_format is not None else None
        return compiled(GENERAL if code is None else code).number(
            value, exact, is_1904=self._book.datemode == 1
        )


def _notes(sheet: Any) -> Iterator[str]:
    for (row, column), note in sorted(sheet.cell_note_map.items()):
        text = markdown.escaped(" ".join(note.text.split()))
        if text:
            place = f"{column_letters(column + 1)}{row + 1}"
            yield markdown.list_item(0, "-", markdown.escaped_start(f"{place}: {text}"))


def _opened(path: Path) -> Any:
    """Open a workbook, without its formats if they are damaged. Raises ConversionError."""
    content = _stream(path)
    try:
        return _workbook(content, with_formats=True)
    except Exception as error:  # of any class, where formats are damaged
        machine_errors.raise_as_such(error)
        if isinstance(error, xlrd.XLRDError) and _ENCRYPTED in str(error):
            raise document_errors.encrypted(KIND) from error
    return _workbook(content, with_formats=False)


def _stream(path: Path) -> bytes:
    """Return the stream that is the workbook; the library itself takes fewer compound files."""
    with closing(CompoundFile(path)) as file:
        entries = entries_of(file.root)
        found = next((entries[name] for name in _STREAMS if name in entries), None)
        content = file.content(found, limits.ARCHIVE_PART_MAX_BYTES) if found is not None else b""
    if found is not None and not content and found.size:
        raise document_errors.too_large(
            f"The workbook has {found.size // 1024**2} MB",
            f"{limits.ARCHIVE_PART_MAX_BYTES // 1024**2} MB",
        )
    return content


def _workbook(content: bytes, *, with_formats: bool) -> Any:
    return xlrd.open_workbook(
        file_contents=content,
        logfile=_Nowhere(),
        on_demand=True,
        ragged_rows=True,
        formatting_info=with_formats,
    )


class _Nowhere(io.StringIO):
    """Takes what the library prints about a file, and keeps none of it."""

    def write(self, text: str, /) -> int:
        return len(text)
