"""Writing Markdown: spans and tables."""

from __future__ import annotations

import pytest

from ilios.engines.embedded import markdown
from ilios.engines.embedded.markdown import Span


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span("a "), Span("b", bold=True), Span(" c")], "a **b** c"),
        ([Span("a "), Span("b", bold=True), Span(", c")], "a b, c"),
        ([Span("a", italic=True), Span("b", italic=True)], "*ab*"),
        ([Span("1. start")], "1\\. start"),
        ([Span("one\n- two")], "one  \n\\- two"),
    ],
)
def test_spans_become_inline_markdown(spans: list[Span], expected: str) -> None:
    assert markdown.inline(spans) == expected


def test_a_table_loses_what_is_empty() -> None:
    rows = [["a", "", "b"], ["", "", ""], ["c", "", ""]]

    assert markdown.table(rows) == "| a | b |\n| --- | --- |\n| c |  |"
