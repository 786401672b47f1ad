"""Excel workbooks; a page is a sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import accounting, markdown, output_limits
from ilios.engines.embedded.archive import Archive, relationships
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office.kept_pictures import KeptPictures
from ilios.engines.embedded.office.xlsx import cell_pictures, extras, headers
from ilios.engines.embedded.office.xlsx.cells import Cells, SheetReader, linked_places
from ilios.engines.embedded.office.xlsx.extras import Picture
from ilios.engines.embedded.office.xlsx.package import Package, Sheet, read_streamed
from ilios.engines.embedded.office.xlsx.sheet import to_markdown
from ilios.engines.embedded.office.xlsx.values import Values

KIND = "Excel workbook"
COUNTED_ROUGHLY_CHARACTERS = 2_000_000
"""In longer sheets words are first counted without keeping them in memory."""


def open_document(source: Source, workspace: Path, threads: int) -> XlsxDocument:
    del threads
    with ExitStack() as opened:
        archive = opened.enter_context(closing(Archive(source.path, KIND)))
        document = XlsxDocument(archive, ImageFolder(workspace))
        opened.pop_all()
    return document


class XlsxDocument:
    """A workbook; its sheets are read cell by cell, so that only those with content take memory."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._package = Package(archive)
        self._headers: set[str] = set()
        self._kept = KeptPictures(archive, images)
        self._told_damaged: set[str] = set()
        if not self._package.sheets:
            raise document_errors.empty(KIND)
        if not any(sheet.part in archive for sheet in self._package.sheets):
            raise document_errors.corrupt(KIND)

    @property
    def page_count(self) -> int:
        return len(self._package.sheets)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            yield self._page(index, self._package.sheets[index])

    def close(self) -> None:
        self._archive.close()

    @cached_property
    def _values(self) -> Values:
        return Values(self._package)

    @cached_property
    def _cell_pictures(self) -> dict[int, Picture]:
        return cell_pictures.by_number(self._archive, self._package.main_part)

    def _page(self, index: int, sheet: Sheet) -> Page:
        cells = self._cells(sheet)
        beside = extras.of_sheet(self._archive, sheet.part, cells.controls)
        pictures = _Pictures(self._kept, index)
        for place, number in cells.pictures.items():
            if number in self._cell_pictures:
                cells.grid[place] = pictures.written(self._cell_pictures[number])
        body = [
            to_markdown(cells.grid),
            *(pictures.written(picture) for picture in beside.pictures),
            *beside.texts,
            *beside.notes,
            *self._new_headers(cells),
        ]
        title = markdown.escaped(sheet.title + (" (hidden)" if sheet.is_hidden else ""))
        text = markdown.blocks([markdown.heading(2, title), *body])
        found = [
            *(() if any(body) else [conversion_warnings.blank_page(index + 1)]),
            *(() if cells.is_whole else [conversion_warnings.table_cut(index + 1)]),
            *pictures.warnings(),
            *_missing(index, sheet, [*cells.texts, *beside.sources], text),
            *self._damage(sheet),
        ]
        return Page(index, text, images=self._images.take(), warnings=tuple(found))

    def _cells(self, sheet: Sheet) -> Cells:
        if sheet.part not in self._archive:
            return Cells()
        values = self._values
        cells = read_streamed(
            self._archive,
            sheet.part,
            lambda stream, repaired: SheetReader(values).read(stream, repaired=repaired),
        )
        self._link(sheet, cells)
        return cells

    def _link(self, sheet: Sheet, cells: Cells) -> None:
        targets = relationships(self._archive, sheet.part) if cells.links else {}
        outside = {link: target for link, (target, is_external) in targets.items() if is_external}
        known = ((cell, outside[link]) for cell, link in cells.links if link in outside)
        cells.targets.update(linked_places(known))
        characters = 0
        for place, target in cells.targets.items():
            text = cells.grid.get(place)
            if text:
                linked = markdown.inline([Span(text, target=target, raw=True)])
                cells.grid[place] = linked
                characters += len(linked)
                output_limits.refuse_page_of(characters)

    def _damage(self, sheet: Sheet) -> Iterator[ConversionWarning]:
        if sheet.part and sheet.part not in self._archive:
            yield conversion_warnings.part_damaged(sheet.part)
        for part in sorted(self._archive.damaged - self._told_damaged):
            self._told_damaged.add(part)
            yield conversion_warnings.part_damaged(part)

    def _new_headers(self, cells: Cells) -> Iterator[str]:
        """Yield headers and footers that no sheet before had: most are those of all sheets."""
        for line in (line for header in cells.headers for line in headers.lines(header)):
            if line not in self._headers:
                self._headers.add(line)
                yield markdown.escaped_line(line)


class _Pictures:
    """Writes the pictures of one sheet, and counts those that are not kept."""

    def __init__(self, kept: KeptPictures, index: int) -> None:
        self._kept = kept
        self._index = index
        self._count = 0
        self._left_out: Counter[str] = Counter()

    def written(self, picture: Picture) -> str:
        """Return the Markdown of a picture; of one that is not kept, its description."""
        self._count += 1
        stem = f"sheet-{self._index + 1}-image-{self._count}"
        name, kind = self._kept.keep(stem, picture.part)
        if name:
            return markdown.image(name, picture.description)
        if kind:
            self._left_out[kind] += 1
        return markdown.escaped_line(picture.description)

    def warnings(self) -> list[ConversionWarning]:
        return [
            conversion_warnings.pictures_left_out(kind, count, self._index + 1)
            for kind, count in self._left_out.items()
        ]


def _missing(
    index: int, sheet: Sheet, sources: Sequence[str], text: str
) -> Iterator[ConversionWarning]:
    joined = " ".join(sources)
    if len(joined) > COUNTED_ROUGHLY_CHARACTERS and accounting.keeps_all(joined, text):
        return
    source = accounting.words(joined)
    lost = accounting.missing(source, text)
    if accounting.is_notable(lost, source.total()):
        yield conversion_warnings.text_left_out(
            f'sheet "{sheet.title}"', lost, source.total(), index + 1
        )
