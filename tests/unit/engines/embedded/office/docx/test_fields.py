"""Fields of Word documents: links, forms, buttons, signs, and instructions that nobody sees."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded import field_texts
from tests.support.sample_files import docx
from tests.unit.engines.embedded.conftest import Convert


def mark(kind: str, form: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{form}</w:fldChar></w:r>'


def text(content: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{content}</w:t></w:r>'


def instruction(content: str) -> str:
    return f'<w:r><w:instrText xml:space="preserve"> {content} </w:instrText></w:r>'


def field(content: str, result: str | None = None, form: str = "") -> str:
    shown = mark("separate") + result if result is not None else ""
    return mark("begin", form and f"<w:ffData>{form}</w:ffData>") + content + shown + mark("end")


def shown(convert: Convert, *paragraphs: str) -> str:
    body = "".join(f"<w:p>{paragraph}</w:p>" for paragraph in paragraphs)
    return convert(docx(body), media_types.DOCX).markdown


def test_a_link_field_keeps_its_address(convert: Convert) -> None:
    link = field(instruction('HYPERLINK "https://ilios.example/prices" \\o "tip"'), text("prices"))
    simple = f'<w:fldSimple w:instr="HYPERLINK https://ilios.example">{text("us")}</w:fldSimple>'

    assert shown(convert, text("See ") + link + text(" or ") + simple) == (
        "See [prices](https://ilios.example/prices) or [us](https://ilios.example)"
    )


def test_a_link_leads_to_the_place_in_its_page(convert: Convert) -> None:
    link = field(instruction('HYPERLINK "https://ilios.example/law" \\l "art-5"'), text("Five"))
    names = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    relation = '<Relationship Id="l" TargetMode="External" Target="https://ilios.example/law"/>'
    parts = {
        "word___rels__document_dot_xml_dot_rels": (
            f"<Relationships {names}>{relation}</Relationships>"
        )
    }
    body = f'<w:p>{link} <w:hyperlink r:id="l" w:anchor="art-6">{text("Six")}</w:hyperlink></w:p>'

    markdown = convert(docx(body, **parts), media_types.DOCX).markdown

    assert "[Five](https://ilios.example/law#art-5)" in markdown
    assert "[Six](https://ilios.example/law#art-6)" in markdown


def test_fields_that_count_paragraphs_show_their_numbers(convert: Convert) -> None:
    clause = field(instruction("AUTONUMLGL"))
    point = field(instruction("LISTNUM NumberDefault"))

    markdown = shown(convert, f"{clause}{text(' Rent')}", f"{clause}{point}{text(' Heating')}")

    assert markdown == "1\\. Rent\n\n2.1) Heating"


def test_a_result_inside_an_instruction_is_part_of_the_instruction(convert: Convert) -> None:
    inner = field(instruction("DOCPROPERTY Site"), text("https://ilios.example/a"))
    link = field(instruction('HYPERLINK "') + inner + instruction('"'), text("here"))
    choice = field(instruction("IF ") + inner + instruction('= "x" "yes" "no"'), text("no"))

    assert shown(convert, choice) == "no"
    assert "ilios.example/a" not in shown(convert, text("Go ") + choice)
    assert shown(convert, link).startswith(("here", "[here]"))


def test_a_field_may_begin_and_end_in_different_paragraphs(convert: Convert) -> None:
    first = mark("begin") + instruction('TOC \\o "1-3"') + mark("separate") + text("Hull 4")

    assert shown(convert, first, text("Mast 9") + mark("end"), text("end")) == (
        "Hull 4\n\nMast 9\n\nend"
    )


def test_marks_without_a_counterpart_hide_nothing(convert: Convert) -> None:
    assert shown(convert, mark("begin") + text("seen")) == "seen"
    assert shown(convert, mark("end") + text("seen") + mark("separate")) == "seen"
    deep = mark("begin") * 5_000
    assert shown(convert, deep + text("seen")) == "seen"


@pytest.mark.parametrize(
    ("form", "result", "expected"),
    [
        ('<w:checkBox><w:default w:val="1"/></w:checkBox>', None, "☒"),
        ('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>', None, "☐"),
        ('<w:checkBox><w:default w:val="0"/></w:checkBox>', None, "☐"),
        ('<w:ddList><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList>', None, "red"),
        ('<w:ddList><w:default w:val="1"/><w:listEntry w:val="a"/><w:listEntry w:val="b"/>'
         "</w:ddList>", None, "b"),
        ('<w:ddList><w:listEntry w:val="red"/></w:ddList>', "kept", "kept"),
        ('<w:ddList><w:result w:val="7"/><w:listEntry w:val="red"/></w:ddList>', None, ""),
        ('<w:textInput><w:default w:val="name"/></w:textInput>', None, "name"),
        ('<w:textInput><w:default w:val="name"/></w:textInput>', "Ada", "Ada"),
    ],
)  # fmt: skip
def test_a_form_field_shows_what_was_chosen(
    convert: Convert, form: str, result: str | None, expected: str
) -> None:
    control = field(instruction("FORM"), None if result is None else text(result), form)

    assert shown(convert, text("It is ") + control) == f"It is {expected}".strip()


def test_signs_and_buttons_show_the_text_of_their_instruction(convert: Convert) -> None:
    sign = field(instruction('SYMBOL 113 \\f "Symbol" \\s 12'))
    button = field(instruction("MACROBUTTON NoMacro [Your name]"))

    assert shown(convert, sign + text(" by ") + button) == "θ by [Your name]"


def test_entries_of_an_index_stay_hidden(convert: Convert) -> None:
    assert shown(convert, text("ships") + field(instruction('XE "ships, old"'))) == "ships"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (r"EQ \f(3,8)", "3/8"),
        (r"EQ \r(3,x+1)", "√^3(x+1)"),
        (r'EQ \* jc2 \* "Font:Gothic" \* hps9 \o\ad(\s\up 8(よみ),読)', "読(よみ)"),
        (r"EQ \b(\f(a+b,2))", "((a+b)/2)"),
        ("PAGE", None),
    ],
)
def test_drawn_formulas_become_a_line(content: str, expected: str | None) -> None:
    assert field_texts.text(content) == expected


def test_a_formula_that_does_not_end_takes_no_time() -> None:
    assert field_texts.text("EQ " + "\\\\a   " * 5_000) is not None
