"""Counting the words of a source against those of its Markdown, so that no text vanishes silently.

A reader counts what its source holds in a way of its own, as independent of the conversion as it
can be, takes away what it leaves out on purpose, and warns when notably many words are missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final, cast

from lxml import etree

from ilios.engines import unicode
from ilios.engines.embedded.formulas import line

NOTABLE_WORDS: Final = 3
NOTABLE_SHARE: Final = 0.02
MOST_SOUGHT: Final = 1000
SHORT_LINE_CHARACTERS: Final = 8
LINE_REACH: Final = 1000
"""Characters of Markdown within which a line of the source is sought behind the one before it."""
SKETCH_CELLS: Final = 1 << 22
SKETCH_PIECE_CHARACTERS: Final = 1 << 20
_TEXTS: Final = etree.XPath("descendant::text()", smart_strings=False)
_WORD: Final = re.compile(r"[^\W_]+")
#: What the Markdown writer adds inside words: emphasis and tags.
_MARKUP: Final = re.compile(r"\*+|~~|</?su[bp]>")
_TICKS: Final = re.compile("`+")
#: A sign that stands for itself, and so parts words as it does in the source.
_ESCAPED: Final = re.compile(r"\\[^\w\s]")
_ENTITY: Final = re.compile(r"&(?:amp|lt|gt|quot|nbsp);")


def words(text: str) -> Counter[str]:
    """Count the words of plain text, folded so that case, ligatures and width do not matter."""
    return Counter(_WORD.findall(_folded(text)))


def missing(source: Counter[str], markdown: str) -> int:
    """Return how many words of `source` the Markdown lacks.

    A word that the Markdown splits or joins otherwise than the source counts as kept, and so does
    one of very many different missing words, which are not all looked for.
    """
    shown = _shown(markdown)
    found = _WORD.findall(_folded(_MARKUP.sub("", shown)))
    got = Counter(found)
    lacking = source - got
    if "`" in shown and is_notable(lacking.total(), source.total()):
        lacking -= words(" ".join(_TICKS.split(shown)[1::2])) - got  # code: `x**2`, `<sup>`
    absent = [word for word in lacking if len(word) >= 3 and word not in got]
    flat = "".join(found) if absent else ""
    joined = [word for word in absent[:MOST_SOUGHT] if word in flat] + absent[MOST_SOUGHT:]
    return lacking.total() - sum(lacking[word] for word in joined)


def keeps_all(source: str, markdown: str) -> bool:
    """Return whether the Markdown surely has (nearly) all words of plain text.

    For long texts: words are counted by their hashes, for which the memory does not grow.
    """
    import numpy as np

    left = np.zeros(SKETCH_CELLS, np.int64)
    for sign, text in ((1, source), (-1, _MARKUP.sub("", _shown(markdown)))):
        for start in range(0, len(text), SKETCH_PIECE_CHARACTERS):
            found = words(_whole_words(text, start, start + SKETCH_PIECE_CHARACTERS))
            cells = np.fromiter(map(hash, found), np.int64, len(found)) % SKETCH_CELLS
            np.add.at(left, cells, sign * np.fromiter(found.values(), np.int64, len(found)))
    return int(left[left > 0].sum()) < NOTABLE_WORDS


def _whole_words(text: str, start: int, end: int) -> str:
    """Return a piece of a text; the blanks that follow its ends decide which words are of it."""
    first = text.find(" ", start) if start else 0
    last = text.find(" ", end)
    return text[first if first >= 0 else len(text) : last if last >= 0 else len(text)]


def rough_text(element: etree._Element) -> str:
    """Return all text in an element, each piece on a line of its own."""
    try:
        return "\n".join(cast("list[str]", _TEXTS(element)))  # much faster than `itertext`
    except etree.XPathEvalError:  # more pieces than it takes
        return "\n".join(map(str, element.itertext()))


def lost_words(roughly: str, exactly: Callable[[], str], markdown: str) -> tuple[int, int]:
    """Return how many words of a source its Markdown lacks, and how many the source has; or zeros.

    `roughly` is the text of the source with what is left out on purpose, best in short lines; only
    if notably many words of it are missing is the text asked for that should have come.
    """
    unseen, unsaid = _without_shared_lines(roughly, markdown)
    source, found = Counter(unseen.split()), Counter(unsaid.split())
    left = words(_beyond(source, found))
    if left.total() < NOTABLE_WORDS:
        return 0, 0
    lost = missing(left, _beyond(found, source))
    if lost < NOTABLE_WORDS or not is_notable(lost, len(roughly.split())):
        return 0, 0
    expected = words(exactly())
    return missing(expected, markdown), expected.total()


def _without_shared_lines(source: str, markdown: str) -> tuple[str, str]:
    """Return both texts without lines of the source that the Markdown has as they are, in order.

    Those are most, and to count their words takes much longer than to find them.
    """
    flat = f" {markdown} ".replace("\n", " ")
    unseen: list[str] = []
    unsaid: list[str] = []
    end = 0
    for own in source.split("\n"):
        sought = f" {own.strip()} "
        is_long = len(sought) > SHORT_LINE_CHARACTERS
        place = flat.find(sought, end, end + len(sought) + LINE_REACH) if is_long else -1
        if place < 0:
            unseen.append(own)
        else:
            unsaid.append(flat[end:place])
            end = place + len(sought) - 1  # the blank behind it may stand before the next one
    return "\n".join(unseen), " ".join([*unsaid, flat[end:]])


def _beyond(these: Counter[str], those: Counter[str]) -> str:
    """Return the words that there are more of here than there, in one line."""
    count = those.get
    return " ".join(
        " ".join([word] * (number - count(word, 0)))
        for word, number in these.items()
        if number > count(word, 0)
    )


def is_notable(lost: int, total: int) -> bool:
    """Return whether so many words are missing that the client must hear of it."""
    return lost >= NOTABLE_WORDS and lost > NOTABLE_SHARE * total


def _shown(markdown: str) -> str:
    """Return Markdown with its escapes, entities and formulas as they are read."""
    return _ENTITY.sub(" ", _ESCAPED.sub(" ", line.without_latex(markdown)))


def _folded(text: str) -> str:
    return unicode.normalized("NFKC", text).casefold()
