"""Numbers of lists and headings in Word documents, as Word counts them."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from tests.support.sample_files import docx
from tests.unit.engines.embedded.conftest import Convert

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def level(depth: int, form: str, pattern: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{pattern}"/></w:lvl>'
    )


def numbering(*levels: str, numbers: str = "") -> str:
    """Return a numbering part: list 1, and further uses of the same abstract list."""
    return (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="5">{"".join(levels)}</w:abstractNum>'
        f'<w:num w:numId="1"><w:abstractNumId w:val="5"/></w:num>{numbers}</w:numbering>'
    )


def item(text: str, depth: int = 0, number: int = 1, more: str = "") -> str:
    place = f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>'
    run = f"<w:r><w:t>{text}</w:t></w:r>" if text else ""
    return f"<w:p><w:pPr>{more}{place}</w:pPr>{run}</w:p>"


def use(number: int, start: int | None = None) -> str:
    override = (
        f'<w:lvlOverride w:ilvl="0"><w:startOverride w:val="{start}"/></w:lvlOverride>'
        if start
        else ""
    )
    return f'<w:num w:numId="{number}"><w:abstractNumId w:val="5"/>{override}</w:num>'


def lines(convert: Convert, body: str, part: str, styles: str = "") -> list[str]:
    parts = {"word__numbering_dot_xml": part} | (
        {"word__styles_dot_xml": f"<w:styles {W}>{styles}</w:styles>"} if styles else {}
    )
    found = convert(docx(body, **parts), media_types.DOCX).markdown
    return [line for line in found.splitlines() if line]


def test_a_second_use_of_a_list_goes_on_counting_unless_it_is_to_start_anew(
    convert: Convert,
) -> None:
    part = numbering(level(0, "decimal", "%1."), numbers=use(2) + use(3, start=9))
    body = item("oak") + item("elm", number=2) + item("ash", number=3) + item("fir", number=3)

    assert lines(convert, body, part) == ["1. oak", "2. elm", "9. ash", "10. fir"]


@pytest.mark.parametrize(
    ("form", "pattern", "shown"),
    [
        ("decimal", "%1)", "2) rye"),
        ("decimal", "%1", "2. rye"),
        ("decimal", "§ %1", "- § 2 rye"),
        ("decimalZero", "%1.", "- 02\\. rye"),
        ("lowerLetter", "(%1)", "- (b) rye"),
        ("upperRoman", "%1.", "- II. rye"),
        ("ordinal", "%1", "- 2nd rye"),
        ("decimalEnclosedCircle", "%1", "- ② rye"),
        ("chineseCounting", "第%1条", "- 第二条 rye"),
        ("bullet", "o", "- rye"),
        ("none", "Note:", "Note: rye"),
        ("none", "", "rye"),
    ],
)
def test_an_item_has_the_label_that_is_shown(
    convert: Convert, form: str, pattern: str, shown: str
) -> None:
    part = numbering(level(0, form, pattern))

    assert lines(convert, item("oats") + item("rye"), part)[-1] == shown


def test_a_bullet_that_is_a_box_is_kept(convert: Convert) -> None:
    font = '<w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr>'
    part = numbering(level(0, "bullet", "&#xF0A8;", font), level(1, "bullet", "&#xF0A7;", font))

    assert lines(convert, item("paint") + item("red", 1), part) == ["- ☐ paint", "    - red"]


def test_a_label_of_several_levels_has_the_numbers_of_all(convert: Convert) -> None:
    part = numbering(level(0, "upperRoman", "%1."), level(1, "decimal", "%1.%2", "<w:isLgl/>"))
    body = item("wood") + item("oak", 1) + item("elm", 1) + item("stone") + item("slate", 1)

    assert lines(convert, body, part) == [
        "- I. wood", "    - 1.1 oak", "    - 1.2 elm", "- II. stone", "    - 2.1 slate",
    ]  # fmt: skip


def test_a_level_that_never_restarts_goes_on(convert: Convert) -> None:
    part = numbering(
        level(0, "decimal", "%1."), level(1, "decimal", "%2.", '<w:lvlRestart w:val="0"/>')
    )
    body = item("a") + item("b", 1) + item("c") + item("d", 1)

    assert lines(convert, body, part) == ["1. a", "    1. b", "2. c", "    2. d"]


def test_an_empty_item_is_counted(convert: Convert) -> None:
    part = numbering(level(0, "decimal", "%1."))

    assert lines(convert, item("a") + item("") + item("c"), part) == ["1. a", "3. c"]


def test_headings_show_the_numbers_that_the_text_refers_to(convert: Convert) -> None:
    link = '<w:pStyle w:val="{}"/>'
    part = numbering(
        level(0, "decimal", "%1.", link.format("One")),
        level(1, "decimal", "%1.%2", link.format("Two")),
    )
    styles = "".join(
        f'<w:style w:styleId="{style}"><w:name w:val="heading {depth}"/>{base}<w:pPr>{number}'
        "</w:pPr></w:style>"
        for style, depth, base, number in (
            ("One", 1, "", '<w:numPr><w:numId w:val="1"/></w:numPr>'),
            ("Two", 2, '<w:basedOn w:val="One"/>', ""),
        )
    )
    body = "".join(
        f"<w:p><w:pPr>{link.format(style)}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
        for style, text in (("One", "Hull"), ("Two", "Planks"), ("Two", "Nails"), ("One", "Mast"))
    )

    assert lines(convert, body, part, styles) == [
        "# 1. Hull", "## 1.1 Planks", "## 1.2 Nails", "# 2. Mast",
    ]  # fmt: skip


def test_items_in_a_cell_stand_on_lines_of_their_own(convert: Convert) -> None:
    part = numbering(level(0, "decimal", "%1."))
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p>{}</w:tc>"
    body = f"<w:tbl><w:tr>{cell.format('Do', item('sweep') + item('wash'))}{cell.format('b', '')}"

    found = lines(convert, f"{body}</w:tr></w:tbl>", part)

    assert found[0] == "| Do<br>1. sweep<br>2. wash | b |"
