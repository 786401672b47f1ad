"""Drawings of Word documents: pictures, text boxes, WordArt, charts and diagrams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from lxml import etree

from ilios.engines.embedded import image_files, markdown
from ilios.engines.embedded.archive import Archive, attribute, child, children, local_name
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office import diagrams
from ilios.engines.embedded.office.pptx import charts

Aside = str | etree._Element
"""What stands beside the text of a paragraph: Markdown, or a text box with blocks of its own."""
Targets = Mapping[str, tuple[str, bool]]


class Drawings:
    """Reads drawings; counts the pictures that are not kept, by kind."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._left_out: Counter[str] = Counter()
        self._kept: dict[str, tuple[str | None, str | None]] = {}
        """Name of the image, or kind of one that is not kept, by the part."""
        self._drawn: set[str] = set()  #: parts of charts and diagrams

    def take_left_out(self) -> Counter[str]:
        """Return how many pictures of which kinds were left out since the last call."""
        taken, self._left_out = self._left_out, Counter()
        return taken

    def contents(
        self, drawing: etree._Element, targets: Targets, description: str = ""
    ) -> Iterator[Span | Aside]:
        """Yield pictures as spans in place, and all else to stand beside the paragraph."""
        for part in drawing.iterchildren("{*}*"):
            name = local_name(part)
            if name in ("docPr", "cNvPr"):
                description = attribute(part, "descr") or description
            elif name == "txbxContent":
                yield part
            elif name == "txBody":
                yield _drawn_text(part)
            elif name == "textpath":
                yield markdown.escaped_line(attribute(part, "string") or "")
            elif name in ("blip", "imagedata"):
                yield from self._picture(part, targets, description)
            elif name in ("chart", "relIds"):
                yield self._graphic(part, name, targets)
            elif name == "AlternateContent":
                yield from self._alternative(part, targets, description)
            else:
                own = _own_description(part) or description
                yield from self.contents(part, targets, own)

    def _alternative(
        self, part: etree._Element, targets: Targets, description: str
    ) -> Iterator[Span | Aside]:
        for name in ("Choice", "Fallback"):
            chosen = child(part, name)
            found = list(self.contents(chosen, targets, description)) if chosen is not None else []
            if found:
                yield from found
                return

    def _picture(self, blip: etree._Element, targets: Targets, description: str) -> Iterator[Span]:
        relation = attribute(blip, "embed") or attribute(blip, "id") or attribute(blip, "link")
        if not relation:
            return
        target, external = targets.get(relation, ("", False))
        if external and target.startswith(("http://", "https://")):
            if markdown.is_safe(address := markdown.address(target)):
                yield Span(f" {markdown.image(address, description)} ", raw=True)
            return
        if target not in self._kept:
            self._kept[target] = self._keep(
                target, b"" if external else self._archive.read_or_empty(target)
            )
        name, kind = self._kept[target]
        if name:
            yield Span(f" {markdown.image(name, description)} ", raw=True)
        elif kind:
            self._left_out[kind] += 1
            yield Span(f" {description} ")

    def _keep(self, part: str, content: bytes) -> tuple[str | None, str | None]:
        """Return the name of an image, or the kind of one that is not kept."""
        stem = f"image-{Path(part).stem.removeprefix('image')}"
        name = self._images.add(_safe(stem), content) if content else None
        return name, None if name else image_files.unkept_kind(part, content)

    def _graphic(self, part: etree._Element, name: str, targets: Targets) -> str:
        relation = attribute(part, "dm" if name == "relIds" else "id") or ""
        target, _ = targets.get(relation, ("", False))
        root = self._archive.optional_xml(target) if target not in self._drawn else None
        self._drawn.add(target)
        if root is None:
            return ""
        return charts.to_markdown(root) if name == "chart" else diagrams.to_markdown(root)


def _own_description(part: etree._Element) -> str:
    """Return the description that a picture has of its own: it comes before it in a `pic`."""
    properties = child(part, "nvPicPr", "cNvPr") if local_name(part) == "pic" else None
    found = properties if properties is not None else child(part, "docPr")
    return attribute(found, "descr") or (attribute(part, "alt") or "")


def _drawn_text(body: etree._Element) -> str:
    """Write the paragraphs of a shape that is drawn without Word's own text."""
    lines = (
        "".join(text.text or "" for text in paragraph.iter("{*}t"))
        for paragraph in children(body, "p")
    )
    return markdown.blocks(markdown.escaped_line(line.strip()) for line in lines)


def _safe(stem: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in stem)
