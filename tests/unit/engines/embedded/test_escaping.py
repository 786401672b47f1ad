"""Escaping text, also where it is not written by spans: cells, comments, titles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ilios.engines.embedded import escaping


@pytest.mark.parametrize("write", [escaping.escaped, escaping.escaped_line])
def test_dollars_are_escaped_wherever_text_is(write: Callable[[str], str]) -> None:
    assert write("$x$ and $$") == r"\$x\$ and \$\$"
    assert write("$5 or $6") == "$5 or $6"


@pytest.mark.parametrize(
    ("text", "after", "written"),
    [
        ("a <", "b>", r"a \<"),
        ("a <", " b", "a <"),
        ("a ~", "~", r"a \~"),
        ("R&", "amp; b", r"R\&"),
        ("wow!", escaping.BRACKET, r"wow\!"),
        ("wow!", "[", "wow!"),
    ],
)
def test_what_follows_decides_about_the_end(text: str, after: str, written: str) -> None:
    assert escaping.inside(text, after) == written
