from __future__ import annotations

import datetime
import io

import pytest
from openpyxl import Workbook

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.support.sample_files import archive, docx, relations, word_paragraph
from tests.unit.engines.embedded.conftest import Convert

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
OFFICE_TYPES = [
    media_types.DOCX,
    media_types.PPTX,
    media_types.XLSX,
    media_types.EPUB,
    media_types.ODT,
]


def workbook(*sheets: list[list[object]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_every_sheet_is_a_page_and_every_block_a_table(convert: Convert) -> None:
    first: list[list[object]] = [
        ["Region", "Total"],
        ["North", 1200.5],
        [],
        ["Month", "Share"],
        [datetime.date(2024, 1, 31), True],
    ]

    converted = convert(workbook(first, [["x", "y"], [1, 2]]), media_types.XLSX)

    assert converted.counts.total == 2
    assert converted.pages[0].markdown.split("\n\n") == [
        "## Sheet 1",
        "| Region | Total |\n| --- | --- |\n| North | 1200.5 |",
        "| Month | Share |\n| --- | --- |\n| 2024-01-31 | TRUE |",
    ]


def test_a_formula_without_a_result_is_shown_itself(convert: Convert) -> None:
    converted = convert(workbook([["a", "b"], [1, "=A2*2"]]), media_types.XLSX)

    assert "| 1 | =A2\\*2 |" in converted.markdown


def test_an_empty_sheet_is_reported(convert: Convert) -> None:
    assert convert(workbook([["a"]], []), media_types.XLSX).warnings == [("empty_page", 2)]


def test_a_sheet_beyond_the_limit_is_cut_with_a_warning(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SHEET_MAX_CELLS", 20)

    converted = convert(workbook([[1, 2, 3]] * 30), media_types.XLSX)

    assert converted.warnings == [("truncated_table", 1)]


def test_slides_keep_title_bullets_table_and_notes(convert: Convert) -> None:
    def shape(kind: str, text: str) -> str:
        return (
            f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>'
            f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        )

    def slide(kind: str, content: str) -> str:
        return f"<p:{kind} {P} {A} {R}><p:cSld><p:spTree>{content}</p:spTree></p:cSld></p:{kind}>"

    cells = "".join(
        f"<a:tc><a:txBody><a:p><a:r><a:t>{t}</a:t></a:r></a:p></a:txBody></a:tc>" for t in "ab"
    )
    table = (
        f"<p:graphicFrame><a:tbl><a:tr>{cells}</a:tr><a:tr>{cells}</a:tr></a:tbl></p:graphicFrame>"
    )
    deck = archive(
        {
            "ppt/presentation.xml": f'<p:presentation {P} {R}><p:sldIdLst><p:sldId r:id="s1"/>'
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(s1="slides/slide1.xml"),
            "ppt/slides/slide1.xml": slide(
                "sld", shape("body", "A point") + shape("title", "The title") + table
            ),
            "ppt/slides/_rels/slide1.xml.rels": relations(n="../notesSlides/notesSlide1.xml"),
            "ppt/notesSlides/notesSlide1.xml": slide("notes", shape("body", "Smile")),
        }
    )

    assert convert(deck, media_types.PPTX).markdown.split("\n\n") == [
        "# The title",
        "- A point",
        "| a | b |\n| --- | --- |\n| a | b |",
        "> Notes:\n>\n> Smile",
    ]


@pytest.mark.parametrize("media_type", OFFICE_TYPES)
def test_a_password_protected_office_file_is_called_encrypted(
    convert: Convert, media_type: str
) -> None:
    with pytest.raises(EncryptedDocument, match="Remove the password"):
        convert(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, media_type)


@pytest.mark.parametrize("media_type", OFFICE_TYPES)
@pytest.mark.parametrize(
    "content", [docx(word_paragraph("x"))[:150], archive({"other.txt": "x"}), b"PK\3\4 not a ZIP"]
)
def test_a_damaged_office_file_is_called_corrupt(
    convert: Convert, media_type: str, content: bytes
) -> None:
    with pytest.raises(CorruptDocument):
        convert(content, media_type)


def test_broken_xml_is_called_corrupt(convert: Convert) -> None:
    with pytest.raises(CorruptDocument):
        convert(archive({"word/document.xml": "<w:document><w:body>"}), media_types.DOCX)


def test_entities_are_not_expanded(convert: Convert) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;">]>'
    body = "<w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body>"
    document = archive({"word/document.xml": f"{bomb}<w:document {W}>{body}</w:document>"})

    with pytest.raises(EmptyDocument):
        convert(document, media_types.DOCX)


@pytest.mark.parametrize("media_type", OFFICE_TYPES)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    convert: Convert, media_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_MAX_BYTES", 100_000)

    with pytest.raises(DocumentTooLarge, match="unpacked"):
        convert(archive({"word/document.xml": b"0" * 200_000}), media_type)
