"""Excel workbooks: sheets, blocks of cells, formulas, limits."""

from __future__ import annotations

import datetime
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from PIL import Image

from ilios.core.conversion_errors import CorruptDocument, DocumentTooLarge
from ilios.engines.detection import media_types
from ilios.engines.embedded import accounting, limits, output_limits
from ilios.engines.embedded.office.xlsx import document as xlsx
from ilios.engines.embedded.office.xlsx.formulas import column_letters
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.xlsx import workbooks
from tests.unit.engines.embedded.office.xlsx.workbooks import STRICT, number, text

SPREADSHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
DRAWING = (
    'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
RIVERS = [text("A1", "River") + text("B1", "Length"), text("A2", "Elbe") + number("B2", 1094)]
TABLE = "| River | Length |\n| --- | --- |\n| Elbe | 1094 |"


def workbook(*sheets: list[list[object]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for count, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {count}")
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
    assert converted.markdown.count("| 1 | 2 | 3 |") == 7


def test_a_table_with_more_empty_cells_than_a_sheet_may_have_is_a_list(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SHEET_MAX_CELLS", 20)
    rows: list[list[object]] = [[1, 2, 3, 4, 5]]
    rows += [[1, 2] for _ in range(5)]

    converted = convert(workbook(rows), media_types.XLSX)

    assert converted.markdown.startswith("## ")
    assert "- A1: 1\n- B1: 2\n" in converted.markdown


def test_a_workbook_in_the_strict_form_is_read(convert: Convert) -> None:
    content = workbooks.workbook(
        [*RIVERS, '<c r="A3" t="d" s="1"><v>2021-05-04T00:00:00Z</v></c>'],
        formats=["d/m/yyyy"],
        namespace=STRICT,
    )

    assert convert(content, media_types.XLSX).markdown.endswith(f"{TABLE}\n\n2021-05-04")


@pytest.mark.parametrize(
    "parts",
    [
        {"xl/styles.xml": f"<styleSheet {SPREADSHEET}><fills><fill/></fills></styleSheet>"},
        {"xl/styles.xml": f'<styleSheet {SPREADSHEET}><cellXfs><xf numFmtId="x"/>'},
        {"xl/styles.xml": "not XML"},
        {"docProps/core.xml": "<created>yesterday</created>"},
        {"xl/_rels/sheet1.xml.rels": "<Relationships"},
    ],
)
def test_a_fault_in_what_the_text_does_not_need_is_no_hindrance(
    convert: Convert, parts: dict[str, str]
) -> None:
    content = workbooks.workbook(RIVERS, parts=parts)

    assert convert(content, media_types.XLSX).markdown == f"## Sheet 1\n\n{TABLE}"


@pytest.mark.parametrize("style", ["", "9", "-1", "x"])
def test_a_style_that_does_not_exist_is_no_style(convert: Convert, style: str) -> None:
    content = workbooks.workbook([f'<c r="A1" s="{style}"><v>0.5</v></c>'])

    assert convert(content, media_types.XLSX).markdown == "## Sheet 1\n\n0.5"


def test_the_main_part_may_have_another_name(convert: Convert) -> None:
    content = workbooks.workbook(RIVERS, main="book/main.xml")

    assert convert(content, media_types.XLSX).markdown.endswith(TABLE)


def test_cells_need_no_places(convert: Convert) -> None:
    content = workbooks.workbook(
        ["<c><v>1</v></c><c><v>2</v></c>", "<c><v>3</v></c><c/><c><v>5</v></c>"]
    )

    assert convert(content, media_types.XLSX).markdown.endswith(
        "| 1 | 2 |  |\n| --- | --- | --- |\n| 3 |  | 5 |"
    )


def test_a_shared_text_that_does_not_exist_is_damage(convert: Convert) -> None:
    with pytest.raises(CorruptDocument):
        convert(workbooks.workbook(['<c r="A1" t="s"><v>3</v></c>']), media_types.XLSX)


def test_values_are_shown_as_their_formats_say(convert: Convert) -> None:
    cells = [number("A1", "00815", 1), number("A2", 0.5, 2), number("A3", 2.25, 3)]
    content = workbooks.workbook(cells, formats=["00000", "0.0##%", "[h]:mm"])

    assert convert(content, media_types.XLSX).markdown.split("\n")[2:] == [
        "| 00815 |",
        "| --- |",
        "| 50.0% |",
        "| 54:00 |",
    ]


@pytest.mark.parametrize("is_shared", [True, False])
def test_raised_digits_stay_raised(convert: Convert, is_shared: bool) -> None:
    runs = (
        "<r><t>2 m</t></r>"
        '<r><rPr><vertAlign val="superscript"/></rPr><t>3</t></r><r><t> of H</t></r>'
        '<r><rPr><vertAlign val="subscript"/></rPr><t>2</t></r><r><t>O</t></r>'
        '<rPh sb="0" eb="1"><t>guide</t></rPh>'
    )
    cell = '<c r="A1" t="s"><v>0</v></c>'
    if not is_shared:
        cell = f'<c r="A1" t="inlineStr"><is>{runs}</is></c>'
    content = workbooks.workbook([cell], shared=[f"<si>{runs}</si>"])

    assert convert(content, media_types.XLSX).markdown.endswith("\n\n2 m³ of H₂O")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Quay 5_x000D_\nOslo", "Quay 5 Oslo"),
        ("_x005F_x000D_", "\\_x000D\\_"),
        ("_xD83D__xDC1F_", "\U0001f41f"),
        ("# no heading", "\\# no heading"),
        ("<b> | ![x](y)", "\\<b> | ![x\\](y)"),
    ],
)
def test_texts_come_as_they_are_meant(convert: Convert, stored: str, shown: str) -> None:
    content = workbooks.workbook([text("A1", stored)])

    assert convert(content, media_types.XLSX).markdown == f"## Sheet 1\n\n{shown}"


def test_cells_keep_the_addresses_of_their_links(convert: Convert) -> None:
    formula = '<f>HYPERLINK("https://example.com/b","Second")</f><v>Second</v>'
    rows = [text("A1", "First"), f'<c r="A2" t="str">{formula}</c>', text("A3", "Third")]
    links = (
        '<hyperlinks><hyperlink ref="A1" r:id="r1"/><hyperlink ref="A3" location="A1"/>'
        '<hyperlink ref="A1:XFD1048576" r:id="r1"/></hyperlinks>'
    )
    content = workbooks.workbook(rows, behind=links, links=[("hyperlink", "https://example.com/a")])

    assert convert(content, media_types.XLSX).markdown.split("\n")[2:] == [
        "| [First](https://example.com/a) |",
        "| --- |",
        "| [Second](https://example.com/b) |",
        "| Third |",
    ]


def test_notes_and_discussions_stand_below_the_table(convert: Convert) -> None:
    notes = (
        f"<comments {SPREADSHEET}><commentList>"
        '<comment ref="B2"><text><r><t>Measured </t></r><r><t>twice</t></r></text></comment>'
        '<comment ref="A2"><text><t>[Threaded comment] Your version is old.</t></text></comment>'
        "</commentList></comments>"
    )
    discussion = (
        '<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/'
        'threadedcomments"><threadedComment ref="A2"><text>Which bank?</text></threadedComment>'
        '<threadedComment ref="A2"><text>The left one</text></threadedComment></ThreadedComments>'
    )
    content = workbooks.workbook(
        RIVERS,
        links=[("comments", "notes.xml"), ("threadedComment", "discussion.xml")],
        parts={"xl/notes.xml": notes, "xl/discussion.xml": discussion},
    )

    assert convert(content, media_types.XLSX).markdown.split("\n\n")[2] == (
        "- B2: Measured twice\n- A2: Which bank?\n- A2: The left one"
    )


def test_text_boxes_keep_their_words_whole(convert: Convert) -> None:
    box = (
        "<xdr:txBody><a:p><a:r><a:t>Draf</a:t></a:r><a:r><a:t>ted in haste</a:t></a:r></a:p>"
        "<a:p><a:r><a:t>Check again</a:t></a:r></a:p></xdr:txBody>"
    )
    drawing = (
        f'<xdr:wsDr {DRAWING} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></xdr:wsDr>"
    )
    content = workbooks.workbook(
        RIVERS, links=[("drawing", "drawing.xml")], parts={"xl/drawing.xml": drawing}
    )

    converted = convert(content, media_types.XLSX)

    assert converted.markdown.split("\n\n")[2:] == ["Drafted in haste", "Check again"]
    assert converted.warnings == []


def test_titles_of_charts_and_of_their_axes_come(convert: Convert) -> None:
    def title(runs: str) -> str:
        return f"<title><tx><rich><a:p>{runs}</a:p></rich></tx></title>"

    chart = (
        f"<chartSpace {DRAWING}><chart>{title('<a:r><a:t>Flo</a:t></a:r><a:r><a:t>od</a:t></a:r>')}"
        f"<plotArea><valAx>{title('<a:r><a:t>Metres</a:t></a:r>')}</valAx></plotArea></chart>"
        "</chartSpace>"
    )
    content = workbooks.workbook(
        RIVERS,
        links=[("drawing", "drawing.xml")],
        parts={
            "xl/drawing.xml": f'<xdr:wsDr {DRAWING}><chart r:id="r1"/></xdr:wsDr>',
            "xl/_rels/drawing.xml.rels": workbooks.relations([("chart", "chart.xml")]),
            "xl/chart.xml": chart,
        },
    )

    assert convert(content, media_types.XLSX).markdown.split("\n\n")[2:] == ["Flood", "Metres"]


def test_a_picture_that_is_not_kept_is_told_of_and_described(convert: Convert) -> None:
    drawing = (
        f'<xdr:wsDr {DRAWING}><xdr:pic><xdr:nvPicPr><xdr:cNvPr descr="Map of the delta"/>'
        '</xdr:nvPicPr><a:blip r:embed="r1"/></xdr:pic></xdr:wsDr>'
    )
    content = workbooks.workbook(
        RIVERS,
        links=[("drawing", "drawing.xml")],
        parts={
            "xl/drawing.xml": drawing,
            "xl/_rels/drawing.xml.rels": workbooks.relations([("image", "map.emf")]),
            "xl/map.emf": b"\x01\x00\x00\x00",
        },
    )

    converted = convert(content, media_types.XLSX)

    assert converted.markdown.endswith("\n\nMap of the delta")
    assert converted.warnings == [("image_skipped", 1)]


def test_a_picture_that_is_the_value_of_a_cell_stands_in_the_cell(convert: Convert) -> None:
    image = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(image, "PNG")
    future = '<bk><extLst><ext><rvb i="0"/></ext></extLst></bk>'
    rich = {
        "xl/metadata.xml": f'<metadata><futureMetadata name="XLRICHVALUE">{future}</futureMetadata>'
        '<valueMetadata><bk><rc t="1" v="0"/></bk></valueMetadata></metadata>',
        "xl/values.xml": '<rvData><rv s="0"><v>0</v><v>5</v><v>A heron</v></rv></rvData>',
        "xl/keys.xml": '<rvStructures><s><k n="_rvRel:LocalImageIdentifier"/><k n="CalcOrigin"/>'
        '<k n="Text"/></s></rvStructures>',
        "xl/images.xml": '<richValueRels xmlns:r="r"><rel r:id="r1"/></richValueRels>',
        "xl/_rels/images.xml.rels": workbooks.relations([("image", "heron.png")]),
        "xl/_rels/workbook.xml.rels": workbooks.relations(
            [
                ("worksheet", "sheet1.xml"),
                ("sheetMetadata", "metadata.xml"),
                ("rdRichValue", "values.xml"),
                ("rdRichValueStructure", "keys.xml"),
                ("richValueRel", "images.xml"),
            ]
        ),
    }
    cells = [text("A1", "Bird") + '<c r="B1" t="e" vm="1"><v>#VALUE!</v></c>']
    content = workbooks.workbook(cells, parts={**rich, "xl/heron.png": image.getvalue()})

    converted = convert(content, media_types.XLSX)

    assert converted.markdown.split("\n")[2] == "| Bird | ![A heron](sheet-1-image-1.png) |"
    assert converted.image_names == ["sheet-1-image-1.png"]


@pytest.mark.parametrize(("checked", "sign"), [(' checked="Checked"', "☒"), ("", "☐")])
def test_check_boxes_say_whether_they_are_ticked(convert: Convert, checked: str, sign: str) -> None:
    drawing = (
        f'<xdr:wsDr {DRAWING}><xdr:sp><xdr:nvSpPr><xdr:cNvPr id="77"/></xdr:nvSpPr><xdr:txBody>'
        "<a:p><a:r><a:t>Dredged</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>"
    )
    content = workbooks.workbook(
        RIVERS,
        behind='<controls><control shapeId="77" r:id="r2"/></controls>',
        links=[("drawing", "drawing.xml"), ("ctrlProp", "box.xml")],
        parts={
            "xl/drawing.xml": drawing,
            "xl/box.xml": f'<formControlPr objectType="CheckBox"{checked}/>',
        },
    )

    assert convert(content, media_types.XLSX).markdown.endswith(f"\n\n{sign} Dredged")


def test_a_sheet_that_is_missing_is_told_of(convert: Convert) -> None:
    links = workbooks.relations([("worksheet", "sheet1.xml"), ("worksheet", "gone.xml")])
    content = workbooks.workbook(RIVERS, [], parts={"xl/_rels/workbook.xml.rels": links})

    assert ("text_loss", None) in convert(content, media_types.XLSX).warnings


def test_headers_come_once_in_a_workbook_without_the_numbers_of_pages(convert: Convert) -> None:
    header = (
        '<oddHeader>&amp;L&amp;"Arial,Bold"&amp;12Water &amp;&amp; Co&amp;RPage &amp;P</oddHeader>'
    )
    behind = f"<headerFooter>{header}</headerFooter>"
    sheet = f"<worksheet {SPREADSHEET}><sheetData/>{behind}</worksheet>"
    content = workbooks.workbook(RIVERS, [], behind=behind, parts={"xl/sheet2.xml": sheet})

    converted = convert(content, media_types.XLSX)

    assert converted.markdown.endswith("\n\nWater & Co\n\n---\n\n## Sheet 2")


def test_a_formula_that_cells_share_is_shown_for_each_of_them(convert: Convert) -> None:
    first = '<c r="B1"><f t="shared" si="0" ref="B1:B2">A1*$C$1</f></c>'
    rows = [number("A1", 1) + first, number("A2", 2) + '<c r="B2"><f t="shared" si="0"/></c>']

    converted = convert(workbooks.workbook(rows), media_types.XLSX)

    assert converted.markdown.split("\n")[2:] == [
        "| 1 | =A1\\*$C$1 |",
        "| --- | --- |",
        "| 2 | =A2\\*$C$1 |",
    ]


def test_a_formula_whose_result_is_no_text_is_not_shown(convert: Convert) -> None:
    rows = [text("A1", "River") + '<c r="B1" t="str"><f>IF(A1="","",1)</f><v></v></c>']

    assert convert(workbooks.workbook(rows), media_types.XLSX).markdown == "## Sheet 1\n\nRiver"


def test_cells_far_apart_do_not_make_a_table_of_empty_ones(convert: Convert) -> None:
    names = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(400)]
    rows = [number(f"{name}{row}", row) for row, name in enumerate(names, start=1)]

    converted = convert(workbooks.workbook(rows), media_types.XLSX)

    assert converted.markdown.startswith("## Sheet 1\n\n- AA1: 1\n- AB2: 2\n")
    assert len(converted.markdown) < 40 * len(rows)


def test_more_text_than_a_sheet_may_give_is_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_limits, "PAGE_MAX_BYTES", 1_000)
    cells = [f'<c r="A{row}" t="s"><v>0</v></c>' for row in range(1, 9)]
    shared = [f"<si><t>{'long ' * 20}</t></si>"]

    convert(workbooks.workbook(cells, cells, shared=shared), media_types.XLSX)
    with pytest.raises(DocumentTooLarge, match=r"1,000 bytes"):
        convert(workbooks.workbook([*cells, *cells], shared=shared), media_types.XLSX)


@pytest.mark.parametrize("fault", ["\x0b", "</row>", "&nosuch;"])
def test_a_fault_in_the_xml_of_a_sheet_costs_what_cannot_be_read(
    convert: Convert, fault: str
) -> None:
    sheet = (
        f"<worksheet {SPREADSHEET}><sheetData><row>{text('A1', 'Otter')}</row>"
        f"<row>{text('A2', 'Mink').replace('Mink', f'Mi{fault}nk')}</row></sheetData></worksheet>"
    )
    content = workbooks.workbook([], [text("A1", "Stoat")], parts={"xl/sheet1.xml": sheet})

    converted = convert(content, media_types.XLSX)

    assert "Otter" in converted.markdown
    assert "Stoat" in converted.markdown
    assert ("text_loss", None) in converted.warnings


def test_a_comment_of_the_xml_does_not_cut_a_value(convert: Convert) -> None:
    content = workbooks.workbook(['<c r="A1"><v>12<!-- digits -->34</v></c>'])

    assert convert(content, media_types.XLSX).markdown.endswith("1234")


def test_references_with_dollar_signs_are_no_formulas(convert: Convert) -> None:
    cells = [text(f"A{row}", f"=$B${row}:$C${row},$D${row}:$E$5, sum") for row in range(1, 9)]

    converted = convert(workbooks.workbook(cells), media_types.XLSX)

    assert "=\\$B\\$1:\\$C\\$1,\\$D" in converted.markdown
    assert not converted.warnings


@pytest.mark.parametrize("is_lost", [False, True])
def test_words_of_a_long_sheet_are_counted_without_keeping_them(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    monkeypatch.setattr(xlsx, "COUNTED_ROUGHLY_CHARACTERS", 10)
    monkeypatch.setattr(accounting, "SKETCH_PIECE_CHARACTERS", 16)
    if is_lost:
        monkeypatch.setattr(xlsx, "to_markdown", lambda _: "nothing of it")
    words = [f"entry{n} of the list" for n in range(40)]

    converted = convert(
        workbooks.workbook([text(f"A{n}", word) for n, word in enumerate(words, start=1)]),
        media_types.XLSX,
    )

    assert [code for code, _ in converted.warnings] == ["text_loss"] * is_lost


def test_entities_are_not_expanded(convert: Convert) -> None:
    sheet = (
        '<!DOCTYPE worksheet [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        f'<worksheet {SPREADSHEET}><sheetData><row><c r="A1" t="str"><v>x&b;</v></c></row>'
        "</sheetData></worksheet>"
    )

    converted = convert(workbooks.workbook([], parts={"xl/sheet1.xml": sheet}), media_types.XLSX)

    assert "aa" not in converted.markdown


SURE = st.sampled_from(["amber", "birch", "cedar", "Dünn", "échelle", "fjord", "größe", "ξένος"])
CELLS = st.lists(SURE, min_size=1, max_size=3)


def _words(convert: Convert, rows: list[list[list[str]]], *, shared: bool) -> list[list[str]]:
    """Return the words of a sheet, each made unlike the others, and those of its Markdown."""
    texts: list[str] = []
    cells: list[str] = []
    said: list[str] = []
    for row, words in enumerate(rows, start=1):
        cells.append("")
        for column, some in enumerate(words):
            place = f"{chr(65 + column)}{row}"
            counted = [f"{word}{len(said) + number}" for number, word in enumerate(some)]
            said += counted
            if shared:
                cells[-1] += f'<c r="{place}" t="s"><v>{len(texts)}</v></c>'
                texts.append(f"<si><t>{' '.join(counted)}</t></si>")
            else:
                cells[-1] += text(place, " ".join(counted))
    markdown = convert(workbooks.workbook(cells, shared=texts), media_types.XLSX).markdown
    came = "".join(markdown.split("\n", 1)[1:]).replace("|", " ").replace("---", " ").split()
    return [said, came]


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(CELLS, max_size=5), min_size=1, max_size=8), shared=st.booleans())
def test_every_word_of_a_sheet_comes_once_and_in_order(
    convert: Convert, rows: list[list[list[str]]], shared: bool
) -> None:
    said, came = _words(convert, rows, shared=shared)

    assert came == said


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(CELLS | st.just([]), max_size=5), min_size=1, max_size=8))
def test_every_word_of_a_sheet_with_gaps_comes_once(
    convert: Convert, rows: list[list[list[str]]]
) -> None:
    """Tables side by side come one after the other, so the order is not that of the rows."""
    said, came = _words(convert, rows, shared=False)

    assert sorted(came) == sorted(said)


def test_a_sheet_of_more_columns_than_a_table_may_have_is_written_cell_by_cell(
    convert: Convert,
) -> None:
    letters = [column_letters(n) for n in range(1, 2_002)]
    rows = ["".join(workbooks.text(f"{c}{row}", "a") for c in letters) for row in (1, 2)]

    converted = convert(workbooks.workbook(rows), media_types.XLSX)

    assert "|" not in converted.markdown
    assert converted.markdown.endswith("- BXY2: a")


def test_a_cell_at_the_far_end_of_a_sheet_costs_no_empty_ones(convert: Convert) -> None:
    row = workbooks.text("A1", "a") + workbooks.text("XFD1048576", "z")

    assert convert(workbooks.workbook([row]), media_types.XLSX).markdown.endswith("a\n\nz")
