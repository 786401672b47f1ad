"""The labels of OpenDocument lists and headings."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.office.odt.lists import formatted
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.odt.test_document import document_of, paragraph


def level(number: int, attributes: str, kind: str = "list-level-style-number") -> str:
    return f'<text:{kind} text:level="{number}" {attributes}/>'


def list_style(*levels: str, name: str = "L1") -> str:
    return f'<text:list-style style:name="{name}">{"".join(levels)}</text:list-style>'


def item(content: str, attributes: str = "") -> str:
    inner = content if content.startswith("<") else paragraph(content)
    return f"<text:list-item {attributes}>{inner}</text:list-item>"


def listed(*items: str, attributes: str = 'text:style-name="L1"') -> str:
    return f"<text:list {attributes}>{''.join(items)}</text:list>"


DECIMAL = list_style(level(1, 'style:num-format="1" style:num-suffix="."'))
LEGAL = list_style(
    level(1, 'style:num-format="1" style:num-suffix="."'),
    level(2, 'style:num-format="1" text:display-levels="2"'),
)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('style:num-format="1" style:num-suffix="." text:start-value="5"', "5. a\n6. b"),
        ('style:num-format="1" style:num-suffix=")"', "1. a\n2. b"),
        ('style:num-format="1"', "1. a\n2. b"),
        ('style:num-format="1" style:num-prefix="(" style:num-suffix=")"', "- (1) a\n- (2) b"),
        ('style:num-format="a" style:num-suffix=")" text:start-value="26"', "- z) a\n- aa) b"),
        (
            'style:num-format="A" style:num-letter-sync="true" text:start-value="27"',
            "- AA a\n- BB b",
        ),
        ('style:num-format="I" style:num-suffix="." text:start-value="4"', "- IV. a\n- V. b"),
        ('style:num-format="1" style:num-prefix="Article "', "- Article 1 a\n- Article 2 b"),
        ('style:num-format="1" style:num-list-format="§ %1%:"', "- § 1: a\n- § 2: b"),
        ('style:num-format=""', "- a\n- b"),
        ('style:num-format="1st, 2nd, 3rd, ..." text:start-value="2"', "- 2nd a\n- 3rd b"),
    ],
)
def test_items_keep_the_labels_that_are_shown(
    convert: Convert, attributes: str, expected: str
) -> None:
    document = document_of(listed(item("a"), item("b")), list_style(level(1, attributes)))

    assert convert(document, media_types.ODT).markdown == expected


def test_an_item_may_begin_anew(convert: Convert) -> None:
    document = document_of(
        listed(
            item("nine", 'text:start-value="9"'), item("ten"), item("one", "text:start-value='1'")
        ),
        DECIMAL,
    )

    assert convert(document, media_types.ODT).markdown == "9. nine\n10. ten\n1. one"


def test_numbers_of_several_levels_are_joined(convert: Convert) -> None:
    first = listed(item("Definitions"), item("Terms"), attributes="")
    document = document_of(
        listed(item(f"{paragraph('Scope')}{first}"), item(f"{paragraph('Price')}{first}")), LEGAL
    )

    assert convert(document, media_types.ODT).markdown.split("\n") == [
        "1. Scope",
        "    - 1.1 Definitions",
        "    - 1.2 Terms",
        "2. Price",
        "    - 2.1 Definitions",
        "    - 2.2 Terms",
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        'text:style-name="L1" text:continue-list="first"',
        'text:style-name="L1" text:continue-numbering="true"',
    ],
)
def test_a_list_goes_on_behind_other_text(convert: Convert, attributes: str) -> None:
    document = document_of(
        listed(item("a"), item("b"), attributes='text:style-name="L1" xml:id="first"')
        + paragraph("between")
        + listed(item("c"), attributes=attributes),
        DECIMAL,
    )

    assert convert(document, media_types.ODT).markdown == "1. a\n2. b\n\nbetween\n\n3. c"


def test_an_inner_list_goes_on_behind_other_text(convert: Convert) -> None:
    begun = listed(item("one"), attributes="")
    document = document_of(
        listed(item(f"{paragraph('Scope')}{begun}"), attributes='text:style-name="L1" xml:id="l"')
        + paragraph("between")
        + listed(
            item(listed(item("two"), attributes="")),
            attributes='text:style-name="L1" text:continue-list="l"',
        ),
        LEGAL,
    )

    assert convert(document, media_types.ODT).markdown == (
        "1. Scope\n    - 1.1 one\n\nbetween\n\n- 1.2 two"
    )


def test_other_lists_begin_anew(convert: Convert) -> None:
    document = document_of(listed(item("a")) + paragraph("between") + listed(item("b")), DECIMAL)

    assert convert(document, media_types.ODT).markdown == "1. a\n\nbetween\n\n1. b"


def test_an_item_goes_on_behind_its_inner_list(convert: Convert) -> None:
    inner = listed(item("inner"), attributes="")
    document = document_of(
        listed(item(f"{paragraph('a')}{inner}{paragraph('more of a')}"), item("b")), DECIMAL
    )

    assert convert(document, media_types.ODT).markdown == (
        "1. a\n    - inner\n\n    more of a\n\n2. b"
    )


def test_a_header_of_a_list_has_no_number(convert: Convert) -> None:
    header = f"<text:list-header>{paragraph('To do')}</text:list-header>"
    document = document_of(listed(header, item("a")), DECIMAL)

    assert convert(document, media_types.ODT).markdown == "To do\n\n1. a"


def test_a_paragraph_can_be_an_item_of_its_own(convert: Convert) -> None:
    numbered = (
        '<text:numbered-paragraph text:list-id="x" text:style-name="L1">{}'
        "</text:numbered-paragraph>"
    )
    document = document_of(
        "".join(numbered.format(paragraph(text)) for text in ("first", "second")), DECIMAL
    )

    assert convert(document, media_types.ODT).markdown == "1. first\n2. second"


OUTLINE = (
    '<text:outline-style style:name="Outline">'
    + level(1, 'style:num-format="1"', "outline-level-style")
    + level(2, 'style:num-format="1" text:display-levels="2"', "outline-level-style")
    + "</text:outline-style>"
)


def heading(number: int, text: str, attributes: str = "") -> str:
    return f'<text:h text:outline-level="{number}" {attributes}>{text}</text:h>'


def test_headings_keep_the_numbers_of_the_outline(convert: Convert) -> None:
    unnumbered = '<style:style style:name="P1" style:family="paragraph" style:list-style-name=""/>'
    document = document_of(
        heading(1, "Aims")
        + heading(2, "Means")
        + heading(1, "Preface", 'text:style-name="P1"')
        + heading(1, "Ends")
        + heading(2, "None", 'text:restart-numbering="true" text:start-value="5"')
        + heading(1, "Index", 'text:is-list-header="true"')
        + heading(3, "Deep"),
        OUTLINE + unnumbered,
    )

    assert convert(document, media_types.ODT).markdown.split("\n\n") == [
        "# 1 Aims",
        "## 1.1 Means",
        "# Preface",
        "# 2 Ends",
        "## 2.5 None",
        "# Index",
        "### Deep",
    ]


def test_headings_in_a_list_of_the_outline_share_its_numbers(convert: Convert) -> None:
    inner = listed(item(heading(2, "Means")), attributes="")
    document = document_of(
        heading(1, "Aims") + listed(item(inner), attributes='text:style-name="Outline"'), OUTLINE
    )

    assert convert(document, media_types.ODT).markdown == "# 1 Aims\n\n## 1.1 Means"


def test_a_label_that_the_file_holds_counts(convert: Convert) -> None:
    document = document_of(
        listed(item(f"<text:number>c.</text:number>{paragraph('third')}"))
        + heading(1, "<text:number>7 </text:number>Ends"),
        DECIMAL + OUTLINE,
    )

    assert convert(document, media_types.ODT).markdown == "- c. third\n\n# 7 Ends"


def test_the_items_of_a_cell_keep_their_labels(convert: Convert) -> None:
    items = listed(item("sow"), item("reap"))
    cell = f"<table:table-cell>{items}</table:table-cell>"
    document = document_of(
        f"<table:table><table:table-row>{cell * 2}</table:table-row></table:table>", DECIMAL
    )

    assert (
        "| 1. sow<br>2. reap | 1. sow<br>2. reap |" in convert(document, media_types.ODT).markdown
    )


@pytest.mark.parametrize(
    ("number", "number_format", "expected"),
    [
        (1, "a", "a"),
        (28, "A", "AB"),
        (702, "a", "zz"),
        (703, "a", "aaa"),
        (1994, "I", "MCMXCIV"),
        (0, "a", "0"),
        (12, "一, 二, 三, ...", "十二"),
        (4, "01, 02, 03, ...", "04"),
        (2, "А, Б, .., Аа, Аб, ... (ru)", "Б"),
        (3, "①, ②, ③, ...", "③"),
        (3, "some format to come", "3"),
        (3, "", ""),
    ],
)
def test_numbers_are_written_in_their_format(
    number: int, number_format: str, expected: str
) -> None:
    assert formatted(number, number_format) == expected


@pytest.mark.parametrize(
    ("sign", "font", "shown"),
    [("☐", "", "☐ "), ("\uf0a8", "Wingdings", "☐ "), ("•", "", "")],
)
def test_bullets_that_are_boxes_or_ticks_are_kept(
    convert: Convert, sign: str, font: str, shown: str
) -> None:
    look = f'<style:text-properties style:font-name="{font}"/>' * bool(font)
    bullets = (
        '<text:list-style style:name="L1"><text:list-level-style-bullet text:level="1" '
        f'text:bullet-char="{sign}">{look}</text:list-level-style-bullet></text:list-style>'
    )

    markdown = convert(document_of(listed(item("mend")), bullets), media_types.ODT).markdown

    assert markdown == f"- {shown}mend"
