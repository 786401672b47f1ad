"""The trees of EPUB chapters, made ready to be written like web pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.web.html.cleaning import LEFT_OUT
from ilios.engines.embedded.web.html.visibility import is_hidden

OpenDrawing = Callable[[str], etree._Element | None]
"""Takes the `src` of an image; returns the drawing if it is one with text in it."""

_NOTE_MARK = re.compile(r"[\[(]?(?:\d{1,4}[a-z]?|[a-z]|[*†‡§]{1,3})[\])]?")
_LABELLED = re.compile(r"\W{0,3}(?:\d{1,4}|[a-z])[\])]?[.:]?\s|[*†‡§]")
_GLUED = re.compile(r"[^\W\d_]$|[.,;:!?)\]»”’\"']$")
_ABBREVIATED = re.compile(
    r"\b(?:pp?|pg|vol|nos?|chap|ch|figs?|l|ll|ff?|art|sect?)\.$", re.IGNORECASE
)
_NOTE_TYPES: Final = frozenset(("footnote", "endnote", "rearnote", "note"))
_NOTE_ROLES: Final = ("doc-footnote", "doc-endnote")
_MATHML: Final = "http://www.w3.org/1998/Math/MathML"
_INLINE_WORDS: Final = "a abbr b bdi bdo big cite code em font i ins del mark s small span strong u"
_INLINE = frozenset(_INLINE_WORDS.split())


def prepare(root: etree._Element, open_drawing: OpenDrawing) -> None:
    """Change a tree so that all that books have beyond web pages is written."""
    for element in list(root.iter(etree.Element)):
        if ":" in element.tag:
            element.tag = element.tag.rpartition(":")[2]
        if is_hidden(element) and not _is_note(element):  # notes are hidden until they are called
            element.tag = LEFT_OUT
    etree.strip_elements(root, LEFT_OUT, with_tail=False)
    for switch in list(root.iter("switch")):
        _choose(switch)
    for image in list(root.iter("img", "image")):
        _open(image, open_drawing)
    _raise_note_marks(root)


def _choose(switch: etree._Element) -> None:
    """Keep one of the alternatives: MathML if there is any, else what every reader can show."""
    cases = [part for part in switch if local_name(part) == "case"]
    chosen = next((case for case in cases if case.get("required-namespace") == _MATHML), None)
    if chosen is None:
        chosen = next((part for part in switch if local_name(part) == "default"), None)
    for part in list(switch):
        if chosen is not None and part is not chosen:
            switch.remove(part)


def _open(image: etree._Element, open_drawing: OpenDrawing) -> None:
    source = image.get("src") or image.get("xlink:href") or image.get("href") or ""
    drawing = open_drawing(source) if source.lower().split("#")[0].endswith(".svg") else None
    parent = image.getparent()
    if drawing is not None and parent is not None:
        drawing.tail = image.tail
        parent.replace(image, drawing)


def _raise_note_marks(root: etree._Element) -> None:
    """Write the marks of notes as superscripts, also at notes that do not begin with theirs."""
    links = [link for link in root.iter("a") if "#" in (link.get("href") or "")]
    by_id = {e.get("id"): e for e in root.iter(etree.Element)} if links else {}
    labelled: set[etree._Element] = set()
    for link in links:
        target = link.get("href") or ""
        mark = "".join(map(str, link.itertext())).strip()
        if not _NOTE_MARK.fullmatch(mark) or _is_raised(link):
            continue
        if not _is_note_reference(link) and not _is_glued(link):
            continue
        _wrap(link)
        note = by_id.get(target[1:]) if target.startswith("#") else None
        if note is not None and note not in labelled and _is_note(note):
            _label(note, mark)
            labelled.add(note)


def _types(element: etree._Element) -> set[str]:
    return set((element.get("epub:type") or "").split())


def _is_note_reference(link: etree._Element) -> bool:
    return "noteref" in _types(link) or link.get("role") == "doc-noteref"


def _is_note(element: etree._Element) -> bool:
    return bool(_types(element) & _NOTE_TYPES) or element.get("role") in _NOTE_ROLES


def _is_raised(link: etree._Element) -> bool:
    around = (local_name(element) for element in (*link.iterancestors(), *link.iterdescendants()))
    return "sup" in around


def _is_glued(link: etree._Element) -> bool:
    """Return whether a link stands right behind a word, as only marks of notes do."""
    element: etree._Element | None = link
    while element is not None and local_name(element) in _INLINE:
        before, parent = element.getprevious(), element.getparent()
        text = before.tail if before is not None else parent.text if parent is not None else None
        if text or before is not None:
            last = text or "".join(map(str, before.itertext())) if before is not None else text
            return bool(last and _GLUED.search(last) and not _ABBREVIATED.search(last))
        element = parent
    return False


def _wrap(link: etree._Element) -> None:
    raised = link.makeelement("sup", {})
    raised.text, link.text = link.text, None
    raised.extend(list(link))
    link.append(raised)


def _label(note: etree._Element, mark: str) -> None:
    """Begin a note with its mark, unless it has one."""
    text = " ".join("".join(map(str, note.itertext())).split())
    if not mark.isalnum() or _LABELLED.match(text):
        return
    first = next((p for p in note.iterdescendants() if local_name(p) == "p"), note)
    raised = note.makeelement("sup", {})
    raised.text = mark
    raised.tail, first.text = f" {first.text or ''}", None
    first.insert(0, raised)
