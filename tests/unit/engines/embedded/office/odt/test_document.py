"""OpenDocument texts: headings, lists, tables, shapes, formulas."""

from __future__ import annotations

import base64

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.office.odt import blocks, tables
from tests.support.sample_files import archive, encoded, noise
from tests.unit.engines.embedded.conftest import Convert

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMES = " ".join(
    f'xmlns:{prefix}="{OASIS}:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
        "svg": "svg-compatible",
        "form": "form",
        "chart": "chart",
    }.items()
)
NAMES += ' xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"'
LINKS = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
CREATOR = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'


def document_of(body: str, styles: str = "", pages: str = "", **parts: str) -> bytes:
    """Return a document; `styles` are its automatic ones, `pages` its kinds of pages."""
    content = (
        f"<office:document-content {NAMES} {LINKS}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:text>{body}"
        "</office:text></office:body></office:document-content>"
    )
    named = (
        f"<office:document-styles {NAMES}><office:master-styles>{pages}</office:master-styles>"
        "</office:document-styles>"
    )
    objects = {f"{name}/content.xml": part for name, part in parts.items()}
    return archive({"content.xml": content, "styles.xml": named, **objects})


def paragraph(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def text_style(name: str, properties: str, family: str = "text") -> str:
    return (
        f'<style:style style:name="{name}" style:family="{family}">'
        f"<style:text-properties {properties}/></style:style>"
    )


def embedded(kind: str, content: str) -> str:
    return (
        f"<office:document-content {NAMES}><office:body><office:{kind}>{content}</office:{kind}>"
        "</office:body></office:document-content>"
    )


def row(*cells: str) -> str:
    written = "".join(f"<table:table-cell>{paragraph(c)}</table:table-cell>" for c in cells)
    return f"<table:table-row>{written}</table:table-row>"


CONTROL = '<draw:control draw:control="c"/>'
OBJECT = '<draw:frame><draw:object xlink:href="./Thing"/></draw:frame>'


def test_an_opendocument_text_keeps_headings_lists_and_tables(convert: Convert) -> None:
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
        for prefix in ("office", "text", "table")
    )
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{cell.format(a)}{cell.format(b)}</table:table-row>"
        for a, b in ("ab", "cd")
    )
    content = (
        f"<office:document-content {names}><office:body><office:text>"
        '<text:h text:outline-level="2">Head</text:h><text:p>Some<text:s/>text</text:p>'
        "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>"
        f"<table:table>{rows}</table:table></office:text></office:body></office:document-content>"
    )

    assert convert(archive({"content.xml": content}), media_types.ODT).markdown.split("\n\n") == [
        "## Head",
        "Some text",
        "- item",
        "| a | b |\n| --- | --- |\n| c | d |",
    ]


def test_a_heading_that_a_list_numbers_stays_a_heading(convert: Convert) -> None:
    heading = '<text:h text:outline-level="2">Numbered</text:h>'
    nested = f"<text:list><text:list-item>{heading}</text:list-item></text:list>"
    document = document_of(f"<text:list><text:list-item>{nested}</text:list-item></text:list>")

    assert convert(document, media_types.ODT).markdown == "## Numbered"


def test_the_text_of_shapes_is_kept_apart_from_what_stands_beside(convert: Convert) -> None:
    shape = "<draw:custom-shape><text:p>{}</text:p></draw:custom-shape>"
    group = f"<draw:g>{shape.format('Left')}{shape.format('Right')}</draw:g>"
    document = document_of(f"{group}<text:p>{shape.format('Inside')}Beside</text:p>")

    assert convert(document, media_types.ODT).markdown == "Left Right\n\nInside Beside"


def test_a_box_in_a_box_is_written_once(convert: Convert) -> None:
    box = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    document = document_of(f"<text:p>{box.format('outer ' + box.format('inner'))}</text:p>")

    assert convert(document, media_types.ODT).markdown == "outer inner"


def test_a_bibliography_is_part_of_the_text(convert: Convert) -> None:
    index = "<text:index-body><text:p>Knuth 1984</text:p></text:index-body>"
    document = document_of(f"<text:p>Text</text:p><text:bibliography>{index}</text:bibliography>")

    assert convert(document, media_types.ODT).markdown == "Text\n\nKnuth 1984"


def test_an_embedded_formula_is_written_in_its_sentence(convert: Convert) -> None:
    formula = (
        f"<math {MATH}><semantics><mrow><mi>E</mi><mo>=</mo><mfrac><mi>a</mi><msqrt><mi>b</mi>"
        "</msqrt></mfrac><msup><mi>c</mi><mn>2</mn></msup></mrow>"
        '<annotation encoding="StarMath 5.0">E = a over b</annotation></semantics></math>'
    )
    frame = '<draw:frame><draw:object xlink:href="./Formula"/></draw:frame>'

    converted = convert(
        document_of(f"<text:p>So {frame} holds.</text:p>", Formula=formula), media_types.ODT
    )

    assert converted.markdown == r"So $E=\frac{a}{\sqrt{b}}c^{2}$ holds."


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("super 58%", "m²"),
        ("33% 58%", "m²"),
        ("sub 58%", "m₂"),
        ("-33% 58%", "m₂"),
        ("0% 100%", "m2"),
    ],
)
def test_raised_and_lowered_text_stays_so(convert: Convert, position: str, expected: str) -> None:
    style = text_style("T1", f'style:text-position="{position}"')
    document = document_of(paragraph('m<text:span text:style-name="T1">2</text:span>'), style)

    assert convert(document, media_types.ODT).markdown == expected


def test_a_style_inherits_from_the_one_it_is_based_on(convert: Convert) -> None:
    styles = text_style("Loud", 'fo:font-weight="bold"') + (
        '<style:style style:name="T1" style:family="text" style:parent-style-name="Loud"/>'
    )
    document = document_of(paragraph('so <text:span text:style-name="T1">loud</text:span>'), styles)

    assert convert(document, media_types.ODT).markdown == "so **loud**"


def test_hidden_text_is_left_out(convert: Convert) -> None:
    styles = text_style("T1", 'text:display="none"') + text_style(
        "P1", 'text:display="none"', family="paragraph"
    )
    document = document_of(
        '<text:p>Shown<text:span text:style-name="T1"> secret</text:span></text:p>'
        '<text:p text:style-name="P1">secret</text:p>'
        '<text:p>secret<text:hidden-paragraph text:is-hidden="true"/></text:p>'
        '<text:p>and <text:hidden-text text:is-hidden="true">secret</text:hidden-text>more</text:p>'
        f'<text:section text:display="none">{paragraph("secret")}</text:section>'
        '<text:section text:display="condition" text:is-hidden="true">'
        f"{paragraph('secret')}</text:section>"
        f'<text:section text:display="condition">{paragraph("a section")}</text:section>',
        styles,
    )

    converted = convert(document, media_types.ODT)

    assert converted.markdown == "Shown\n\nand more\n\na section"
    assert converted.warnings == []


def test_headers_and_footers_come_once_each(convert: Convert) -> None:
    page = (
        '<style:master-page style:name="{}"><style:header><text:p>Contract 55-18</text:p>'
        "</style:header><style:footer><text:p>{}<text:page-number>4</text:page-number></text:p>"
        "</style:footer></style:master-page>"
    )
    pages = page.format("Standard", "Drawn up in Bern, ") + page.format("Unused", "Never seen ")

    assert convert(document_of(paragraph("Body"), pages=pages), media_types.ODT).markdown.split(
        "\n\n"
    ) == [
        "Contract 55-18",
        "Body",
        "Drawn up in Bern,",
    ]


def test_a_document_with_text_in_its_header_only_is_not_empty(convert: Convert) -> None:
    header = f"<style:header>{paragraph('Letterhead')}</style:header>"
    page = f'<style:master-page style:name="First">{header}</style:master-page>'

    assert convert(document_of("<text:p/>", pages=page), media_types.ODT).markdown == "Letterhead"


def test_comments_are_notes_that_name_their_authors(convert: Convert) -> None:
    comment = (
        f"<office:annotation><dc:creator {CREATOR}>Ann B.</dc:creator>"
        f"{paragraph('Too dear?')}</office:annotation>"
    )
    note = f"<text:note><text:note-body>{paragraph('net')}</text:note-body></text:note>"

    converted = convert(
        document_of(paragraph(f"Price{comment} 900{note}") + paragraph("End")), media_types.ODT
    )

    assert converted.markdown.split("\n\n") == [
        "Price[^comment-1] 900[^1]",
        "End",
        "[^1]: net &nbsp;",
        "[^comment-1]: Comment by Ann B: Too dear?",
    ]


@pytest.mark.parametrize("font", ['style:font-name="Symbol1"', 'fo:font-family="Symbol"'])
def test_letters_of_a_symbol_font_are_signs(convert: Convert, font: str) -> None:
    style = text_style("T1", font)
    document = document_of(
        paragraph('2 <text:span text:style-name="T1">\uf0b1</text:span> 1'), style
    )

    assert convert(document, media_types.ODT).markdown == "2 ± 1"


def test_a_small_decoration_is_no_loss(convert: Convert) -> None:
    dot = '<draw:frame><draw:image xlink:href="Pictures/1.png"/></draw:frame>'
    content = f"<office:document-content {NAMES} {LINKS}><office:body><office:text>"
    content += f"<text:p>Text{dot}</text:p></office:text></office:body></office:document-content>"

    converted = convert(
        archive({"content.xml": content, "Pictures/1.png": encoded(noise(2, 2), "PNG")}),
        media_types.ODT,
    )

    assert (converted.markdown, converted.warnings) == ("Text", [])


def test_a_chart_is_the_table_of_its_numbers_below_its_titles(convert: Convert) -> None:
    chart = embedded(
        "chart",
        f"<chart:chart><chart:title>{paragraph('Rain')}</chart:title><chart:plot-area><chart:axis>"
        f"<chart:title>{paragraph('in mm')}</chart:title></chart:axis></chart:plot-area>"
        f"<table:table>{row('', 'May')}{row('Oslo', '54')}</table:table></chart:chart>",
    )

    converted = convert(document_of(paragraph(f"See {OBJECT}"), Thing=chart), media_types.ODT)

    assert converted.markdown.split("\n\n") == [
        "See",
        "Rain",
        "in mm",
        "|  | May |\n| --- | --- |\n| Oslo | 54 |",
    ]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (
            "spreadsheet",
            f"<table:table>{row('ash', '12')}</table:table>",
            "| ash | 12 |\n| --- | --- |",
        ),
        ("text", "<text:h>Inside</text:h>", "# Inside"),
        (
            "drawing",
            f"<draw:page><draw:rect>{paragraph('in a box')}</draw:rect></draw:page>",
            "in a box",
        ),
    ],
)
def test_the_text_of_an_embedded_document_is_kept(
    convert: Convert, kind: str, content: str, expected: str
) -> None:
    document = document_of(paragraph(f"See {OBJECT}"), Thing=embedded(kind, content))

    assert convert(document, media_types.ODT).markdown == f"See\n\n{expected}"


def test_an_object_that_holds_itself_is_written_once(convert: Convert) -> None:
    inside = embedded("text", paragraph(f"again {OBJECT}")).replace(NAMES, f"{NAMES} {LINKS}")

    converted = convert(document_of(paragraph(f"See {OBJECT}"), Thing=inside), media_types.ODT)

    assert converted.markdown == "See\n\nagain"


def test_the_reading_of_a_word_stands_in_brackets(convert: Convert) -> None:
    reading = "<text:ruby-text>とうきょう</text:ruby-text>"
    ruby = f"<text:ruby><text:ruby-base>東京</text:ruby-base>{reading}</text:ruby>"

    assert (
        convert(document_of(paragraph(f"{ruby}へ")), media_types.ODT).markdown
        == "東京(とうきょう)へ"
    )


def test_a_note_keeps_its_list_and_its_table(convert: Convert) -> None:
    body = (
        f"{paragraph('Namely')}<text:list><text:list-item>{paragraph('oak')}</text:list-item>"
        f"</text:list><table:table>{row('a', 'b')}</table:table>"
    )
    note = f"<text:note><text:note-body>{body}</text:note-body></text:note>"

    assert convert(document_of(paragraph(f"Trees{note}")), media_types.ODT).markdown == (
        "Trees[^1]\n\n[^1]: Namely\n\n    - oak\n\n    | a | b |\n    | --- | --- |"
    )


def test_lists_and_tables_in_a_box_follow_the_paragraph(convert: Convert) -> None:
    items = f"<text:list><text:list-item>{paragraph('bread')}</text:list-item></text:list>"
    box = f"<draw:frame><draw:text-box>{paragraph('Buy')}{items}</draw:text-box></draw:frame>"
    shape = f"<draw:rect>{items.replace('bread', 'milk')}</draw:rect>"

    assert convert(document_of(paragraph(f"{box}Beside{shape}")), media_types.ODT).markdown == (
        "Beside\n\nBuy\n\n- bread\n- milk"
    )


def test_the_field_of_a_title_is_text_and_the_title_of_a_shape_is_not(convert: Convert) -> None:
    shape = f"<draw:rect><svg:title>Box 7</svg:title>{paragraph('in it')}</draw:rect>"
    document = document_of(paragraph(f"On <text:title>Bees</text:title>{shape}"))

    assert convert(document, media_types.ODT).markdown == "On Bees in it"


def test_a_picture_that_is_not_kept_leaves_its_description_and_a_warning(convert: Convert) -> None:
    frame = (
        '<draw:frame><draw:image xlink:href="Pictures/1.emf"/><svg:desc>Plan of the yard</svg:desc>'
        "</draw:frame>"
    )

    converted = convert(document_of(paragraph(f"Here: {frame}")), media_types.ODT)

    assert converted.markdown == "Here: Plan of the yard"
    assert [warning.message for warning in converted.pages[0].warnings] == [
        "A picture of type EMF was left out."
    ]


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (
            '<form:checkbox form:id="c" form:label="Urgent" form:current-state="checked"/>',
            "☒ Urgent",
        ),
        ('<form:radio form:id="c" form:label="By post"/>', "☐ By post"),
        ('<form:text form:id="c" form:value="Ann" form:current-value="Bo"/>', "Bo"),
        (
            '<form:listbox form:id="c"><form:option form:label="red"/>'
            '<form:option form:label="blue" form:current-selected="true"/></form:listbox>',
            "blue",
        ),
        ('<form:password form:id="c" form:value="secret"/>', ""),
    ],
)
def test_what_a_form_shows_is_text(convert: Convert, control: str, expected: str) -> None:
    forms = f"<office:forms><form:form>{control}</form:form></office:forms>"
    document = document_of(f"{forms}{paragraph('It is ' + CONTROL)}")

    assert convert(document, media_types.ODT).markdown == f"It is {expected}".strip()


def test_a_cell_without_a_paragraph_shows_its_value(convert: Convert) -> None:
    cell = '<table:table-cell office:value-type="float" office:value="7"{}</table:table-cell>'
    cells = cell.format(">") + cell.format("><text:p/>") + cell.format(f">{paragraph('seven')}")
    document = document_of(f"<table:table><table:table-row>{cells}</table:table-row></table:table>")

    assert convert(document, media_types.ODT).markdown == "| 7 | seven |\n| --- | --- |"


def test_repeated_cells_are_written_within_bounds(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "REPEATED_MAX_CHARACTERS", 30)
    repeated = row("abcd").replace("cell>", 'cell table:number-columns-repeated="150">', 1)
    document = document_of(f"<table:table>{repeated}</table:table>")

    converted = convert(document, media_types.ODT)

    assert converted.markdown.count("abcd") == 7
    assert converted.warnings == [("truncated_table", 1)]


def test_a_flat_document_is_read_with_its_pictures(convert: Convert) -> None:
    picture = base64.b64encode(encoded(noise(40, 40), "PNG")).decode()
    flat = (
        f"<office:document {NAMES}><office:master-styles><style:master-page style:name='Standard'>"
        f"<style:footer>{paragraph('Below')}</style:footer></style:master-page>"
        "</office:master-styles><office:body><office:text><text:p>Flat<draw:frame><draw:image>"
        f"<office:binary-data>{picture}</office:binary-data></draw:image></draw:frame></text:p>"
        "</office:text></office:body></office:document>"
    )

    converted = convert(flat.encode(), media_types.ODT)

    assert converted.markdown == "Flat ![](image-picture.png)\n\nBelow"
    assert converted.image_names == ["image-picture.png"]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("styles.xml", ["text_loss"]),
        ("Thing/content.xml", ["text_loss"]),
        ("META-INF/manifest.xml", []),
    ],
)
def test_a_damaged_part_beside_the_text_costs_that_part_only(
    convert: Convert, part: str, told: list[str]
) -> None:
    inside = OBJECT if part.startswith("Thing") else ""
    content = f"<office:document-content {NAMES} {LINKS}><office:body><office:text>"
    content += (
        f"<text:p>Text{inside}</text:p></office:text></office:body></office:document-content>"
    )

    converted = convert(archive({"content.xml": content, part: "<a><b></a>"}), media_types.ODT)

    assert converted.markdown == "Text"
    assert [code for code, _ in converted.warnings] == told


def test_an_object_that_cannot_be_read_is_told(convert: Convert) -> None:
    frame = '<draw:frame draw:name="Plan"><draw:object-ole xlink:href="./Plan"/></draw:frame>'

    converted = convert(document_of(paragraph(f"Text{frame}")), media_types.ODT)

    assert [warning.message for warning in converted.pages[0].warnings] == [
        'The embedded document "Plan" could not be read; its text is missing.'
    ]


def test_text_that_cannot_be_written_is_told(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_CONTAINERS", frozenset())
    words = paragraph("every word of this part is lost")

    converted = convert(
        document_of(f"{paragraph('Kept')}<text:section>{words}</text:section>"), media_types.ODT
    )

    assert converted.warnings == [("text_loss", None)]


def test_a_box_beside_a_paragraph_comes_behind_it_and_tears_no_sentence(convert: Convert) -> None:
    heading = '<text:h text:outline-level="2">Opening hours</text:h>'
    box = (
        '<draw:frame text:anchor-type="char"><draw:text-box>'
        f"{heading}{paragraph('From nine')}</draw:text-box></draw:frame>"
    )

    markdown = convert(document_of(paragraph(f"We are {box}glad.")), media_types.ODT).markdown

    assert markdown == "We are glad.\n\n## Opening hours\n\nFrom nine"


def test_a_box_in_a_cell_stays_in_its_cell(convert: Convert) -> None:
    box = f"<draw:text-box>{paragraph('inside')}</draw:text-box>"
    floating = f'<draw:frame text:anchor-type="paragraph">{box}</draw:frame>'
    cells = "".join(
        f"<table:table-cell>{paragraph(text)}</table:table-cell>" for text in (floating, "right")
    )
    table = f"<table:table><table:table-row>{cells}</table:table-row></table:table>"

    assert "| inside | right |" in convert(document_of(table), media_types.ODT).markdown


def test_a_table_of_one_cell_is_a_frame_around_its_content(convert: Convert) -> None:
    inside = (
        '<text:h text:outline-level="1">Rules</text:h><text:list><text:list-item>'
        f"{paragraph('No noise')}</text:list-item></text:list>{paragraph('Thanks')}"
    )
    cell = f"<table:table-cell>{inside}</table:table-cell>"
    table = f"<table:table><table:table-row>{cell}</table:table-row></table:table>"

    markdown = convert(document_of(table), media_types.ODT).markdown

    assert markdown == "# Rules\n\n- No noise\n\nThanks"


@pytest.mark.parametrize(
    ("footer", "shown"),
    [
        ("Page {} of {}", ""),
        ("- {} -", ""),
        ("第 {} 页 共 {} 页", ""),
        ("Acme, page {}", "\n\nAcme, page"),
        ("Contract of lease 7, page {}", "\n\nContract of lease 7, page"),
    ],
)
def test_a_footer_that_only_counts_pages_is_left_out(
    convert: Convert, footer: str, shown: str
) -> None:
    fields = "<text:page-number>3</text:page-number>", "<text:page-count>9</text:page-count>"
    pages = (
        '<style:master-page style:name="Standard"><style:footer>'
        f"{paragraph(footer.format(*fields))}</style:footer></style:master-page>"
    )

    found = convert(document_of(paragraph("Body"), pages=pages), media_types.ODT).markdown

    assert found == f"Body{shown}"


def test_what_is_drawn_beside_an_item_stays_in_its_item(convert: Convert) -> None:
    shapes = "".join(f"<draw:custom-shape>{paragraph(t)}</draw:custom-shape>" for t in "xy")
    group = f'<draw:g text:anchor-type="paragraph">{shapes}</draw:g>'
    items = f"<text:list-item>{paragraph(group + 'saw')}</text:list-item>"
    items += f"<text:list-item>{paragraph('plane')}</text:list-item>"

    markdown = convert(document_of(f"<text:list>{items}</text:list>"), media_types.ODT).markdown

    assert markdown == "- saw\n\n    x\n\n    y\n\n- plane"


def test_text_in_symbol_fonts_is_not_taken_for_lost(convert: Convert) -> None:
    style = text_style("T", 'style:font-name="Symbol"')
    span = '<text:span text:style-name="T">alfa beta <text:s/>gamma delta</text:span>'

    converted = convert(document_of(paragraph(span), style), media_types.ODT)

    assert converted.markdown == "αλφα βετα γαμμα δελτα"
    assert not converted.warnings
