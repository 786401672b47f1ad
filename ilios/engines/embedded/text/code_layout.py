"""Laying out JSON and XML that were written without ends of lines, or with few.

Only white space between tokens changes. What is damaged is laid out as far as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

INDENT_MAX_DEPTH: Final = 20
"""What lies deeper stands at this depth: each step is two blanks, before every line."""
FLAT_MAX_CHARACTERS: Final = 80
"""A list or an object of values that is not longer stays in one line."""

_JSON_TOKEN: Final = re.compile(
    r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},:]|[^\s"\[\]{},:]++', re.DOTALL
)
_XML_TOKEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|<[^<>]*+>|[^<]++|<", re.DOTALL
)
_OPENING, _CLOSING = ("{", "["), ("}", "]")


def json_parts(text: str) -> Iterator[str]:
    """Yield JSON, or records of it behind one another, in parts that are to be joined."""
    layout = _Layout()
    flat: list[str] = []  #: the tokens of a list or an object that holds no other, as yet
    length = 0
    for match in _JSON_TOKEN.finditer(text):
        token = match[0]
        if token in _OPENING or (flat and length > FLAT_MAX_CHARACTERS):
            yield from map(layout.placed, flat)
            flat, length = [], 0
        if token in _OPENING or flat:
            flat.append(token)
            length += len(token) + 1
            if token in _CLOSING:
                yield layout.placed(_in_one_line(flat))
                flat, length = [], 0
        else:
            yield layout.placed(token)
    yield from map(layout.placed, flat)


class _Layout:
    """Puts white space before tokens of JSON."""

    def __init__(self) -> None:
        self._depth = 0
        self._before = ""

    def placed(self, token: str) -> str:
        """Return a token behind what parts it from the one before."""
        before, self._before = self._before, token
        if token in _CLOSING:
            self._depth = max(self._depth - 1, 0)
        space = self._space(before, token)
        if token in _OPENING:
            self._depth += 1
        return f"{space}{token}"

    def _space(self, before: str, token: str) -> str:
        if not before or token in (",", ":"):
            return ""
        return " " if before == ":" else _line(self._depth)


def _in_one_line(tokens: list[str]) -> str:
    parts = [f"{token} " if token in (",", ":") else token for token in tokens]
    return "".join(parts)


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, INDENT_MAX_DEPTH)


def xml_parts(text: str) -> Iterator[str]:
    """Yield XML in parts that are to be joined; tags next to text stay next to it."""
    depth = 0
    before = ""  #: the tag, or what else is no text, that was the last token
    blank = ""
    for match in _XML_TOKEN.finditer(text):
        token = match[0]
        if token.isspace():
            blank = token
            continue
        is_text = not (token.startswith("<") and len(token) > 1) or token.startswith("<![CDATA[")
        is_end = token.startswith("</")
        depth = max(depth - is_end, 0)
        if is_text:
            yield f"{blank}{token}"
        elif before and not (is_end and _is_start(before)):
            yield f"{_line(depth)}{token}"
        else:
            yield f"{blank}{token}"
        before, blank = "" if is_text else token, ""
        depth += not is_text and _is_start(token)


def _is_start(token: str) -> bool:
    return not token.startswith(("</", "<!", "<?")) and not token.endswith("/>")
