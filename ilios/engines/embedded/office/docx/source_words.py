"""Counting the words that a Word document shows, apart from their conversion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lxml import etree

from ilios.engines.embedded import accounting
from ilios.engines.embedded.office.docx.fields import Fields

_TEXTS = ("{*}t", "{*}p", "{*}tab", "{*}br", "{*}cr", "{*}noBreakHyphen")


def words(elements: Sequence[etree._Element], fields: Fields) -> Counter[str]:
    """Count the words of blocks, by their text nodes.

    What stands twice for old versions of Word, what was moved away, instructions of fields and
    formulas, which are written in another notation, are not counted.
    """
    pieces: list[str] = []
    for element in elements:
        doubled = {
            text
            for other in element.iter("{*}Fallback", "{*}moveFrom")
            for text in other.iter("{*}t")
        }
        for node in element.iter(*_TEXTS):
            tag = str(node.tag)
            if not tag.endswith("}t"):
                pieces.append(" ")
            elif not (tag.endswith("/math}t") or node in doubled or node in fields.hidden):
                pieces.append(node.text or "")
        pieces.append(" ")
    return accounting.words("".join(pieces))
