"""Plain text: what is read without the parser is what the parser makes of it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ilios.engines import plain_text as tested

PIECES = [
    *"ab1 \n\\`*_~[]()!<>&$|-:#.",
    "word ",
    "\n\n",
    "\n| a | b |\n| --- | --- |\n",
    "| 1 | 2 |\n",
    "\n- ",
    "    ",
    "  \n",
    "\\\n",
    "\\|",
    "](x)",
    "[a]: x\n",
    "[a]",
    "**b**",
    "_i_",
    "<br>",
    "&amp;",
    "&#35;",
    "$x_1$",
    "`c|d`",
    "é",
]
WHOLE = MarkdownIt("commonmark").enable(["table", "strikethrough"])
WHOLE.inline.ruler.before("escape", "formula", tested._formula)
WHOLE.inline.ruler.at("html_inline", tested._tag)
WHOLE.block.ruler.at("reference", tested._definition)


def as_parsed(markdown: str) -> str:
    """Return the text of Markdown of which everything was parsed at once."""
    lines: list[str] = []
    row: list[str] | None = None
    number = ""
    for token in WHOLE.parse(markdown):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            lines.append("\t".join(row))
            row = None
        elif token.type == "inline" and row is not None:
            row.append(_inline(token).replace("\n", " "))
        elif token.type == "list_item_open":
            number = f"{token.info}{token.markup} " if token.info else ""
        else:
            block = [_inline(token)] if token.type == "inline" else tested._block(token, {})
            if number and block:
                block[0] = number + block[0]
                number = ""
            lines += block
    return tested._joined(lines)


def _inline(token: Token) -> str:
    return "".join(tested._piece(child) for child in token.children or ())


@example("a  \nb\\\n c \\* d_e $5")
@example("| a |\n|---|\n| \\| | b\n- c")
@example("[a]\n\n[a]: x\n\n| [a] |\n|-|\n| [a] \\[a] |")
@example("> | a | b |\n> |---|---|\n> 1 | 2\nc | d")
@example("a\n| b | c |\n|---|---|\n-")
@example("\\ \n[")
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_text_is_what_the_parser_makes_of_it(markdown: str) -> None:
    assert tested.plain_text(markdown) == as_parsed(markdown)
