"""Escapes what the layout's Markdown leaves of a document's own signs.

The layout writes emphasis, links, code and lists of its own: a sign is escaped only if the page
itself holds it, and only outside of code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ilios.engines.embedded import escaping, markdown
from ilios.engines.embedded.pdf.blocks import Block, Piece

_SIGNS = re.compile(r"<[A-Za-z/!?]|&#?\w{1,12};|`|\]\s?\(|~~|\$")
#: Signs that the layout has not escaped: behind no backslash that is not escaped itself.
_TAG, _ENTITY, _TICK, _DOLLAR = (
    re.compile(rf"(?<!\\)((?:\\\\)*)({sign})")
    for sign in (r"(?<!\]\()<(?=[A-Za-z])|<(?=[/!?]|\w+[\s>])", r"&(?=#?\w{1,12};)", "`", r"\$")
)
_TILDE = re.compile(r"(?<!\\)~(?=~)|(?<=~)~")
_LINK = re.compile(r"(?<!\\)\[([^\]\n]*)\](?=\()")
_FENCED = r"^```.*?^```\s*?$"
_CODE = r"`[^`\n]+`"
_TARGET = r"\]\((?:<[^<>\n]*>|[^()\s]*)\)"


def is_needed(layout_blocks: Sequence[Block], text: str) -> bool:
    """Return whether a page holds signs that its Markdown would take for markup."""
    return _SIGNS.search(text) is not None or any(map(_starts_otherwise, layout_blocks))


def escaped(parts: Sequence[Piece], text: str) -> list[Piece]:
    """Escape a page's Markdown; `text` is what the page holds."""
    flat = " ".join(text.split())
    return [replace(part, text=_escaped(part, text, flat)) for part in parts]


def _starts_otherwise(block: Block) -> bool:
    return block.kind == "paragraph" and markdown.escaped_start(block.text or "") != block.text


def _escaped(part: Piece, text: str, flat: str) -> str:
    pieces = re.split(_own_markup(text), part.text, flags=re.DOTALL | re.MULTILINE)
    shown = "".join(t if n % 2 else _inline(t, text, flat) for n, t in enumerate(pieces))
    return markdown.escaped_start(shown) if part.kind == "paragraph" else shown


def _own_markup(text: str) -> str:
    """Return what finds code and addresses of links, which can only be the layout's own."""
    has_links = re.search(r"\]\s?\(", text) is not None
    own = [_FENCED, *[_CODE] * ("`" not in text), *[_TARGET] * (not has_links)]
    return f"({'|'.join(own)})"


def _inline(layout: str, text: str, flat: str) -> str:
    if re.search(r"&#?\w{1,12};", text):
        layout = _escape(_ENTITY, layout)
    if re.search(r"<[A-Za-z/!?]", text):
        layout = _TAG.sub(r"\1&lt;", layout)
    if "`" in text:
        layout = _escape(_TICK, layout)
    if "$" in text and escaping.has_dollars(layout):
        layout = _escape(_DOLLAR, layout)
    if "~~" in text:
        layout = _TILDE.sub(r"\\~", layout)
    return _LINK.sub(_own_link(flat), layout)


def _escape(sign: re.Pattern[str], layout: str) -> str:
    return sign.sub(r"\1\\\2", layout)


def _own_link(flat: str) -> Callable[[re.Match[str]], str]:
    def written(match: re.Match[str]) -> str:
        label = re.sub(r"\\(.)", r"\1", match[1])
        is_own = f"[{label}](" in flat and "(img_" not in match.string[match.end() :][:5]
        return f"\\[{match[1]}]" if is_own else match[0]

    return written
