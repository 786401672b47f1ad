"""PowerPoint presentations; a page is a slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import Page, Source
from ilios.engines.embedded import accounting
from ilios.engines.embedded.archive import Archive, child
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office import pptx_accounting, pptx_notes
from ilios.engines.embedded.office.pptx_layouts import SlideLayouts
from ilios.engines.embedded.office.pptx_relations import Relations, relations
from ilios.engines.embedded.office.pptx_slide import Slide

KIND = "PowerPoint presentation"
_USUAL_MAIN_PART = "ppt/presentation.xml"


def open_document(source: Source, workspace: Path, threads: int) -> PptxDocument:
    del threads
    return PptxDocument(Archive(source.path, KIND), ImageFolder(workspace))


class PptxDocument:
    """A presentation whose slides are converted one at a time."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        main = relations(archive, "").kinds.get("officeDocument", _USUAL_MAIN_PART)
        own = relations(archive, main)
        self._slides = _slides(archive, main, own)
        if not self._slides:
            raise document_errors.empty(KIND)
        self._authors = pptx_notes.authors(archive, own)
        self._layouts = SlideLayouts(archive)
        self._footers: set[str] = set()

    @property
    def page_count(self) -> int:
        return len(self._slides)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            yield self._page(index)

    def close(self) -> None:
        self._archive.close()

    def _page(self, index: int) -> Page:
        part, number = self._slides[index], index + 1
        root = self._archive.xml(part)
        own = relations(self._archive, part)
        slide = Slide(self._archive, self._images, own, number, self._layouts.of_slide(own))
        text = slide.markdown(root, self._footers, self._authors)
        warnings = [
            *slide.warnings(),
            *(() if text else (conversion_warnings.blank_page(number),)),
        ]
        source = pptx_accounting.words(root)
        lost = accounting.missing(source, text)
        if accounting.is_notable(lost, source.total()):
            place = f"slide {number}"
            warnings.append(conversion_warnings.text_left_out(place, lost, source.total(), number))
        return Page(index, text, images=self._images.take(), warnings=tuple(warnings))


def _slides(archive: Archive, main: str, own: Relations) -> list[str]:
    listed = child(archive.xml(main), "sldIdLst")
    found = [
        own.targets.get(_relation_id(slide), ("", True))[0]
        for slide in (listed if listed is not None else ())
    ]
    return [slide for slide in found if slide in archive]


def _relation_id(element: etree._Element) -> str:
    """Return the relationship that an element names: its `id` in a namespace, whichever form."""
    for name, value in element.attrib.items():
        if str(name).startswith("{") and str(name).endswith("}id"):
            return str(value)
    return ""
