"""Word documents. A page ends at an explicit break, or where Word last laid out a page break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, ImageFile, Source
from ilios.engines.embedded import accounting, markdown
from ilios.engines.embedded.archive import Archive, children
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office.docx import breaks, sections, source_words
from ilios.engines.embedded.office.docx.blocks import BlockWriter, unwrapped
from ilios.engines.embedded.office.docx.chunks import Chunks
from ilios.engines.embedded.office.docx.drawings import Drawings
from ilios.engines.embedded.office.docx.parts import Package
from ilios.engines.embedded.office.docx.sections import Section

KIND = "Word document"
_WITHOUT_TEXT = ("/styles.xml", "/numbering.xml", "/settings.xml")
_NESTED_MAX = 2  #: Word documents inside one another
_NESTED_IN_ONE_MAX = 50  #: beside one another


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    images = ImageFolder(workspace)
    pages = _pages(source.path, workspace, images, depth=0)
    if not any(page.markdown for page in pages):
        raise document_errors.empty(KIND)
    return FlowDocument(pages)


def _pages(path: Path, workspace: Path, images: ImageFolder, depth: int) -> list[FlowPage]:
    warnings: list[ConversionWarning] = []
    count = 0

    def nested(content: bytes) -> str:
        nonlocal count
        count += 1
        if depth >= _NESTED_MAX or count > _NESTED_IN_ONE_MAX:
            return ""
        inner = workspace / f"nested-{depth}.docx"
        inner.write_bytes(content)
        try:
            pages = _pages(inner, workspace, images, depth + 1)
        finally:
            inner.unlink()
        warnings.extend(replace(w, page=None) for page in pages for w in page.warnings)
        return markdown.blocks(page.markdown for page in pages)

    archive = Archive(path, KIND)
    try:
        return _Word(archive, images, Chunks(archive, images, nested), warnings).pages()
    finally:
        archive.close()


@dataclass(slots=True)
class _Draft:
    """A page that is being written."""

    parts: list[str]
    images: tuple[ImageFile, ...]
    warnings: list[ConversionWarning]
    source: Counter[str]  #: the words that the page is to have


class _Word:
    """Converts one document."""

    def __init__(
        self,
        archive: Archive,
        images: ImageFolder,
        chunks: Chunks,
        nested_warnings: list[ConversionWarning],
    ) -> None:
        self._archive = archive
        self._images = images
        self._chunks = chunks
        self._nested_warnings = nested_warnings
        self._package = Package(archive)
        self._drawings = Drawings(archive, images)
        self._blocks = BlockWriter(self._package, self._drawings, chunks)
        self._shown: set[str] = set()  #: headers and footers: their parts and texts

    def pages(self) -> list[FlowPage]:
        bodies = list(children(self._package.main.root, "body"))
        if not bodies:
            raise document_errors.corrupt(KIND)
        elements = [element for body in bodies for element in unwrapped(body)]
        settings = partial(self._package.related_xml, "settings")
        found = sections.of(elements, settings)
        drafts = self._drafts(breaks.pages(elements, found), found)
        drafts[0].warnings += self._damage()
        return [_page(draft, number) for number, draft in enumerate(drafts, start=1)]

    def _drafts(self, cut: list[list[etree._Element]], found: list[Section]) -> list[_Draft]:
        """Write the pages; those without content are left out.

        The headers of a section stand where it begins, its footers where it ends.
        """
        drafts: list[_Draft] = []
        headers: list[str] = []
        begun = ended = 0
        for elements in cut:
            ending = [e for e in elements if sections.properties(e) is not None]
            through = ended + len(ending) + (not ending or elements[-1] is not ending[-1])
            for section in found[begun:through]:
                headers += self._repeated(section.headers)
            begun = max(begun, through)
            body = [part for part in self._body(elements) if part.strip()]
            if body:
                drafts.append(self._draft([*headers, *body], elements, len(drafts) + 1))
                headers = []
            for section in found[ended : ended + len(ending)]:
                footers = self._repeated(section.footers)
                (drafts[-1].parts if drafts else headers).extend(footers)
            ended += len(ending)
        if headers or not drafts:
            drafts.append(self._draft(headers, (), len(drafts) + 1))
        drafts[-1].parts += self._blocks.unread_comments()
        return drafts

    def _body(self, elements: list[etree._Element]) -> list[str]:
        return [*self._blocks.write(elements), *self._blocks.notes()]

    def _draft(self, parts: list[str], elements: Sequence[etree._Element], number: int) -> _Draft:
        warnings = [
            *self._nested_warnings,
            *(
                conversion_warnings.pictures_left_out(kind, count, number)
                for kind, count in self._drawings.take_left_out().items()
            ),
            *(
                conversion_warnings.embedded_left_out(name, number)
                for name in self._chunks.take_left_out()
            ),
        ]
        self._nested_warnings.clear()
        return _Draft(parts, self._images.take(), warnings, self._words(elements))

    def _words(self, elements: Sequence[etree._Element]) -> Counter[str]:
        """Count what is to be shown of the elements and of the notes in them."""
        source = source_words.words(elements, self._package.main.fields)
        for note in self._blocks.take_read():
            # not `+=`, which looks through all words of the page for each note
            source.update(source_words.words((note.element,), note.part.fields))
        return source - accounting.words(self._blocks.take_hidden())

    def _repeated(self, relations: tuple[str, ...]) -> list[str]:
        """Write headers or footers; what another one said already is left out."""
        written: list[str] = []
        for relation in relations:
            name, _ = self._package.main.targets.get(relation, ("", False))
            part = self._package.part(name) if name not in self._shown else None
            self._shown.add(name)
            if part is None:
                continue
            elements = [
                element
                for element in unwrapped(part.root)
                if not sections.is_page_number_only(element, part.fields)
            ]
            text = markdown.blocks(self._blocks.write_part(part, elements))
            if text and text not in self._shown:
                self._shown.add(text)
                written.append(text)
        return written

    def _damage(self) -> list[ConversionWarning]:
        return [
            conversion_warnings.part_damaged(name)
            for name in sorted(self._archive.damaged)
            if not name.endswith((".rels", *_WITHOUT_TEXT))
        ]


def _page(draft: _Draft, number: int) -> FlowPage:
    text = markdown.blocks(draft.parts)
    lost, total = accounting.missing(draft.source, text), draft.source.total()
    if accounting.is_notable(lost, total):
        place = f"page {number}"
        draft.warnings.append(conversion_warnings.text_left_out(place, lost, total, number))
    return FlowPage(text, draft.images, tuple(draft.warnings))
