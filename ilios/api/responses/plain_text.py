"""Markdown as plain text: its markup is removed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_inline import StateInline, html_inline
from markdown_it.token import Token

from ilios.engines.embedded.formulas import line

#: What begins a comment, an instruction, unparsed text and a declaration, and what ends each.
_ENDS: Final = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>", "<!": ">"}


def _formula(state: StateInline, silent: bool) -> bool:
    """Read a formula as one token: what looks like markup in LaTeX is none."""
    match = line.IN_MARKDOWN.match(state.src, state.pos, state.posMax)
    text = line.text_of(match) if match else None
    if match is None or text is None:
        return False
    if not silent:
        state.push("formula", "", 0).content = text
    state.pos = match.end()
    return True


def _tag(state: StateInline, silent: bool) -> bool:
    """Read a tag; a comment and its like only if it ends, which is sought once for all of them."""
    start = next((s for s in _ENDS if state.src.startswith(s, state.pos)), None)
    if start is not None and _last(state.src, _ENDS[start]) < state.pos:
        return False
    return html_inline(state, silent)


@lru_cache(maxsize=8)
def _last(text: str, sign: str) -> int:
    return text.rfind(sign)


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read the definition of a link, which no text shows; that of a note is text."""
    place = state.bMarks[start] + state.tShift[start]
    return not state.src.startswith("[^", place) and reference(state, start, end, silent)


_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_PARSER.inline.ruler.before("escape", "formula", _formula)
_PARSER.inline.ruler.at("html_inline", _tag)
_PARSER.block.ruler.at("reference", _definition)
_TAG = re.compile(r"<[^<>]*+>")
#: How tags that change the meaning of text read without markup.
_TEXT_OF_TAGS = {"<br>": "\n", "<br/>": "\n", "<br />": "\n", "<sup>": "^", "<sub>": "_"}
_BREAKS = {"softbreak": "\n", "hardbreak": "\n"}
_ENDS_BLOCK = {"paragraph_close", "heading_close", "table_close", "bullet_list_close",
               "ordered_list_close", "blockquote_close"}  # fmt: skip


def plain_text(markdown: str) -> str:
    """Return the text of one page: blocks separated by a blank line, table rows by tabs."""
    lines: list[str] = []
    row: list[str] | None = None
    number = ""
    for token in _PARSER.parse(markdown):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            lines.append("\t".join(row))
            row = None
        elif token.type == "inline" and row is not None:
            row.append(_inline(token.children or ()).replace("\n", " "))
        elif token.type == "list_item_open":
            number = f"{token.info}{token.markup} " if token.info else ""
        else:
            block = _block(token)
            if number and block:
                block[0] = number + block[0]
                number = ""
            lines += block
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _block(token: Token) -> list[str]:
    if token.type == "inline":
        return [_inline(token.children or ())]
    if token.type in ("fence", "code_block"):
        return [token.content.rstrip("\n"), ""]
    if token.type == "html_block":
        text = _TAG.sub("", token.content).strip()
        return [text, ""] if text else []
    if token.type in _ENDS_BLOCK and not token.hidden:
        return [""]
    return []


def _inline(tokens: Iterable[Token]) -> str:
    return "".join(_piece(token) for token in tokens)


def _piece(token: Token) -> str:
    if token.type == "html_inline":
        return _TEXT_OF_TAGS.get(token.content.lower(), "")
    return _BREAKS.get(token.type, token.content)
