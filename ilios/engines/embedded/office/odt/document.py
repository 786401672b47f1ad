"""OpenDocument texts, packed or flat, as one page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Source
from ilios.engines.embedded import accounting, markdown
from ilios.engines.embedded.archive import attribute, child, children
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office import page_numbers
from ilios.engines.embedded.office.odt import source_words
from ilios.engines.embedded.office.odt.blocks import Blocks
from ilios.engines.embedded.office.odt.package import KIND, OdtPackage
from ilios.engines.embedded.office.odt.styles import Styles, elements, master_pages, sections

OBJECTS_TOLD: Final = 10
_PAGE_NUMBERS: Final = ("page-number", "page-count", "page-continuation")


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    images = ImageFolder(workspace)
    with closing(OdtPackage(source.path)) as package:
        document = _Odt(package, images)
        text = document.markdown()
        if not text:
            raise document_errors.empty(KIND)
        warnings = tuple(document.warnings(text))
    return FlowDocument([FlowPage(text, images.take(), warnings)])


class _Odt:
    """Converts the body of one document, and what is repeated on its pages."""

    def __init__(self, package: OdtPackage, images: ImageFolder) -> None:
        self._package = package
        named, repeated = sections(package.styles)
        automatic = sections(package.content)[1]
        self._named = elements(named)
        self._repeated_styles = repeated
        self._body_styles = Styles(self._named, elements(automatic))
        self._writer = Blocks(package, images, self._body_styles, [named, repeated, automatic])
        self._text = self._writer.text

    def markdown(self) -> str:
        body = child(self._package.content, "body", "text")
        if body is None:
            raise document_errors.corrupt(KIND)
        written = list(self._writer.blocks(body))
        above, below = self._repeated()
        return markdown.blocks([*above, *written, *below, *self._text.notes, *self._text.comments])

    def warnings(self, text: str) -> Iterator[ConversionWarning]:
        """Say what the Markdown lacks of the words and pictures of the document."""
        for kind, count in sorted(self._text.left_out.items()):
            yield conversion_warnings.pictures_left_out(kind, count)
        for name in self._text.unread_objects[:OBJECTS_TOLD]:
            yield conversion_warnings.embedded_left_out(name)
        for name in sorted(self._package.damaged):
            yield conversion_warnings.part_damaged(name)
        lost, total = accounting.lost_words(
            source_words.rough_text(self._package),
            lambda: source_words.text(self._package, self._body_styles),
            text,
        )
        if accounting.is_notable(lost, total):
            yield conversion_warnings.text_left_out("the document", lost, total)
        if self._writer.tables.is_cut:
            yield conversion_warnings.table_cut(1)

    def _repeated(self) -> tuple[list[str], list[str]]:
        """Return the different headers and footers, once each."""
        masters = master_pages(self._package.content, self._package.styles)
        self._text.styles = Styles(self._named, elements(self._repeated_styles))
        written = self._parts(masters, "header"), self._parts(masters, "footer")
        self._text.styles = self._body_styles
        return written

    def _parts(self, masters: list[etree._Element], name: str) -> list[str]:
        """Return what headers or footers hold beside the numbers of pages."""
        parts: dict[str, None] = {}
        for master in masters:
            for part in children(master, name, f"{name}-first", f"{name}-left"):
                if attribute(part, "display") == "false":
                    continue
                for line in part.iter("{*}p"):
                    _without_page_numbers(line)
                written = markdown.blocks(self._writer.blocks(part))
                parts.update({written: None} if re.search(r"\w", written) else {})
        return list(parts)


def _without_page_numbers(line: etree._Element) -> None:
    """Empty the fields that count pages in a line, and all of it if it says little else."""
    numbers = list(line.iter(*(f"{{*}}{field}" for field in _PAGE_NUMBERS)))
    for field in numbers:
        field.text = None
    is_picture = next(line.iter("{*}image"), None) is not None
    rest = "".join(map(str, line.itertext()))
    if numbers and not is_picture and not page_numbers.says_more(rest):
        line.clear()
