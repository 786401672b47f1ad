"""Word documents: styles, lists, tables, formulas, page breaks, pictures."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import EmptyDocument
from ilios.engines.detection import media_types
from tests.support.sample_files import docx, encoded, noise, relations, word_paragraph
from tests.unit.engines.embedded.conftest import Convert

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = (
    f'<w:styles {W}><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="H1"/></w:style></w:styles>'
)
NUMBERING = (
    f'<w:numbering {W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt '
    'w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
)


def item(content: str, depth: int) -> str:
    place = f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="7"/></w:numPr>'
    return f"<w:p><w:pPr>{place}</w:pPr><w:r><w:t>{content}</w:t></w:r></w:p>"


def test_headings_follow_the_styles_they_are_based_on(convert: Convert) -> None:
    body = word_paragraph("Direct", style="H1") + word_paragraph("Inherited", style="Own")

    converted = convert(docx(body, word__styles_dot_xml=STYLES), media_types.DOCX)

    assert converted.markdown == "# Direct\n\n# Inherited"


def test_bold_text_is_marked_where_markdown_understands_it(convert: Convert) -> None:
    body = word_paragraph("Important", bold=True)

    assert convert(docx(body), media_types.DOCX).markdown == "**Important**"


def test_lists_are_numbered_and_nested(convert: Convert) -> None:
    body = item("one", 0) + item("inner", 1) + item("two", 0)

    converted = convert(docx(body, word__numbering_dot_xml=NUMBERING), media_types.DOCX)

    assert converted.markdown == "1. one\n    - inner\n2. two"


def test_merged_cells_keep_the_columns_aligned(convert: Convert) -> None:
    def cell(content: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{word_paragraph(content)}</w:tc>"

    wide = cell("wide", '<w:gridSpan w:val="2"/>')
    tall = cell("tall", '<w:vMerge w:val="restart"/>')
    body = (
        f"<w:tbl><w:tr>{wide}{cell('c')}</w:tr><w:tr>{tall}{cell('e|f')}{cell('g')}</w:tr>"
        f"<w:tr>{cell('', '<w:vMerge/>')}{cell('h')}{cell('i')}</w:tr></w:tbl>"
    )

    assert convert(docx(body), media_types.DOCX).markdown.splitlines() == [
        "| wide |  | c |",
        "| --- | --- | --- |",
        "| tall | e\\|f | g |",
        "|  | h | i |",
    ]


def test_rows_inside_a_content_control_are_rows_of_the_table(convert: Convert) -> None:
    cell = f"<w:tc>{word_paragraph('{}')}</w:tc>"
    row = f"<w:tr>{cell}{cell}</w:tr>"
    control = f"<w:sdt><w:sdtContent>{row.format('c', 'd')}</w:sdtContent></w:sdt>"

    converted = convert(docx(f"<w:tbl>{row.format('a', 'b')}{control}</w:tbl>"), media_types.DOCX)

    assert converted.markdown == "| a | b |\n| --- | --- |\n| c | d |"


def test_sums_and_brackets_of_a_formula_keep_their_signs(convert: Convert) -> None:
    def run(text: str) -> str:
        return f"<w:r><w:t>{text}</w:t></w:r>"

    limits_of_sum = f"<w:sub>{run('i=1')}</w:sub><w:sup>{run('n')}</w:sup>"
    bracket = f"<w:d><w:dPr/><w:e>{run('a+b')}</w:e></w:d>"
    formula = (
        f'<w:nary><w:naryPr><w:chr w:val="∑"/></w:naryPr>{limits_of_sum}<w:e>{bracket}</w:e>'
        "</w:nary>"
    )

    converted = convert(docx(f"<w:p><w:oMath>{formula}</w:oMath></w:p>"), media_types.DOCX)

    assert converted.markdown == r"$\sum_{i=1}^{n} (a+b)$"


def test_a_formula_stands_in_headings_cells_and_on_its_own_line(convert: Convert) -> None:
    formula = "<w:oMath><w:sSup><w:e><w:r><w:t>x</w:t></w:r></w:e>{}</w:sSup></w:oMath>".format(
        "<w:sup><w:r><w:t>2</w:t></w:r></w:sup>"
    )
    heading = (
        '<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:r><w:t xml:space="preserve">On </w:t>'
        f"</w:r>{formula}</w:p>"
    )
    cell = f"<w:tc><w:p>{formula}</w:p></w:tc>"
    body = (
        f"{heading}<w:p><w:oMathPara>{formula}</w:oMathPara></w:p>"
        f"<w:tbl><w:tr>{cell}{cell}</w:tr></w:tbl>"
    )

    assert convert(docx(body), media_types.DOCX).markdown.split("\n\n") == [
        "## On $x^{2}$",
        "$$x^{2}$$",
        "| $x^{2}$ | $x^{2}$ |\n| --- | --- |",
    ]


def test_deleted_text_is_gone_and_inserted_text_is_there(convert: Convert) -> None:
    body = (
        "<w:p><w:ins><w:r><w:t>new </w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>old </w:delText></w:r></w:del><w:r><w:t>end</w:t></w:r></w:p>"
    )

    assert convert(docx(body), media_types.DOCX).markdown == "new end"


def test_a_page_break_begins_a_page(convert: Convert) -> None:
    page_break = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
    document = docx(word_paragraph("First") + page_break + word_paragraph("Second"))

    converted = convert(document, media_types.DOCX, pages="2")

    assert converted.counts.total == 2
    assert converted.markdown == "Second"


def test_a_picture_of_a_word_document_becomes_a_file(convert: Convert) -> None:
    body = '<w:p><w:r><w:drawing><a:blip r:embed="p1"/></w:drawing></w:r></w:p>'
    parts: dict[str, str | bytes] = {
        "word___rels__document_dot_xml_dot_rels": relations(p1="media/photo.png"),
        "word__media__photo_dot_png": encoded(noise(90, 60), "PNG"),
    }

    converted = convert(docx(body, **parts), media_types.DOCX)

    assert converted.image_names == ["image-photo.png"]
    assert converted.markdown == "![](image-photo.png)"


def test_a_word_document_without_text_is_called_empty(convert: Convert) -> None:
    with pytest.raises(EmptyDocument):
        convert(docx(word_paragraph("")), media_types.DOCX)
