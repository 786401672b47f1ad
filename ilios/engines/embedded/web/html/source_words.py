"""The words that a page shows, counted without the writer, to tell whether any were lost."""

from __future__ import annotations

from collections import Counter
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning
from ilios.engines.embedded import accounting
from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.web.html import forms
from ilios.engines.embedded.web.html.visibility import is_never_shown

_WITHIN_WORDS_NAMES: Final = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q rb "
    "blink ruby s samp small span strike strong sub sup time tt u var wbr"
)
_WITHIN_WORDS = frozenset(_WITHIN_WORDS_NAMES.split())
"""Elements that may begin or end amid a word."""
_FORMULAS_AND_DRAWINGS: Final = ("math", "svg")
"""Their text is rewritten, or only a part of it is shown."""


def text(element: etree._Element) -> str:
    """Return the text that stands in an element, but for formulas and drawings."""
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, part in walk:
        name = local_name(part)
        if name.isalnum() and name not in _WITHIN_WORDS:  # "o:p" and "x-price" part no words
            parts.append(" ")
        if event == "start":
            if name in forms.FIELDS:
                parts.append(forms.value(part))
                walk.skip_subtree()
            elif name in _FORMULAS_AND_DRAWINGS or is_never_shown(part):
                walk.skip_subtree()
            else:
                parts.append(part.text or "")
        elif part is not element:
            parts.append(part.tail or "")
    return "".join(parts).replace("\xad", "")


def warnings(
    source: Counter[str], hidden_words: int, markdown: str
) -> tuple[ConversionWarning, ...]:
    """Return what is to be said of words that the Markdown lacks; they may be hidden on purpose."""
    found: list[ConversionWarning] = []
    lost, total = accounting.missing(source, markdown), source.total()
    if accounting.is_notable(lost, total):
        found.append(conversion_warnings.text_left_out("the page", lost, total, 1))
    if hidden_words > total:
        found.append(
            conversion_warnings.text_left_out(
                "the page, in parts that it hides,", hidden_words, hidden_words + total, 1
            )
        )
    return tuple(found)
