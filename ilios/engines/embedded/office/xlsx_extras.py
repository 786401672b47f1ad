"""What sheets hold besides cells: pictures, titles of charts, text boxes."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import Archive, attribute, child, local_name, relationships
from ilios.engines.embedded.office import pptx_charts

WORKBOOK = "xl/workbook.xml"


@dataclass(frozen=True, slots=True)
class Extras:
    """What a sheet holds besides cells."""

    part: str  #: name of the sheet's own part
    images: tuple[str, ...]  #: names of the parts
    texts: tuple[str, ...]  #: Markdown


def by_sheet(archive: Archive) -> dict[str, Extras]:
    """Return what each sheet holds besides cells, by its title."""
    workbook = archive.optional_xml(WORKBOOK)
    targets = relationships(archive, WORKBOOK)
    found: dict[str, Extras] = {}
    sheets = child(workbook, "sheets")
    for sheet in sheets if sheets is not None else ():
        part, _ = targets.get(attribute(sheet, "id") or "", ("", False))
        drawings = [t for t, _ in relationships(archive, part).values() if "/drawings/drawing" in t]
        found[sheet.get("name", "")] = _merged(part, [_drawing(archive, name) for name in drawings])
    return found


def _drawing(archive: Archive, part: str) -> tuple[list[str], list[str]]:
    root = archive.optional_xml(part)
    targets = relationships(archive, part)
    images: list[str] = []
    texts: list[str] = []
    for element in root.iter() if root is not None else ():
        name = local_name(element)
        target, external = targets.get(
            attribute(element, "embed") or attribute(element, "id") or "", ("", True)
        )
        if external or target not in archive:
            texts += [_text_box(element)] if name == "txBody" else []
        elif name == "blip":
            images.append(target)
        elif name == "chart":
            texts.append(pptx_charts.title(archive.xml(target)))  # its numbers are in the cells
    return images, texts


def _text_box(body: etree._Element) -> str:
    texts = [e.text or "" for e in body.iter() if local_name(e) == "t"]
    return markdown.escaped_line(" ".join(texts).strip())


def _merged(part: str, drawings: list[tuple[list[str], list[str]]]) -> Extras:
    return Extras(
        part,
        tuple(image for images, _ in drawings for image in images),
        tuple(text for _, texts in drawings for text in texts),
    )
