"""The entry point of the embedded engine."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import DocumentTooLarge, UnsupportedDocument
from ilios.engines.base import ConversionWarning, Page
from ilios.engines.detection import media_types
from ilios.engines.embedded import markdown, output_limits
from tests.support.sample_files import archive, docx, pdf, text, word_paragraph
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.odp.test_document import box, presentation, slide
from tests.unit.engines.embedded.office.ods.test_document import cell, row, sheet, spreadsheet
from tests.unit.engines.embedded.text.test_notebook import notebook


def test_an_unknown_type_is_refused(convert: Convert) -> None:
    with pytest.raises(UnsupportedDocument, match="audio/mpeg"):
        convert(b"x", "audio/mpeg")


ODT_CONTENT = (
    '<o:document-content xmlns:o="urn:o" xmlns:t="urn:t" xmlns:b="urn:b"><o:body><o:text>{}'
    "</o:text></o:body></o:document-content>"
)
LONG = "Herons wait in the reeds until the water is still again."


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (LONG.encode(), media_types.PLAIN),
        (LONG.encode(), media_types.MARKDOWN),
        (f"bird,place\n{LONG},reeds\n".encode(), media_types.CSV),
        (f"<p>{LONG}</p>".encode(), media_types.HTML),
        (f"{{\\rtf1 {LONG}}}".encode(), media_types.RTF),
        (docx(word_paragraph(LONG)), media_types.DOCX),
        (archive({"content.xml": ODT_CONTENT.format(f"<t:p>{LONG}</t:p>")}), media_types.ODT),
        (pdf(text(LONG)), media_types.PDF),
        (spreadsheet(sheet(row(cell(LONG)))), media_types.ODS),
        (presentation(slide(box(f"<text:p>{LONG}</text:p>"))), media_types.ODP),
        (f"Subject: x\n\n{LONG}".encode(), media_types.EML),
        (f'{{"a": "{LONG}"}}'.encode(), media_types.JSON),
        (f"<a>{LONG}</a>".encode(), media_types.XML),
        (notebook({"cell_type": "markdown", "source": LONG}), media_types.IPYNB),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_reader_stops_at_the_limit_of_a_page(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, content: bytes, media_type: str
) -> None:
    assert LONG in convert(content, media_type).markdown
    monkeypatch.setattr(output_limits, "PAGE_MAX_BYTES", 50)

    with pytest.raises(DocumentTooLarge, match=r"the limit is 50 bytes"):
        convert(content, media_type)


def test_all_pages_together_have_a_limit_of_their_own(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pdf(text(LONG), text(LONG), text(LONG))
    monkeypatch.setattr(output_limits, "DOCUMENT_MAX_BYTES", 150)

    with pytest.raises(DocumentTooLarge, match=r"first 3 pages give 168 .* the limit is 150 "):
        convert(content, media_types.PDF)
    assert LONG in convert(content, media_types.PDF, pages="2-3").markdown


def test_repeated_cells_are_counted_before_they_are_written() -> None:
    cell = "x" * 1_000_000

    with pytest.raises(DocumentTooLarge, match="200,0"):
        markdown.table([[cell] * 200])


def test_one_wide_row_does_not_widen_a_million_others() -> None:
    with pytest.raises(DocumentTooLarge, match="cells"):
        markdown.table([["a"] * 2_000, *[["b"]] * 1_000_000])


def test_warnings_are_told_up_to_their_bounds_and_the_last_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_limits, "PAGE_MAX_WARNINGS", 3)
    monkeypatch.setattr(output_limits, "DOCUMENT_MAX_WARNINGS", 6)
    monkeypatch.setattr(output_limits, "WARNING_MAX_CHARACTERS", 60)
    pages = [
        Page(n, "x", warnings=(ConversionWarning("text_loss", "Lost. " * 20, n + 1),) * 4)
        for n in range(4)
    ]

    told = [page.warnings for page in output_limits.bounded(pages)]

    assert [len(warnings) for warnings in told] == [3, 3, 0, 0]
    assert told[0][-1].message == "Further warnings of this page are left out."
    assert told[1][-1] == ConversionWarning(
        "text_loss", "Further warnings of the document are left out."
    )
    assert max(len(warning.message) for warnings in told for warning in warnings) == 60


def test_a_document_of_too_many_pages_is_refused_before_the_first(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pdf(text(LONG), text(LONG), text(LONG))
    monkeypatch.setattr(output_limits, "DOCUMENT_MAX_PAGES", 2)

    with pytest.raises(DocumentTooLarge, match=r"3 pages.*the limit is 2 pages"):
        convert(content, media_types.PDF)
    assert LONG in convert(content, media_types.PDF, pages="2-3").markdown


def test_items_of_a_list_are_no_deeper_than_its_bound() -> None:
    assert markdown.list_item(24_000_000, "-", "a\nb") == markdown.list_item(16, "-", "a\nb")
