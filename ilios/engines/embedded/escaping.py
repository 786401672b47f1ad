"""Escaping text, so that Markdown shows it literally."""

from __future__ import annotations

import re
from typing import Final

from ilios.engines.embedded import scripts

_SPECIAL: Final = re.compile(
    r"[\\`*_]|<(?=[A-Za-z/!?]|[\w.!#$%&'*+/=?^`{|}~-]+@)|~(?:(?=~)|(?<=~~))|\[(?=\^)|\](?=\()"
    r"|&(?=#?\w{1,31};)|!(?=\ufdd5)"
)
_MAY_BE_SPECIAL: Final = re.compile(r"[\\`*_<~\[\]&]")
_IS_OPEN: Final = re.compile(r"[<~\[\]&!]")
#: What begins a heading, a list, a quotation, a rule, a fence, a table or a link's definition.
_LEADING: Final = re.compile(
    r"^(\s*+)(#{1,6}(?=\s|$)|[-+](?=\s|$)|>|=++(?=\s*$)|\d{1,9}[.)](?=\s|$)"
    r"|[|:-](?=[|:\s]*+-|(?<=-))(?=[-|:\s]*+$)|\[(?=(?:[^\[\]\\]|\\[\s\S])*+(?:\]:|\Z)))"
)
_LINE_ENDS: Final = re.compile(r"[\r\n]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
#: What a renderer of formulas takes for one, or for the start of one.
_DOLLARS: Final = re.compile(r"\$(?=\S)[^$\n]*(?<=\S)\$(?!\d)|\$\$")
BRACKET: Final = "\ufdd5"
"""Stands for the start of a link or a note behind a text."""
LOOKAHEAD: Final = 34
"""As many characters behind a sign decide whether it is one of Markdown's."""
_UNPAIRED_BRACKET: Final = re.compile(r"(?<!\\)((?:\\\\)*)([\[\]])")
#: What a link's label may hold as it is: brackets by pairs.
_LABEL: Final = re.compile(r"[^\[\]]*(?:\[(?!\^)[^\[\]]*\](?!\()[^\[\]]*)*")


def without_controls(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub("", text)


def escaped(text: str) -> str:
    """Escape text so that Markdown shows it literally in the middle of a line."""
    return scripts.tagged(inside(without_controls(_in_one_line(text))))


def _in_one_line(text: str) -> str:
    """Return text without ends of lines, behind which a block could begin."""
    return text if text.isprintable() else _LINE_ENDS.sub(" ", text)


def inside(text: str, after: str = "") -> str:
    """Escape text without controls; `after` follows it, and may make markup of its end."""
    if "$" in text and has_dollars(text):
        text = text.replace("$", scripts.DOLLAR)
    if not after or not _IS_OPEN.search(text[-LOOKAHEAD:]):
        return _SPECIAL.sub(r"\\\g<0>", text) if _MAY_BE_SPECIAL.search(text) else text
    end = len(text)
    whole = _SPECIAL.sub(lambda it: "\\" * (it.start() < end) + it[0], text + after)
    return whole[: len(whole) - len(after)]


def has_dollars(text: str) -> bool:
    """Return whether dollar signs of a text would be taken for those of a formula."""
    return _DOLLARS.search(text) is not None


def label(text: str) -> str:
    """Escape the text of a link, in which brackets that are no pair would end or begin one."""
    written = inside(text)
    return written if _LABEL.fullmatch(text) else _UNPAIRED_BRACKET.sub(r"\1\\\2", written)


def escaped_line(text: str) -> str:
    """Escape text so that Markdown shows it literally anywhere in a line."""
    return escaped_start(escaped(text))


def escaped_start(line: str) -> str:
    """Escape the start of a line that would begin a heading, a list or a quotation."""
    return _LEADING.sub(_escape_leading, line)


def _escape_leading(match: re.Match[str]) -> str:
    marker = match[2]
    if marker[0].isdigit():
        return f"{match[1]}{marker[:-1]}\\{marker[-1]}"
    return f"{match[1]}\\{marker}"
