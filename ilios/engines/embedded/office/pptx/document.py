"""PowerPoint presentations; a page is a slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import accounting
from ilios.engines.embedded.archive import Archive, child, children, without_repetitions
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office.kept_pictures import KeptPictures
from ilios.engines.embedded.office.pptx import notes, source_words
from ilios.engines.embedded.office.pptx.layouts import SlideLayouts
from ilios.engines.embedded.office.pptx.relations import Relations, relations
from ilios.engines.embedded.office.pptx.slide import Slide

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
        own, root = relations(archive, main), archive.xml(main)
        self._slides = _slides(root, own)
        if not any(slide in archive for slide in self._slides):
            raise document_errors.empty(KIND)
        self._authors = notes.authors(archive, own)
        self._layouts = SlideLayouts(archive, root)
        self._footers: set[str] = set()
        self._pictures = KeptPictures(archive, images)
        self._told: set[str] = set()  #: damaged parts that a warning has named

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
        root = self._archive.optional_xml(part)
        try:
            text, warnings = self._written(part, root, number) if root is not None else ("", [])
        except ValueError:  # an attribute that is not what it should be
            root, text, warnings = None, "", []
        if root is None:
            warnings = [conversion_warnings.unreadable_page(number)]
        return Page(index, text, images=self._images.take(), warnings=tuple(warnings))

    def _written(
        self, part: str, root: etree._Element, number: int
    ) -> tuple[str, list[ConversionWarning]]:
        own = relations(self._archive, part)
        slide = Slide(self._archive, self._pictures, own, number, self._layouts.of_slide(own))
        text = slide.markdown(root, self._footers, self._authors)
        warnings = [*slide.warnings(), *_missing_words(root, text, number)]
        if len(self._archive.damaged) > len(self._told):
            fresh = self._archive.damaged - self._told
            warnings += [conversion_warnings.part_damaged(name, number) for name in sorted(fresh)]
            self._told |= fresh
        if not text and part not in self._archive.damaged:
            warnings.append(conversion_warnings.blank_page(number))
        return text, warnings


def _missing_words(root: etree._Element, text: str, number: int) -> Iterator[ConversionWarning]:
    source = source_words.words(root)
    lost = accounting.missing(source, text)
    if accounting.is_notable(lost, source.total()):
        place = f"slide {number}"
        yield conversion_warnings.text_left_out(place, lost, source.total(), number)


def _slides(presentation: etree._Element, own: Relations) -> list[str]:
    """Return the parts of the slides; one that is not known has an empty name."""
    listed = child(presentation, "sldIdLst")
    slides = children(listed, "sldId") if listed is not None else ()
    parts = [own.targets.get(_relation_id(slide), ("", True))[0] for slide in slides]
    return without_repetitions(parts, lambda part: part)


def _relation_id(element: etree._Element) -> str:
    """Return the relationship that an element names: its `id` in a namespace, whichever form."""
    for name, value in element.attrib.items():
        if str(name).startswith("{") and str(name).endswith("}id"):
            return str(value)
    return ""
