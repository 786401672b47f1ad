"""Excel workbooks; a page is a sheet."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, BinaryIO

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import Page, Source
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.archive import Archive
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office import xlsx_extras
from ilios.engines.embedded.office.sheet import Grid, to_markdown
from ilios.engines.embedded.office.xlsx_values import shown

KIND = "Excel workbook"
_UNCOMPUTED = re.compile(rb"<f[ >][^<]*</f>\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>")


def open_document(source: Source, workspace: Path, threads: int) -> XlsxDocument:
    del threads
    with ExitStack() as opened:
        archive = opened.enter_context(closing(Archive(source.path, KIND)))
        # as a file: openpyxl refuses names without its extensions
        file = opened.enter_context(source.path.open("rb"))
        document = XlsxDocument(archive, file, ImageFolder(workspace))
        opened.pop_all()
    return document


class XlsxDocument:
    """A workbook; its sheets are read row by row, so that only cells with content take memory."""

    def __init__(self, archive: Archive, file: BinaryIO, images: ImageFolder) -> None:
        import openpyxl

        self._archive = archive
        self._file = file
        self._images = images
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about features that do not concern the text
            self._workbook: Any = openpyxl.load_workbook(self._file, read_only=True, data_only=True)
            self._formulas: Any = openpyxl.load_workbook(self._file, read_only=True)
        self._sheets: list[Any] = list(self._workbook.worksheets)
        self._extras = xlsx_extras.by_sheet(archive)
        if not self._sheets:
            raise document_errors.empty(KIND)

    @property
    def page_count(self) -> int:
        return len(self._sheets)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            yield self._page(index, self._sheets[index])

    def close(self) -> None:
        self._workbook.close()
        self._formulas.close()
        self._file.close()
        self._archive.close()

    def _page(self, index: int, sheet: Any) -> Page:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grid, whole = _grid(sheet)
            if self._has_uncomputed(sheet.title):
                _add_formulas(grid, self._formulas[sheet.title])
        hidden = "" if sheet.sheet_state == "visible" else " (hidden)"
        body = [to_markdown(grid), *self._attachments(index, sheet.title)]
        blank = () if any(body) else (conversion_warnings.blank_page(index + 1),)
        cut = () if whole else (conversion_warnings.table_cut(index + 1),)
        title = markdown.heading(2, markdown.escaped(sheet.title + hidden))
        return Page(
            index,
            markdown.blocks([title, *body]),
            images=self._images.take(),
            warnings=(*blank, *cut),
        )

    def _has_uncomputed(self, title: str) -> bool:
        """Return whether formulas have no stored result: not only Excel writes workbooks."""
        extras = self._extras.get(title)
        if extras is None or extras.part not in self._archive:
            return False
        return _UNCOMPUTED.search(self._archive.read(extras.part)) is not None

    def _attachments(self, index: int, title: str) -> Iterator[str]:
        extras = self._extras.get(title)
        for count, part in enumerate(extras.images if extras else (), start=1):
            stem = f"sheet-{index + 1}-image-{count}"
            name = self._images.add(stem, self._archive.read_or_empty(part))
            yield markdown.image(name) if name else ""
        yield from (extras.texts if extras else ())


def _grid(sheet: Any) -> tuple[Grid, bool]:
    """Return the cells that hold something, and whether that is all of them."""
    sheet.reset_dimensions()  # what the file declares is often wrong
    grid: Grid = {}
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is None:
                continue
            text = shown(cell.value, cell.number_format)
            if text:
                grid[cell.row, cell.column] = text
        if len(grid) > limits.SHEET_MAX_CELLS:
            return grid, False
    return grid, True


def _add_formulas(grid: Grid, sheet: Any) -> None:
    """Show the formula in cells whose result is missing."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is not None and cell.data_type == "f":
                grid.setdefault((cell.row, cell.column), markdown.escaped(str(cell.value)))
