"""Counting the words of a slide's XML, to notice those that its Markdown lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded import accounting
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.office.pptx.positions import chosen_content
from ilios.engines.embedded.office.pptx.text import unescaped

_LEFT_OUT: Final = ("dt", "ftr", "sldNum", "hdr")
_TEXT: Final = ("{*}t", "{*}br", "{*}p")


def words(slide: etree._Element) -> Counter[str]:
    """Count the words that a slide shows, without footers and formulas, which are written anew."""
    tree = child(slide, "cSld", "spTree")
    if tree is None:
        return Counter()
    texts: list[str] = []
    marks: list[etree._Element] = []
    for part in tree.iter(*_TEXT, "{*}ph", "{*}AlternateContent", "{*}oMath"):
        name = local_name(part)
        if name == "t":
            texts.append(unescaped(part.text or ""))
        elif name in ("p", "br"):
            texts.append("\n")
        else:
            marks.append(part)
    left_out = dict.fromkeys(part for mark in marks for part in _left_out(mark))
    return accounting.words("".join(texts)) - accounting.words("\n".join(map(_text, left_out)))


def _left_out(mark: etree._Element) -> Iterator[etree._Element]:
    """Yield what is left out because of a placeholder's role, an alternative or a formula."""
    name = local_name(mark)
    if name == "oMath":
        yield mark
    elif name == "AlternateContent":
        chosen = chosen_content(mark)
        yield from (e for e in children(mark, "Choice", "Fallback") if e is not chosen)
    elif attribute(mark, "type") in _LEFT_OUT:
        yield from mark.iterancestors("{*}sp")


def _text(element: etree._Element) -> str:
    return "".join(
        (part.text or "") if local_name(part) == "t" else "\n" for part in element.iter(*_TEXT)
    )
