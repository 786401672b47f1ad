"""PowerPoint presentations; a page is a slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import Page, Source
from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import (
    Archive,
    attribute,
    child,
    children,
    local_name,
    relationships,
)
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office import pptx_charts, pptx_text
from ilios.engines.embedded.office.pptx_positions import ShapePositions

KIND = "PowerPoint presentation"
_TITLES = ("title", "ctrTitle")
_HEADERS_AND_FOOTERS = ("dt", "ftr", "sldNum", "hdr")


def open_document(source: Source, workspace: Path, threads: int) -> PptxDocument:
    del threads
    return PptxDocument(Archive(source.path, KIND), ImageFolder(workspace))


class PptxDocument:
    """A presentation whose slides are converted one at a time."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._slides = _slides(archive)
        if not self._slides:
            raise document_errors.empty(KIND)

    @property
    def page_count(self) -> int:
        return len(self._slides)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            text = _Slide(self._archive, self._images, self._slides[index], index + 1).markdown()
            blank = () if text else (conversion_warnings.blank_page(index + 1),)
            yield Page(index, text, images=self._images.take(), warnings=blank)

    def close(self) -> None:
        self._archive.close()


def _slides(archive: Archive) -> list[str]:
    name = "ppt/presentation.xml"
    targets = relationships(archive, name)
    listed = child(archive.xml(name), "sldIdLst")
    found = [
        targets.get(slide.get(_RELATION_ID) or "", ("", True))[0]
        for slide in (listed if listed is not None else ())
    ]
    return [slide for slide in found if slide in archive]


_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class _Slide:
    """Converts one slide."""

    def __init__(self, archive: Archive, images: ImageFolder, part: str, number: int) -> None:
        self._archive = archive
        self._images = images
        self._number = number
        self._pictures = 0
        self._targets = relationships(archive, part)
        self._root = archive.xml(part)

    def markdown(self) -> str:
        tree = child(self._root, "cSld", "spTree")
        if tree is None:
            return ""
        positions = ShapePositions.of_slide(self._archive, self._targets)
        shapes = positions.in_reading_order(_flattened(tree))
        titles = [shape for shape in shapes if pptx_text.placeholder(shape) in _TITLES]
        others = [shape for shape in shapes if shape not in titles]
        heads = [markdown.heading(1, self._flat_text(shape)) for shape in titles]
        bodies = [block for shape in others for block in self._blocks(shape)]
        return markdown.blocks([*heads, *bodies, self._notes()])

    def _blocks(self, shape: etree._Element) -> Iterator[str]:
        name, kind = local_name(shape), pptx_text.placeholder(shape)
        if kind in _HEADERS_AND_FOOTERS:
            return
        if name == "pic":
            yield self._picture(shape)
        elif name == "graphicFrame":
            yield from self._graphic(shape)
        else:
            body = child(shape, "txBody")
            bulleted = kind in ("body", "obj")
            yield from pptx_text.paragraphs(body, self._targets, bulleted=bulleted)

    def _graphic(self, frame: etree._Element) -> Iterator[str]:
        for element in frame.iter():
            name = local_name(element)
            if name == "tbl":
                yield markdown.table(list(self._rows(element)))
            elif name == "chart" and element.get(_RELATION_ID):
                yield self._chart(element.get(_RELATION_ID) or "")
            elif name == "relIds":
                yield self._diagram(attribute(element, "dm") or "")

    def _rows(self, table: etree._Element) -> Iterator[list[str]]:
        for row in children(table, "tr"):
            yield [
                "" if _continues(cell) else self._flat_text(cell) for cell in children(row, "tc")
            ]

    def _flat_text(self, shape: etree._Element) -> str:
        body = child(shape, "txBody")
        parts = pptx_text.paragraphs(body, self._targets, bulleted=False, styled=False)
        return " ".join(part.replace(markdown.HARD_BREAK, " ") for part in parts)

    def _chart(self, relation: str) -> str:
        part, _ = self._targets.get(relation, ("", False))
        root = self._archive.optional_xml(part)
        return pptx_charts.to_markdown(root) if root is not None else ""

    def _diagram(self, relation: str) -> str:
        """Write the texts of a SmartArt diagram as a list."""
        part, _ = self._targets.get(relation, ("", False))
        root = self._archive.optional_xml(part)
        bodies = [e for e in root.iter() if local_name(e) == "t"] if root is not None else []
        nested = [e for e in bodies if any(local_name(p) == "p" for p in e)]
        texts = (
            " ".join(pptx_text.paragraphs(body, {}, bulleted=False, styled=False))
            for body in nested
        )
        return markdown.blocks(markdown.list_item(0, "-", text) for text in texts if text)

    def _picture(self, shape: etree._Element) -> str:
        properties = child(shape, "nvPicPr", "cNvPr")
        blip = child(shape, "blipFill", "blip")
        part, external = self._targets.get(attribute(blip, "embed") or "", ("", True))
        if external or part not in self._archive:
            return ""
        self._pictures += 1
        stem = f"slide-{self._number}-image-{self._pictures}"
        name = self._images.add(stem, self._archive.read_or_empty(part))
        description = attribute(properties, "descr") or ""
        looks_like_a_file = PurePosixPath(description).suffix != "" and " " not in description
        return markdown.image(name, "" if looks_like_a_file else description) if name else ""

    def _notes(self) -> str:
        """Write the speaker notes as a quotation."""
        part = next((t for t, _ in self._targets.values() if "/notesSlides/" in t), "")
        root = self._archive.optional_xml(part)
        tree = child(root, "cSld", "spTree")
        texts = [
            text
            for shape in (_flattened(tree) if tree is not None else ())
            if pptx_text.placeholder(shape) == "body"
            for text in pptx_text.paragraphs(child(shape, "txBody"), {}, bulleted=False)
        ]
        if not texts:
            return ""
        quoted = "\n>\n".join("> " + text.replace("\n", "\n> ") for text in texts)
        return f"> Notes:\n>\n{quoted}"


def _flattened(tree: etree._Element) -> list[etree._Element]:
    """Return all shapes, also those in groups and in content for newer versions of PowerPoint."""
    shapes: list[etree._Element] = []
    for shape in tree:
        name = local_name(shape)
        if name == "grpSp":
            shapes += _flattened(shape)
        elif name == "AlternateContent":
            choice, fallback = child(shape, "Choice"), child(shape, "Fallback")
            chosen = _flattened(choice) if choice is not None else []
            shapes += chosen or (_flattened(fallback) if fallback is not None else [])
        elif name in ("sp", "pic", "graphicFrame", "cxnSp"):
            shapes.append(shape)
    return shapes


def _continues(cell: etree._Element) -> bool:
    return attribute(cell, "hMerge") == "1" or attribute(cell, "vMerge") == "1"
