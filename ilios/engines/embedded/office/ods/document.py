"""OpenDocument spreadsheets, packed or flat; a page is a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import accounting, markdown
from ilios.engines.embedded.archive import attribute, child, children
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office.ods import cells
from ilios.engines.embedded.office.ods.cells import Cells
from ilios.engines.embedded.office.odt.blocks import Blocks
from ilios.engines.embedded.office.odt.package import OdtPackage
from ilios.engines.embedded.office.odt.styles import Styles, elements, sections
from ilios.engines.embedded.office.xlsx.sheet import to_markdown

KIND: Final = "OpenDocument spreadsheet"
OBJECTS_TOLD: Final = 10


def open_document(source: Source, workspace: Path, threads: int) -> OdsDocument:
    del threads
    with ExitStack() as opened:
        package = opened.enter_context(closing(OdtPackage(source.path, KIND)))
        document = OdsDocument(package, ImageFolder(workspace))
        opened.pop_all()
    return document


class OdsDocument:
    """A spreadsheet whose sheets are converted one at a time."""

    def __init__(self, package: OdtPackage, images: ImageFolder) -> None:
        body = child(package.content, "body", "spreadsheet")
        if body is None:
            raise document_errors.corrupt(KIND)
        self._package = package
        self._images = images
        self._sheets = list(children(body, "table"))
        if not self._sheets:
            raise document_errors.empty(KIND)
        named, repeated = sections(package.styles)
        automatic = sections(package.content)[1]
        self._automatic = elements(automatic)
        styles = Styles(elements(named), self._automatic)
        self._writer = Blocks(package, images, styles, [named, repeated, automatic])
        self._told_damaged: set[str] = set()

    @property
    def page_count(self) -> int:
        return len(self._sheets)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            yield self._page(index, self._sheets[index])

    def close(self) -> None:
        self._package.close()

    def _page(self, index: int, sheet: etree._Element) -> Page:
        name = attribute(sheet, "name") or ""
        found = cells.read(sheet, self._writer)
        body = [to_markdown(found.grid), *self._drawn(sheet), *found.notes]
        hidden = " (hidden)" if self._is_hidden(sheet) else ""
        title = markdown.heading(2, markdown.escaped(f"{name}{hidden}"))
        text = markdown.blocks([title, *body])
        warnings = [
            *(() if any(body) else [conversion_warnings.blank_page(index + 1)]),
            *self._warnings(found, name, text, index + 1),
        ]
        return Page(index, text, images=self._images.take(), warnings=tuple(warnings))

    def _drawn(self, sheet: etree._Element) -> Iterator[str]:
        """Write what is drawn in cells and upon the sheet, behind its tables.

        Of charts, whose numbers are cells, titles are written.
        """
        waiting = self._writer.text.take_waiting()
        shapes = child(sheet, "shapes")
        for shape in shapes if shapes is not None else ():
            yield markdown.inline(self._writer.text.drawing(shape))
            waiting += self._writer.text.take_waiting()
        for element in waiting:
            chart = child(element, "body", "chart")
            if chart is None:
                yield from self._writer.apart(element)
            else:
                yield from self._writer.chart_titles(chart)

    def _is_hidden(self, sheet: etree._Element) -> bool:
        style = self._automatic.get(("table", attribute(sheet, "style-name") or ""))
        return attribute(child(style, "table-properties"), "display") == "false"

    def _warnings(
        self, found: Cells, name: str, text: str, number: int
    ) -> Iterator[ConversionWarning]:
        written = self._writer.text
        for kind, count in sorted(written.left_out.items()):
            yield conversion_warnings.pictures_left_out(kind, count, number)
        for unread in written.unread_objects[:OBJECTS_TOLD]:
            yield conversion_warnings.embedded_left_out(unread, number)
        written.left_out.clear()
        written.unread_objects.clear()
        if self._writer.tables.is_cut or not found.is_whole:
            self._writer.tables.is_cut = False
            yield conversion_warnings.table_cut(number)
        for part in sorted(self._package.damaged - self._told_damaged):
            self._told_damaged.add(part)
            yield conversion_warnings.part_damaged(part, number)
        source = accounting.words(" ".join(found.sources))
        lost = accounting.missing(source, text)
        if accounting.is_notable(lost, source.total()):
            yield conversion_warnings.text_left_out(f'sheet "{name}"', lost, source.total(), number)
