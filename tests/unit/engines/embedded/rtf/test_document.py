"""RTF documents: styles, tables, notes, text boxes."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert


def rtf(body: str) -> bytes:
    return (r"{\rtf1\ansi\ansicpg1252" + body + "}").encode("cp1252")


def test_an_rtf_keeps_styles_tables_and_characters(convert: Convert) -> None:
    content = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}}"
        rb"{\stylesheet{\s1 heading 1;}}{\*\generator Nobody;}"
        rb"\pard\s1 Title\par\pard {\b Bold} caf\'e9 \u8364?5\par"
        rb"\trowd\pard\intbl a\cell b\cell\row\trowd\pard\intbl c\cell d\cell\row\pard End\par}"
    )

    assert convert(content, media_types.RTF).markdown.split("\n\n") == [
        "# Title",
        "**Bold** café €5",
        "| a | b |\n| --- | --- |\n| c | d |",
        "End",
    ]


def test_footnotes_of_an_rtf_stand_below_its_text(convert: Convert) -> None:
    word = r"One{\footnote \pard\plain\s3 first note\par more of it} "
    office = r"and two{\super\chftn{\*\footnote\chftn\pard\plain second note}}.\par"

    assert convert(rtf(word + office), media_types.RTF).markdown.split("\n\n") == [
        "One[^1] and two[^2].",
        "[^1]: first note more of it",
        "[^2]: second note",
    ]


def test_a_note_leaves_the_paragraph_around_it_as_it_was(convert: Convert) -> None:
    table = r"\trowd\pard\intbl a{\footnote\pard note}\cell b\cell\row\pard End\par"

    assert convert(rtf(table), media_types.RTF).markdown.split("\n\n") == [
        "| a[^1] | b |\n| --- | --- |",
        "End",
        "[^1]: note &nbsp;",
    ]


def test_the_text_of_a_text_box_is_kept_once(convert: Convert) -> None:
    shape = (
        r"{\shp{\*\shpinst\shpleft0{\sp{\sn dxTextLeft}{\sv 5}}{\shptxt\pard In the box\par}}"
        r"{\shprslt{\*\do{\dptxbxtext\pard In the box\par}}\pard In the box\par}}"
    )

    markdown = convert(rtf(rf"\pard {shape}Beside it\par"), media_types.RTF).markdown

    assert markdown == "In the box  \nBeside it"


def test_deleted_text_of_an_rtf_is_gone(convert: Convert) -> None:
    body = r"\pard {\deleted\revauthdel1 old }{\revised\revauth1 new }end\par"

    assert convert(rtf(body), media_types.RTF).markdown == "new end"


def test_items_with_letters_stay_inside_their_list(convert: Convert) -> None:
    items = (
        r"\pard{\listtext 1.\tab}\ilvl0 one\par"
        r"\pard{\listtext a)\tab}\ilvl1 inner\par\pard{\listtext 2.\tab}\ilvl0 two\par"
    )

    assert convert(rtf(items), media_types.RTF).markdown == "1. one\n    - a) inner\n2. two"


def test_an_rtf_that_ends_inside_a_note_keeps_its_text(convert: Convert) -> None:
    content = rb"{\rtf1 Begun{\footnote and not"

    assert "Begun" in (markdown := convert(content, media_types.RTF).markdown)
    assert "and not" in markdown


def test_something_else_than_rtf_is_called_corrupt(convert: Convert) -> None:
    with pytest.raises(CorruptDocument):
        convert(b"plain words", media_types.RTF)
