"""What the HTML parser would lose or print: DOCTYPE subsets, entities, CDATA, early ends."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import Final

from lxml import etree

from ilios.core.expressions import possessive

ENTITY_MAX_CHARACTERS: Final = 2_000
ENTITIES_MAX_GROWTH: Final = 1024 * 1024
"""Characters that the entities of a document may add to it; beyond it they stay as written."""
DOCTYPE_WITHIN: Final = 64 * 1024
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)
_SUBSET = re.compile(r"[^\[>]*\[(.*?)\]\s*>", re.DOTALL)
_ENTITY = re.compile(
    r"<!ENTITY\s+([A-Za-z_][\w.-]{0,100})\s+(?:\"([^\"]{0,2000})\"|'([^']{0,2000})')\s*>"
)
_REFERENCE = re.compile(r"&([A-Za-z_][\w.-]{0,100});")
_EARLY_END = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
#: Elements without an end, into which libxml2 would put all that follows, perhaps to be hidden.
_EMPTY: Final = ("bgsound", "command", "embed", "image", "keygen", "source", "track", "wbr")
_ATTRIBUTES: Final = possessive(r"""[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?""")
#: Such a tag, whose values may hold `<` and `>`. In text that ends with `>` each that begins
#: also ends, so that none of it is looked at twice.
_EMPTY_TAG = re.compile(rf"""<({"|".join(_EMPTY)})\b({_ATTRIBUTES})>""", re.IGNORECASE)
_TAG = re.compile(
    rf"""<({"|".join(_EMPTY)})\b((?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+)>""", re.IGNORECASE
)
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*+)[^<>]*+>")
_CLOSED_BY_THE_NEXT_WORDS: Final = (
    "p li dt dd td th tr option br hr img input meta link area base col embed source wbr html body"
)
_CLOSED_BY_THE_NEXT = frozenset(_CLOSED_BY_THE_NEXT_WORDS.split())
OPEN_TAGS_MAX: Final = 800
"""The parser stops at 2,048 levels; between two of these tags may stand one that it closes."""
_CDATA, _CDATA_END = "<![CDATA[", "]]>"


def repaired(text: str) -> str:
    """Return HTML or XHTML in a form that the parser reads whole, as browsers do.

    libxml2 prints the end of a DOCTYPE's subset, makes comments of CDATA, stops at `</html>`, and
    knows some elements that have no end as ones that hold what follows.
    """
    text = _without_cdata(_without_subset(_XML_DECLARATION.sub("", text, count=1)))
    text = _EARLY_END.sub("", text)
    end = text.rfind(">") + 1
    return _EMPTY_TAG.sub(r"<\1\2 />", text[:end]) + text[end:]


def _without_subset(text: str) -> str:
    start = _DOCTYPE.search(text, 0, DOCTYPE_WITHIN)
    subset = _SUBSET.match(text, start.end(), DOCTYPE_WITHIN) if start else None
    if start is None or subset is None:
        return text
    return _expanded(text[: start.start()] + text[subset.end() :], _entities(subset[1]))


def _without_cdata(text: str) -> str:
    """Write CDATA sections as escaped text."""
    first, *sections = text.split(_CDATA)
    parts = [first]
    for section in sections:
        inside, end, after = section.partition(_CDATA_END)
        parts += [html.escape(inside, quote=False), after] if end else [section]
    return "".join(parts)


def _entities(subset: str) -> dict[str, str]:
    """Return the entities that a DOCTYPE declares; later ones may use those before them."""
    known: dict[str, str] = {}
    for name, double, single in _ENTITY.findall(subset):
        written = double or single
        value = _REFERENCE.sub(lambda match: known.get(match[1], match[0]), written)
        known.setdefault(name, value if len(value) <= ENTITY_MAX_CHARACTERS else written)
    return known


def _expanded(text: str, entities: dict[str, str]) -> str:
    left = ENTITIES_MAX_GROWTH

    def value(match: re.Match[str]) -> str:
        nonlocal left
        found = entities.get(match[1])
        if found is None or len(found) > left:
            return match[0]
        left -= len(found)
        return found

    return _REFERENCE.sub(value, text) if entities else text


def without_deep_tags(text: str) -> str:
    """Leave out tags that would be open inside too many others: most were never closed."""
    opened: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    depth = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal depth
        name, is_end = match[2].lower(), bool(match[1])
        if name in _CLOSED_BY_THE_NEXT:
            return match[0]
        if left_out[name] if is_end else depth >= OPEN_TAGS_MAX:
            left_out[name] += -1 if is_end else 1
            return " "
        if not is_end or opened[name]:
            opened[name] += -1 if is_end else 1
            depth += -1 if is_end else 1
        return match[0]

    return _TAG.sub(kept, text)


def unnest_readings(root: etree._Element) -> None:
    """End the readings of Japanese words where their end tags are left out, as they may be."""
    for element in list(root.iter("rt", "rb", "rp")):
        parent = element.getparent()
        start = next(
            (i for i, child in enumerate(element) if child.tag in ("rt", "rb", "rp")), None
        )
        if start is None or parent is None:
            continue
        moved = list(element)[start:]
        moved[-1].tail = (moved[-1].tail or "") + (element.tail or "")
        element.tail = None
        for child in reversed(moved):
            element.addnext(child)
