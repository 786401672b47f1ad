"""What sheets hold besides cells: pictures, titles of charts, text boxes, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import (
    Archive,
    all_related,
    attribute,
    child,
    local_name,
    relationships,
)
from ilios.engines.embedded.office import diagrams
from ilios.engines.embedded.office.pptx.text import paragraphs
from ilios.engines.embedded.office.xlsx.package import Text, text_of

PLACEHOLDER: Final = "[Threaded comment]"
"""How the note begins that stands for a discussion in programs that know none."""
CHECKED: Final = "☒"
UNCHECKED: Final = "☐"

PROPERTIES_WITHIN: Final = 5
"""So far up among the parts of a shape its properties are sought: they come first."""
_READ: Final = ("drawing", "comments", "threadedComment")

Targets = dict[str, tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: the name of its part, and how it is described."""

    part: str
    description: str


@dataclass(slots=True)
class Extras:
    """What a sheet holds besides cells."""

    pictures: list[Picture] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)  #: Markdown blocks
    notes: list[str] = field(default_factory=list)  #: Markdown of list items
    sources: list[str] = field(default_factory=list)  #: all text of the parts, to be counted


def of_sheet(archive: Archive, part: str, controls: Mapping[str, str]) -> Extras:
    """Return what a sheet holds besides cells.

    `controls` are those of its forms: the id of the relationship by the id of the shape.
    """
    extras = Extras()
    marks: dict[str, str] | None = None
    seen: set[str] = set()
    notes: dict[str, list[Text]] = {}
    discussions: dict[str, list[Text]] = {}
    for kind, target in all_related(archive, part):
        root = archive.optional_xml(target) if kind in _READ and target not in seen else None
        seen.add(target)
        if root is None:
            continue
        if kind == "drawing":
            marks = _marks(archive, part, controls) if marks is None else marks
            _Drawing(archive, target, extras, marks).read(root)
        elif kind == "comments":
            _collect(root, "comment", notes)
        else:
            _collect(root, "threadedComment", discussions)
    for cell in dict.fromkeys((*notes, *discussions)):
        own = [t for t in notes.get(cell, ()) if not _stands_in(t, cell in discussions)]
        for note in (*own, *discussions.get(cell, ())):
            extras.sources.append(note.plain)
            shown = markdown.escaped_start(f"{cell}: {note.markdown}")
            extras.notes.append(markdown.list_item(0, "-", shown))
    return extras


def _collect(root: etree._Element, name: str, found: dict[str, list[Text]]) -> None:
    for note in (element for element in root.iter() if local_name(element) == name):
        body = child(note, "text")
        if body is None:
            continue
        text = text_of(body)
        if not len(body) and body.text:
            text = Text(body.text, markdown.escaped(" ".join(body.text.split())))
        if text.markdown:
            found.setdefault(markdown.escaped(note.get("ref", "")), []).append(text)


def _stands_in(note: Text, is_discussed: bool) -> bool:
    return is_discussed and note.plain.startswith(PLACEHOLDER)


class _Drawing:
    """Reads a drawing: what it shows on the sheet, in the order of the part."""

    def __init__(
        self, archive: Archive, part: str, extras: Extras, marks: Mapping[str, str]
    ) -> None:
        self._archive = archive
        self._targets = relationships(archive, part)
        self._extras = extras
        self._marks = marks
        self._drawn: set[str] = set()  #: parts of charts and diagrams

    def read(self, root: etree._Element) -> None:
        for element in _shown(root):
            name = local_name(element)
            if name == "txBody":
                self._add_text(element, self._targets, self._marks.get(_shape(element), ""))
            elif name == "blip":
                self._add_picture(element)
            elif name == "chart":
                self._add_chart(self._target(attribute(element, "id")))
            elif name == "relIds":
                self._add_diagram(self._target(attribute(element, "dm")))

    def _target(self, link: str | None) -> str:
        target, is_external = self._targets.get(link or "", ("", True))
        return "" if is_external or target not in self._archive else target

    def _drawn_once(self, part: str) -> etree._Element | None:
        """Return the root of a chart or a diagram when it comes for the first time."""
        is_new = part not in self._drawn
        self._drawn.add(part)
        return self._archive.optional_xml(part) if part and is_new else None

    def _add_text(self, body: etree._Element, targets: Targets, mark: str = "") -> None:
        texts = list(paragraphs(body, targets, bulleted=False))
        self._extras.texts += [f"{mark} {texts[0]}", *texts[1:]] if mark and texts else texts
        self._extras.sources += ("".join(t.text or "" for t in p.iter("{*}t")) for p in body)

    def _add_picture(self, blip: etree._Element) -> None:
        part = self._target(attribute(blip, "embed"))
        if part:
            self._extras.pictures.append(Picture(part, _description(blip)))

    def _add_chart(self, part: str) -> None:
        """Add the titles of a chart; its numbers are in the cells."""
        root = self._drawn_once(part)
        for element in _shown(root) if root is not None else ():
            if local_name(element) == "rich":
                self._add_text(element, {})
            elif local_name(element) == "title" and not _has(element, "rich"):
                text = " ".join(v.text or "" for v in element.iter() if local_name(v) == "v")
                self._extras.texts.append(markdown.escaped_line(" ".join(text.split())))
                self._extras.sources.append(text)

    def _add_diagram(self, part: str) -> None:
        root = self._drawn_once(part)
        if root is not None:
            self._extras.texts.append(diagrams.to_markdown(root))
            self._extras.sources += (text.text or "" for text in root.iter("{*}t"))


def _shown(root: etree._Element) -> Iterator[etree._Element]:
    """Iterate over a tree without what stands in for newer elements: the same once more."""
    for element in root:
        if local_name(element) != "Fallback":
            yield element
            yield from _shown(element)


def _marks(archive: Archive, sheet: str, controls: Mapping[str, str]) -> dict[str, str]:
    """Return the sign of each check box and radio button, by the id of its shape."""
    targets = relationships(archive, sheet) if controls else {}
    marks = {}
    for shape, link in controls.items():
        part, _ = targets.get(link, ("", False))
        control = archive.optional_xml(part)
        if control is not None and control.get("objectType") in ("CheckBox", "Radio"):
            marks[shape] = CHECKED if control.get("checked") == "Checked" else UNCHECKED
    return marks


def _shape(body: etree._Element) -> str:
    shape = body.getparent()
    return attribute(child(shape, "nvSpPr", "cNvPr"), "id") or ""


def _has(element: etree._Element, name: str) -> bool:
    return any(local_name(each) == name for each in element.iter())


def _description(blip: etree._Element) -> str:
    for ancestor in blip.iterancestors():
        for properties in islice(ancestor, PROPERTIES_WITHIN):
            described = child(properties, "cNvPr")
            if described is not None:
                return described.get("descr", "")
    return ""
