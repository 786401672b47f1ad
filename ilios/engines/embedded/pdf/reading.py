"""The text of a page that has a text layer: which reading of it, and which doubts remain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Final

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning
from ilios.engines.embedded import accounting, markdown, quotations
from ilios.engines.embedded.pdf import blocks, escaping, fidelity, raised, repair, rtl
from ilios.engines.embedded.pdf.blocks import Piece
from ilios.engines.embedded.pdf.lines import TextLine
from ilios.engines.embedded.pdf.page_annotations import Note
from ilios.engines.embedded.pdf.pdfium import PageFacts
from ilios.engines.embedded.pdf.text_layer import LayerPage
from ilios.engines.embedded.text import hyphenation

_SOFT_BREAK = re.compile(r"(\S{1,40})$")
_UNKNOWN = re.compile(r"(?<=[^\W\d_])[\ue000-\uefff](?=[^\W\d_])")
UNKNOWN_LETTERS: Final = 2
_WORD_REST = re.compile(r"\w{1,40}")
Warnings = tuple[ConversionWarning, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A page's text as Markdown; `unreadable` are parts of it whose characters nobody knows."""

    markdown: str
    warnings: Warnings = ()
    unreadable: tuple[Piece, ...] = ()
    is_whole: bool = False  #: known to have all words of the page
    confidence: float = 1.0  #: the share of the page's words that are there, at most
    is_by_lines: bool = False  #: its text is that of PDFium's lines, not of the layout


def read(
    number: int, facts: PageFacts, layer: LayerPage, lines: Callable[[], Sequence[TextLine]]
) -> Reading:
    """Choose between the layout's reading and PDFium's; `lines` gives those of the page."""
    clean = _without_junk(facts.text)
    lines = cache(lines)
    reading = _chosen(number, facts, layer, clean, lines)
    text = _with_hyphens(raised.written(reading.markdown, facts.figures), facts.text)
    losses, kept = ((), 1.0) if reading.is_whole else _losses(number, clean, text, lines)
    warnings = reading.warnings + losses + _doubts(number, text)
    return replace(reading, markdown=text, warnings=warnings, confidence=kept)


def with_added(text: str, facts: PageFacts) -> str:
    """Append what people typed onto a page or remarked on it, unless it stands there already."""
    added = facts.annotations
    sought = fidelity.Sought(text)
    typed = [part for part in added.typed if not sought.has(part)]
    notes = [_note(note) for note in added.notes if not note.is_drawn or not sought.has(note.text)]
    paragraphs = map(_plain, (*typed, *added.undrawn))
    return markdown.blocks([text, *paragraphs, quotations.quoted("Comments", notes)])


def _note(note: Note) -> str:
    if not note.author:
        return _plain(note.text)
    return markdown.escaped_start(f"{markdown.escaped(note.author)}: {_plain(note.text)}")


def is_garbled(facts: PageFacts, layer: LayerPage) -> bool:
    """Return whether neither reading of the page tells its characters."""
    if not fidelity.is_garbled(facts.text):
        return False
    read_, all_ = fidelity.visible_characters(layer.markdown), len("".join(facts.text.split()))
    return 2 * read_ < all_ or not fidelity.is_plausible(layer.markdown)


def _chosen(
    number: int,
    facts: PageFacts,
    layer: LayerPage,
    clean: str,
    lines: Callable[[], Sequence[TextLine]],
) -> Reading:
    if facts.is_vertical:
        return Reading(_paragraphs(facts.text), is_by_lines=True)
    parts: Sequence[Piece] = ()
    text = layer.markdown
    if escaping.is_needed(layer.blocks, text):
        parts = escaping.escaped(blocks.pieces(text, layer.blocks), facts.text)
        text = blocks.joined(parts)
    if fidelity.is_garbled(facts.text):
        return Reading(text)
    if rtl.is_rtl(facts.text):
        return _right_to_left(number, facts, text)
    if clean == facts.text and not repair.differ(text, clean):
        return Reading(text, is_whole=True)
    if repair.is_too_long(parts or layer.blocks, lines()):
        return _by_lines(number, clean)
    better = repair.repaired(parts or blocks.pieces(text, layer.blocks), lines())
    if not _is_enough(better.markdown, clean) and not _is_enough(better.markdown, _whole(lines())):
        return _by_lines(number, clean)
    lost = (conversion_warnings.layout_lost(number),) if better.layout_lost else ()
    return Reading(better.markdown, lost, better.unreadable, is_by_lines=True)


def _by_lines(number: int, text: str) -> Reading:
    return Reading(_plain(text), (conversion_warnings.layout_lost(number),), is_by_lines=True)


def _right_to_left(number: int, facts: PageFacts, text: str) -> Reading:
    """Take PDFium's plain text where liteparse cut right-to-left lines and shuffled the pieces."""
    if fidelity.kept_share(text, facts.text) >= fidelity.KEPT_ENOUGH and fidelity.keeps_order(
        text, facts.text, rtl.has_rtl
    ):
        return Reading(text)
    return _by_lines(number, facts.text)


def _is_enough(text: str, clean: str) -> bool:
    """Return whether a reading has the page's words in its order, or at least makes more sense."""
    if fidelity.kept_share(text, clean) < fidelity.KEPT_ENOUGH:
        if fidelity.kept_share(clean, text) >= fidelity.KEPT_ENOUGH:
            return False
        return fidelity.plausibility(clean) + 0.1 < fidelity.plausibility(text)
    by_line = [fidelity.folded(line) for line in clean.split("\n")]
    return fidelity.keeps_lines(fidelity.folded(text), by_line)


def _without_junk(text: str) -> str:
    if not fidelity.may_hold_junk(text):
        return text
    return "\n".join(line for line in text.split("\n") if not fidelity.is_junk_line(line))


def _plain(text: str) -> str:
    lines = (markdown.escaped_line(line.strip()) for line in text.split("\n"))
    return markdown.HARD_BREAK.join(line for line in lines if line)


def _paragraphs(text: str) -> str:
    return markdown.blocks(markdown.escaped_line(line) for line in text.split("\n"))


def _with_hyphens(text: str, source: str) -> str:
    """Give compounds that were broken at their hyphen that hyphen back."""
    words = dict.fromkeys(_broken(source))
    for first, rest in islice(words, raised.CHARACTERS_SOUGHT // max(len(source), 1)):
        together, compound = first + rest, hyphenation.joined(f"{first}-", rest)
        if f"{first}-{rest}" in source and _stands_in(f"{first}-{rest}", source):
            compound = f"{first}-{rest}"
        if compound != together and not (together in source and _stands_in(together, source)):
            parts = re.split(rf"(?<!\w){re.escape(together)}(?!\w)", text)
            text = compound.join(parts)
    return text


def _broken(source: str) -> Iterator[tuple[str, str]]:
    """Yield the two parts of each word that is broken at the end of a line."""
    before, *pieces = source.split("\ufffe")
    for piece in pieces:
        first, rest = _SOFT_BREAK.search(before[-40:]), _WORD_REST.match(piece)
        if first and rest:
            yield first[1], rest[0]
        before = piece


def _stands_in(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _doubts(number: int, text: str) -> Warnings:
    """Warn of letters inside of words that only their font knows."""
    if len(_UNKNOWN.findall(text)) < UNKNOWN_LETTERS:
        return ()
    return (conversion_warnings.unreadable_text_layer(number),)


def _losses(
    number: int, source: str, text: str, lines: Callable[[], Sequence[TextLine]]
) -> tuple[Warnings, float]:
    """Warn of words that are missing, whether or not turned lines are put together again.

    The second value is the share of words that are not.
    """
    lost, total = _lost(source, text)
    if accounting.is_notable(lost, total):
        whole = _whole(lines())
        lost = min(lost, _lost(whole, text)[0]) if whole.strip() else lost
    kept = 1 - lost / max(total, 1)
    if not accounting.is_notable(lost, total):
        return (), kept
    return (conversion_warnings.text_left_out(f"page {number}", lost, total, number),), kept


def _whole(lines: Sequence[TextLine]) -> str:
    """Return the text of lines, of which PDFium's text has some in pieces."""
    return _without_junk("\n".join(line.text for line in lines))


def _lost(source: str, text: str) -> tuple[int, int]:
    """Return how many words of `source` the text lacks, and how many there are."""
    wanted = fidelity.tokens(source)
    return fidelity.lost_words(fidelity.folded(text), wanted).total(), wanted.total()
