"""Markdown as plain text: its markup is removed.

A parser that makes tokens of everything takes a second for a megabyte. Most text has no markup
within its lines, and long results are tables: such text and the rows of tables are read without it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import MD_TRIM_CHARS
from markdown_it.rules_block import StateBlock, reference, table
from markdown_it.rules_block.table import MAX_AUTOCOMPLETED_CELLS, escapedSplit
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


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table; each of its rows below the head becomes one token."""
    if not table(state, start, min(end, start + 2), silent):
        return False
    if not silent:
        tokens = state.tokens
        close = tokens.pop()
        columns = sum(token.type == "th_open" for token in tokens[_last_open(tokens) :])
        within, state.parentType = state.parentType, "table"
        state.line = _rows(state, start + 2, end, columns)
        state.parentType = within
        tokens.append(close)
    return True


def _last_open(tokens: list[Token]) -> int:
    return next(n for n in reversed(range(len(tokens))) if tokens[n].type == "table_open")


def _rows(state: StateBlock, line: int, end: int, columns: int) -> int:
    """Read the rows from a line on; return the line that belongs to the table no more."""
    ends = state.md.block.ruler.getRules("blockquote")
    completed = 0
    while line < end and state.sCount[line] >= state.blkIndent:
        place = state.bMarks[line] + state.tShift[line]
        text = state.src[place : state.eMarks[line]].strip(MD_TRIM_CHARS)
        if not text or state.is_code_block(line):
            break
        if text[0] != "|" and any(rule(state, line, end, True) for rule in ends):
            break
        cells = escapedSplit(text) if "\\" in text else text.split("|")
        del cells[: cells[0] == ""]
        del cells[len(cells) - (cells[-1:] == [""]) :]
        completed += columns - len(cells)
        if completed > MAX_AUTOCOMPLETED_CELLS:
            break
        cells += [""] * (columns - len(cells))
        state.push("row", "", 0).meta = {
            "cells": [cell.strip(MD_TRIM_CHARS) for cell in cells[:columns]]
        }
        line += 1
    return line


_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_PARSER.core.ruler.enableOnly(["normalize", "block"])  # `_inline` does the rest
_PARSER.inline.terminator_re = re.compile(r"[\n!$&*<\[\\\]_`~]")  # where the rules below begin
_PARSER.inline.ruler.before("escape", "formula", _formula)
_PARSER.inline.ruler.at("html_inline", _tag)
_PARSER.block.ruler.at("reference", _definition)
_PARSER.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
_ESCAPED: Final = re.compile(r"\\[!-/:-@\[-`{-~]")
#: What text must have, outside of escapes, so that any of it is markup.
_MARKUP: Final = re.compile(r"[`*]|(?<!\w)_|_(?!\w)|<\S|~~|&[#\w]|\]\(|\$[^$]*\$")
#: A line's end with the spaces at it, sought once for each run of spaces, or an escape.
_LITERAL: Final = re.compile(r"\\\n[ \t]*|(?:(?<! )|(?<=\\ )) *+\n[ \t]*|\\([!-/:-@\[-`{-~])|(\\ )")
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
    definitions: dict[str, Any] = {}
    for token in _PARSER.parse(markdown, definitions):
        if token.type == "row":
            cells = (_inline(cell, definitions) for cell in token.meta["cells"])
            lines.append("\t".join(cells).replace("\n", " "))
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            lines.append("\t".join(row))
            row = None
        elif token.type == "inline" and row is not None:
            row.append(_inline(token.content, definitions).replace("\n", " "))
        elif token.type == "list_item_open":
            number = f"{token.info}{token.markup} " if token.info else ""
        else:
            block = _block(token, definitions)
            if number and block:
                block[0] = number + block[0]
                number = ""
            lines += block
    return _joined(lines)


def _joined(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _block(token: Token, definitions: dict[str, Any]) -> list[str]:
    if token.type == "inline":
        return [_inline(token.content, definitions)]
    if token.type in ("fence", "code_block"):
        return [token.content.rstrip("\n"), ""]
    if token.type == "html_block":
        text = _TAG.sub("", token.content).strip()
        return [text, ""] if text else []
    if token.type in _ENDS_BLOCK and not token.hidden:
        return [""]
    return []


def _inline(text: str, definitions: dict[str, Any]) -> str:
    bare = _ESCAPED.sub(".", text) if "\\" in text else text
    if _MARKUP.search(bare) or ("references" in definitions and "[" in bare):
        tokens: list[Token] = []
        _PARSER.inline.parse(text, _PARSER, definitions, tokens)
        return "".join(_piece(token) for token in tokens)
    if "\\" in text or "\n" in text:
        return _LITERAL.sub(lambda sign: sign[1] or sign[2] or "\n", text)
    return text


def _piece(token: Token) -> str:
    if token.type == "html_inline":
        return _TEXT_OF_TAGS.get(token.content.lower(), "")
    return _BREAKS.get(token.type, token.content)
