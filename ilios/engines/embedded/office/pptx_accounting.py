"""Counting the words of a slide's XML, to notice those that its Markdown lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded import accounting
from ilios.engines.embedded.archive import attribute, child, children
from ilios.engines.embedded.office.pptx_positions import chosen_content

_LEFT_OUT: Final = ("dt", "ftr", "sldNum", "hdr")


def words(slide: etree._Element) -> Counter[str]:
    """Count the words that a slide shows, without footers and formulas, which are written anew."""
    tree = child(slide, "cSld", "spTree")
    if tree is None:
        return Counter()
    found = accounting.words(_text(tree))
    for part in _left_out(tree):
        found -= accounting.words(_text(part) or _run_text(part))
    return found


def _left_out(tree: etree._Element) -> Iterator[etree._Element]:
    for mark in tree.iter("{*}ph"):
        if attribute(mark, "type") in _LEFT_OUT:
            yield from (shape for shape in mark.iterancestors("{*}sp"))
    for alternatives in tree.iter("{*}AlternateContent"):
        chosen = chosen_content(alternatives)
        yield from (e for e in children(alternatives, "Choice", "Fallback") if e is not chosen)
    yield from tree.iter("{*}oMath")


def _text(element: etree._Element) -> str:
    return "\n".join(_run_text(paragraph) for paragraph in element.iter("{*}p"))


def _run_text(element: etree._Element) -> str:
    return "".join([part.text or "\n" for part in element.iter("{*}t", "{*}br")])
