"""Lists of RTF documents: labels that the document writes, and those that its tables define."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert


def level(kind: int, label: str, start: int = 1) -> str:
    """Define a level; `label` has `{0}` for the number of the outermost level."""
    places = [rf"\'0{n}" for n in range(3)]
    written = label.format(*places)
    length = len(label.format(*"123"))
    return (
        rf"{{\listlevel\levelnfc{kind}\levelstartat{start}"
        rf"{{\leveltext\'{length:02x}{written};}}{{\levelnumbers;}}}}"
    )


def rtf(levels: str, body: str, override: str = "") -> bytes:
    tables = (
        rf"{{\*\listtable{{\list\listtemplateid1{levels}{{\listname ;}}\listid9}}}}"
        rf"{{\*\listoverridetable{{\listoverride\listid9\listoverridecount0\ls1}}{override}}}"
    )
    return (r"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}" + tables + body + "}").encode("latin-1")


def items(*depths: int, override: int = 1) -> str:
    return "".join(rf"\pard\ls{override}\ilvl{depth} item\par" for depth in depths)


@pytest.mark.parametrize(
    ("levels", "depths", "shown"),
    [
        (level(0, "{0}."), (0, 0), ["1. item", "2. item"]),
        (level(0, "{0})", start=7), (0, 0), ["7. item", "8. item"]),
        (level(23, r"\'b7"), (0, 0), ["- item", "- item"]),
        (level(4, "({0})"), (0, 0), ["- (a) item", "- (b) item"]),
        (level(1, "{0}.", start=4), (0,), ["- IV. item"]),
        (
            level(0, "{0}.") + level(0, "{0}.{1}"),
            (0, 1, 1, 0, 1),
            ["1. item", "    - 1.1 item", "    - 1.2 item", "2. item", "    - 2.1 item"],
        ),
        (level(3, "{0}.") + level(2, "{0}{1})"), (1, 0, 1), ["- Ai) item", "- A. item"]),
        (level(22, "No. {0}"), (0,), ["- No. 01 item"]),
        (level(7, "{0}:", start=2), (0,), ["- Second: item"]),
        (level(18, "{0}", start=3), (0,), ["- ③ item"]),
    ],
)
def test_labels_are_those_that_the_list_table_defines(
    convert: Convert, levels: str, depths: tuple[int, ...], shown: list[str]
) -> None:
    lines = convert(rtf(levels, items(*depths)), media_types.RTF).markdown.split("\n")

    assert lines[: len(shown)] == shown


def test_a_list_goes_on_after_a_paragraph_and_begins_anew_where_the_override_says(
    convert: Convert,
) -> None:
    override = (
        r"{\listoverride\listid9\listoverridecount1{\lfolevel\listoverridestartat\levelstartat5}"
        r"\ls2}"
    )
    body = items(0) + r"\pard between\par" + items(0) + items(0, 0, override=2)

    assert convert(rtf(level(0, "{0}."), body, override), media_types.RTF).markdown == (
        "1. item\n\nbetween\n\n2. item\n5. item\n6. item"
    )


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("3.", "3. oars"),
        ("3)", "3. oars"),
        (r"\'b7", "- oars"),
        (r"\u8226 \tab", "- oars"),
        ("(c)", "- (c) oars"),
        ("2.1", "- 2.1 oars"),
        ("*", "- oars"),
    ],
)
def test_the_label_that_stands_before_the_style_counts(
    convert: Convert, label: str, shown: str
) -> None:
    body = rf"\pard{{\listtext\pard\plain {label}\tab}}\pard\ls1\ilvl0 oars\par"

    assert convert(rtf("", body), media_types.RTF).markdown == shown


def test_a_document_that_writes_its_labels_has_no_others(convert: Convert) -> None:
    body = r"\pard\ls1{\listtext 1.\tab}oars\par\pard\ls1 no number\par"

    markdown = convert(rtf(level(0, "{0}."), body), media_types.RTF).markdown

    assert markdown == "1. oars\n\nno number"


def test_headings_and_cells_keep_their_numbers(convert: Convert) -> None:
    body = (
        r"\pard\outlinelevel1{\listtext 2.3\tab}Sails\par"
        r"\trowd\pard\intbl{\pntext 1.\tab}hoist\par{\pntext 2.\tab}reef\cell x\cell\row\pard"
    )

    assert convert(rtf("", body), media_types.RTF).markdown == (
        "## 2.3 Sails\n\n| 1. hoist 2. reef | x |\n| --- | --- |"
    )


def test_a_label_cannot_turn_few_bytes_into_pages_of_text(convert: Convert) -> None:
    markdown = convert(rtf(level(0, "L" * 90), items(0, 0)), media_types.RTF).markdown

    assert len(markdown) < 150
