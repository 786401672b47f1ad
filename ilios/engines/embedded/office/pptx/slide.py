"""One slide of a presentation as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning
from ilios.engines.embedded import markdown, quotations
from ilios.engines.embedded.archive import Archive, attribute, child, children, local_name
from ilios.engines.embedded.office import diagrams
from ilios.engines.embedded.office.kept_pictures import KeptPictures
from ilios.engines.embedded.office.pptx import charts, notes, positions
from ilios.engines.embedded.office.pptx.layouts import SlideLayout, placeholder
from ilios.engines.embedded.office.pptx.relations import Relations, relations
from ilios.engines.embedded.office.pptx.text import Targets, link, paragraphs

_TITLES: Final = ("title", "ctrTitle")
_FOOTERS: Final = ("dt", "ftr", "hdr")
_NUMBERS: Final = ("sldNum",)
_FILE: Final = re.compile(r"\S*\.\w{1,5}|[A-Za-z]:\\.*|file:.*")
NAMED_MAX: Final = 5
_LISTS: Final = ("body", "obj")


class Slide:
    """Converts one slide."""

    def __init__(
        self,
        archive: Archive,
        images: KeptPictures,
        own: Relations,
        number: int,
        layout: SlideLayout,
    ) -> None:
        self._archive = archive
        self._images = images
        self._relations = own
        self._targets = own.targets
        self._number = number
        self._layout = layout
        self._pictures = 0
        self._left_out: Counter[str] = Counter()
        self._embedded: list[
            str
        ] = []  #: names of embedded files, charts and diagrams that show nothing
        self._has_cut_table = False
        self._drawn: set[str] = set()  #: parts of charts and diagrams

    def markdown(self, root: etree._Element, footers: set[str], authors: Mapping[str, str]) -> str:
        """Return the slide: title, content, footer, notes, comments.

        What masters and layouts write onto the slide are footers too. One that is among `footers`,
        those of the slides before, is left out; the others are added to them. `authors` are the
        names of those who commented, by their ids.
        """
        tree = child(root, "cSld", "spTree")
        shapes = positions.in_reading_order(tree, self._layout) if tree is not None else []
        kinds = [(shape, placeholder(shape)[0]) for shape in shapes]
        heads = [
            markdown.heading(1, _flat_text(shape, self._targets))
            for shape, kind in kinds
            if kind in _TITLES
        ]
        left = (*_TITLES, *_FOOTERS, *_NUMBERS)
        bodies = [
            block
            for shape, kind in kinds
            if kind not in left
            for block in self._blocks(shape, kind)
        ]
        standing = self._layout.take_standing(root)
        own = [shape for shape, kind in kinds if kind in _FOOTERS]
        ends = [_footer(shape, self._targets, footers) for shape in own]
        ends += [_footer(shape, {}, footers) for shape in standing]  # their links are not known
        noted = notes.notes(self._archive, self._relations)
        said = notes.comments(self._archive, self._relations, authors)
        below = [quotations.quoted("Notes", noted), quotations.quoted("Comments", said)]
        return markdown.blocks([*heads, *bodies, *ends, *below])

    def warnings(self) -> Iterator[ConversionWarning]:
        """Return what was left out of the slide."""
        for kind, count in self._left_out.items():
            yield conversion_warnings.pictures_left_out(kind, count, self._number)
        if self._embedded:
            names = self._embedded[:NAMED_MAX]
            count = len(self._embedded)
            yield conversion_warnings.attachments_left_out(count, names, self._number)
        if self._has_cut_table:
            yield conversion_warnings.table_cut(self._number)

    def _blocks(self, shape: etree._Element, kind: str) -> Iterator[str]:
        name = local_name(shape)
        if name == "pic":
            yield self._picture(shape)
        elif name == "graphicFrame":
            yield from self._graphic(shape)
        else:
            fill = child(shape, "spPr", "blipFill")
            if child(fill, "stretch") is not None:  # a tile is a texture
                yield self._kept(child(fill, "blip"), _description(shape))
            styles = self._layout.list_styles(shape) if kind else []
            is_list = kind in _LISTS and not self._layout.defines_lists
            body = child(shape, "txBody")
            yield from paragraphs(
                body,
                self._targets,
                bulleted=is_list,
                inherited=styles,
                target=link(child(shape, "nvSpPr", "cNvPr"), self._targets),
            )

    def _graphic(self, frame: etree._Element) -> Iterator[str]:
        seen: set[str] = set()
        for element in frame.iter("{*}tbl", "{*}chart", "{*}relIds", "{*}pic"):
            name = local_name(element)
            if name == "tbl":
                yield markdown.table(list(self._rows(element)))
            elif name == "chart":
                yield self._chart(attribute(element, "id") or "")
            elif name == "relIds":
                yield self._diagram(attribute(element, "dm") or "")
            else:  # how an embedded object looks
                relation = attribute(child(element, "blipFill", "blip"), "embed") or ""
                if relation not in seen:
                    seen.add(relation)
                    yield self._picture(element, _description(frame))
        embedded = next(frame.iter("{*}oleObj"), None)
        if embedded is not None and not seen:
            kind = attribute(embedded, "progId") or ""
            self._embedded.append(attribute(embedded, "name") or kind or "without a name")

    def _rows(self, table: etree._Element) -> Iterator[list[str]]:
        for row in children(table, "tr"):
            yield [
                "" if _continues(cell) else _flat_text(cell, self._targets)
                for cell in children(row, "tc")
            ]

    def _chart(self, relation: str) -> str:
        root = self._related_root(relation)
        if root is None:
            return ""
        self._has_cut_table = self._has_cut_table or charts.is_cut(root)
        written = [charts.to_markdown(root)]
        if child(root, "userShapes") is not None:
            drawing = relations(self._archive, self._targets[relation][0]).root(
                self._archive, "chartUserShapes"
            )
            written += charts.drawn_texts(drawing) if drawing is not None else ()
        return markdown.blocks(written)

    def _diagram(self, relation: str) -> str:
        root = self._related_root(relation)
        return diagrams.to_markdown(root) if root is not None else ""

    def _related_root(self, relation: str) -> etree._Element | None:
        part, external = self._targets.get(relation, ("", True))
        if part in self._drawn:  # another frame shows it already
            return None
        root = None if external else self._archive.optional_xml(part)
        self._drawn.add(part)
        if root is None:
            self._embedded.append(PurePosixPath(part).name or "without a name")
        return root

    def _picture(self, shape: etree._Element, description: str = "") -> str:
        return self._kept(child(shape, "blipFill", "blip"), _description(shape) or description)

    def _kept(self, blip: etree._Element | None, description: str) -> str:
        """Keep a picture; of one that cannot be kept, its description stays."""
        drawn = next(blip.iter("{*}svgBlip"), None) if blip is not None else None
        places = ((blip, "embed"), (blip, "link"), (drawn, "embed"))
        relation = next(filter(None, (attribute(*place) for place in places)), "")
        if not relation:
            return ""
        part, external = self._targets.get(relation, ("", True))
        self._pictures += 1
        stem = f"slide-{self._number}-image-{self._pictures}"
        name, kind = self._images.keep(stem, part, is_inside=not external)
        if name:
            return markdown.image(name, description)
        if kind is None:
            return ""
        self._left_out[kind] += 1
        return markdown.escaped_line(description)


def _footer(shape: etree._Element, targets: Targets, footers: set[str]) -> str:
    """Write what someone typed into a footer; a date or a number that counts is left out."""
    fields = {
        "".join(text.text or "" for text in field.iter("{*}t")).strip()
        for field in shape.iter("{*}fld")
    }
    text = _flat_text(shape, targets)
    if not text or text in fields or text in footers:
        return ""
    footers.add(text)
    return text


def _flat_text(shape: etree._Element, targets: Targets) -> str:
    body = child(shape, "txBody")
    parts = paragraphs(body, targets, bulleted=False, styled=False)
    return " ".join(parts)


def _description(shape: etree._Element) -> str:
    """Return the description of a shape, if a person may have written it."""
    for part in shape:
        if local_name(part).startswith("nv"):
            text = attribute(child(part, "cNvPr"), "descr") or ""
            return "" if _FILE.fullmatch(text) else " ".join(text.split())
    return ""


def _continues(cell: etree._Element) -> bool:
    merged = (attribute(cell, "hMerge"), attribute(cell, "vMerge"))
    return any(value in ("1", "true") for value in merged)
