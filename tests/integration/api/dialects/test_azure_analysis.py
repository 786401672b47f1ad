"""What an analysis gives: its spans are those of the content, whatever they are counted in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ilios.accounts.keys import owner_of
from ilios.api.dialects.azure import analysis, content, content_blocks, text_lines
from ilios.api.dialects.azure.string_units import measure_of
from ilios.db.database import Database
from ilios.documents import result_pages
from ilios.engines.base import Page
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Line
from ilios.engines.page_text import PIECE_MAX_CHARACTERS
from tests.support import structured
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time

OWNER = owner_of(KEY)
MODELS = "/documentintelligence/documentModels"
UNITS = ("textElements", "unicodeCodePoint", "utf16CodeUnit")
ODD = (
    "# E\u0301galite\u0301 🐦\n\nZwei *Vögel* 🐦🐦 und\nein Ei\n\n- eins\n- zwei\n\n"
    "```\ncode  here\n```"
)
PDF = "application/pdf"


def analysed(
    anna: Caller,
    database: Database,
    *pages: Page,
    query: str = "",
    model: str = "prebuilt-layout",
    **document: Any,
) -> dict[str, Any]:
    document_id = structured.add_result(database, pages, owner=OWNER, **document)
    answer = anna.get(f"{MODELS}/{model}/analyzeResults/{document_id}?{query}")
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert body["status"] == "succeeded"
    found: dict[str, Any] = body["analyzeResult"]
    return found


def places(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield everything that says where it stands: what it says, and where."""
    for page in found["pages"]:
        for word in page["words"]:
            yield word["content"], word["span"]
        for line in page["lines"]:
            yield from ((line["content"], span) for span in line["spans"])
    for part in (*found["paragraphs"], *(cell for t in found["tables"] for cell in t["cells"])):
        yield from ((part["content"], span) for span in part["spans"])


@pytest.mark.parametrize("unit", UNITS)
def test_what_stands_at_a_span_is_what_it_is_the_span_of(
    anna: Caller, database: Database, unit: str
) -> None:
    pages = [structured.page(0), structured.plain_page(1, ODD), structured.page(2)]
    found = analysed(anna, database, *pages, query=f"stringIndexType={unit}")

    measure, text = measure_of(unit), found["content"]
    counted = [(measure(text[:place]), place) for place in range(len(text) + 1)]
    starts, ends = dict(reversed(counted)), dict(counted)
    told = list(places(found))
    assert len(told) > 50
    for content_, span in told:
        place = starts[span["offset"]]
        assert text[place:].startswith(content_.split()[0]), (content_, text[place : place + 20])
        end = ends[span["offset"] + span["length"]]
        assert text[place:end].split() == content_.split()
    assert found["stringIndexType"] == unit
    (last,) = found["pages"][-1]["spans"]
    assert last["offset"] + last["length"] == measure(text)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_content_has_all_words_and_pages_follow_one_another(
    anna: Caller, database: Database, form: str
) -> None:
    pages = [structured.page(0), structured.plain_page(1, ODD), structured.plain_page(2, "")]
    found = analysed(
        anna,
        database,
        *pages,
        query=f"outputContentFormat={form}&stringIndexType=unicodeCodePoint",
    )

    text = found["content"]
    shown = [text[s["offset"] :][: s["length"]] for page in found["pages"] for s in page["spans"]]
    break_ = content.MARKDOWN_PAGE_BREAK if form == "markdown" else "\n\n"
    assert break_.join(shown) == text
    assert found["contentFormat"] == form
    if form == "markdown":
        assert shown[1] == ODD
    else:
        assert shown[0].startswith(
            "Herons 1\n\nThey stand in shallow water and wait.\n\nbird\tlegs"
        )
        assert shown[1].startswith("E\u0301galite\u0301 🐦\n\nZwei Vögel 🐦🐦 und\nein Ei\n\n")


def test_a_table_has_its_cells_once_with_places_in_the_content(
    anna: Caller, database: Database
) -> None:
    (table,) = analysed(anna, database, structured.page(0))["tables"]

    assert (table["rowCount"], table["columnCount"]) == (2, 2)
    assert [(c["rowIndex"], c["columnIndex"], c["content"]) for c in table["cells"]] == [
        (0, 0, "bird"),
        (0, 1, "legs"),
        (1, 0, "heron"),
        (1, 1, "2"),
    ]
    assert [cell.get("kind") for cell in table["cells"]] == ["columnHeader"] * 2 + [None] * 2
    first, last = table["cells"][0]["spans"][0], table["cells"][-1]["spans"][0]
    length = last["offset"] + last["length"] - first["offset"]
    assert table["spans"] == [{"offset": first["offset"], "length": length}]


def test_what_a_table_says_beside_its_rows_is_a_paragraph(anna: Caller, database: Database) -> None:
    markdown = "Table 1: birds\n\n| bird |\n| --- |\n| heron |"
    block = Block("table", 0, len(markdown), box=(72, 72, 144, 144))
    page = Page(0, markdown, width=595.0, height=842.0, layout=Layout.of([block]))

    found = analysed(anna, database, page)

    (table,) = found["tables"]
    assert [cell["content"] for cell in table["cells"]] == ["bird", "heron"]
    assert table["boundingRegions"] == [{"pageNumber": 1, "polygon": [1, 1, 2, 1, 2, 2, 1, 2]}]
    assert [part["content"] for part in found["paragraphs"]] == ["Table 1: birds"]
    assert found["content"] == "Table 1: birds\n\nbird\nheron"


def test_the_model_that_reads_has_no_tables(anna: Caller, database: Database) -> None:
    found = analysed(anna, database, structured.page(0), model="prebuilt-read")

    assert "tables" not in found
    assert (found["modelId"], found["apiVersion"]) == ("prebuilt-read", analysis.API_VERSION)


def test_places_on_the_page_are_in_inches_of_pdfs_and_in_pixels_of_images(
    anna: Caller, database: Database
) -> None:
    line = Line(0, 6, (72, 144, 216, 156), 0.9)
    block = Block("title", 0, 6, level=1, box=(72, 144, 216, 156), lines=(line,))
    scan = Page(0, "Herons", layout=Layout.of([block]), dpi=144, width=1190.0, height=1684.0)
    text = Page(0, "Herons", layout=Layout.of([block]), width=595.0, height=842.0)

    (of_text,) = analysed(anna, database, text, mime_type=PDF)["pages"]
    (of_scan,) = analysed(anna, database, scan, mime_type=PDF)["pages"]
    (of_image,) = analysed(anna, database, scan, mime_type="image/png")["pages"]

    assert (of_text["unit"], of_scan["unit"], of_image["unit"]) == ("inch", "inch", "pixel")
    assert (of_text["width"], of_scan["width"]) == (8.2639, 8.2639)
    assert of_text["lines"][0]["polygon"] == [1, 2, 3, 2, 3, 2.1667, 1, 2.1667]
    assert of_scan["lines"][0]["polygon"] == [0.5, 1, 1.5, 1, 1.5, 1.0833, 0.5, 1.0833]
    assert of_image["lines"][0]["polygon"] == [72, 144, 216, 144, 216, 156, 72, 156]
    assert of_image["words"] == [
        {"content": "Herons", "span": {"offset": 0, "length": 6}, "confidence": 0.9}
    ]


def test_paragraphs_have_roles(anna: Caller, database: Database) -> None:
    markdown = "# One\n\n## Two\n\n$$x$$\n\nText"
    found = analysed(anna, database, structured.plain_page(0, markdown))

    assert [(part.get("role"), part["content"]) for part in found["paragraphs"]] == [
        ("title", "One"),
        ("sectionHeading", "Two"),
        ("formulaBlock", "x"),
        (None, "Text"),
    ]


def test_pages_without_blocks_have_lines_without_places_on_the_page(
    anna: Caller, database: Database
) -> None:
    found = analysed(anna, database, structured.plain_page(0, "One *two*\nthree"))

    (page,) = found["pages"]
    assert [line["content"] for line in page["lines"]] == ["One two", "three"]
    assert not {"polygon", "width", "unit"} & {*page["lines"][0], *page}


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_long_page_is_analysed_like_a_short_one(
    anna: Caller, database: Database, form: str
) -> None:
    count = 2 * PIECE_MAX_CHARACTERS // 20
    rows = "".join(f"| {number} | heron {number} |\n" for number in range(count))
    markdown = f"# Herons\n\n| n | bird |\n| --- | --- |\n{rows}\nThe end."

    found = analysed(
        anna,
        database,
        structured.plain_page(0, markdown),
        structured.plain_page(1, "Last"),
        query=f"outputContentFormat={form}&stringIndexType=unicodeCodePoint",
    )

    (table,) = found["tables"]
    assert (table["rowCount"], table["columnCount"]) == (count + 1, 2)
    assert table["cells"][-1]["content"] == f"heron {count - 1}"
    text = found["content"]
    for cell in table["cells"]:
        (span,) = cell["spans"]
        assert text[span["offset"] :][: span["length"]] == cell["content"]
    (last,) = found["pages"][-1]["spans"]
    assert text[last["offset"] :] == "Last"
    assert [part["content"] for part in found["paragraphs"]] == ["Herons", "The end.", "Last"]


def test_what_was_taken_out_of_the_markdown_has_no_place_in_the_content(
    database: Database,
) -> None:
    document_id = structured.add_result(database, [structured.page(0)])
    (page,) = result_pages.structured(database, document_id, [0], with_blocks=True)

    written = list(content_blocks.blocks(page, "", is_markdown=False))

    assert [part.type for part in written] == ["title", "text", "table", "image"]
    assert [part.number for part in written] == [1, 2, 3, 4]


def test_what_is_not_there_is_sought_in_time_in_proportion_to_the_text() -> None:
    def seconds(size: int) -> float:
        text = "heron " * size
        written = content_blocks.BlockText("", text, 1, "text", None, None, True, ())
        part = content.ContentPart(written, "", 0, len(text))
        with processor_time() as taken:
            seeker = text_lines.Seeker(part, len)
            assert not any(seeker.span("stork") for _ in range(size))
        return taken[0]

    assert is_linear(seconds, 2_000)
