"""OpenDocument texts: headings, lists, tables, shapes, formulas."""

from __future__ import annotations

from ilios.engines.detection import media_types
from tests.support.sample_files import archive
from tests.unit.engines.embedded.conftest import Convert

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMES = " ".join(
    f'xmlns:{prefix}="{OASIS}:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
    }.items()
)
LINKS = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'


def odt(body: str, **parts: str) -> bytes:
    content = (
        f"<office:document-content {NAMES} {LINKS}><office:body><office:text>{body}"
        "</office:text></office:body></office:document-content>"
    )
    return archive({"content.xml": content, **{f"{k}/content.xml": v for k, v in parts.items()}})


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
    document = odt(f"<text:list><text:list-item>{nested}</text:list-item></text:list>")

    assert convert(document, media_types.ODT).markdown == "## Numbered"


def test_the_text_of_shapes_is_kept_apart_from_what_stands_beside(convert: Convert) -> None:
    shape = "<draw:custom-shape><text:p>{}</text:p></draw:custom-shape>"
    group = f"<draw:g>{shape.format('Left')}{shape.format('Right')}</draw:g>"
    document = odt(f"{group}<text:p>{shape.format('Inside')}Beside</text:p>")

    assert convert(document, media_types.ODT).markdown == "Left Right\n\nInside Beside"


def test_a_box_in_a_box_is_written_once(convert: Convert) -> None:
    box = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    document = odt(f"<text:p>{box.format('outer ' + box.format('inner'))}</text:p>")

    assert convert(document, media_types.ODT).markdown == "outer inner"


def test_a_bibliography_is_part_of_the_text(convert: Convert) -> None:
    index = "<text:index-body><text:p>Knuth 1984</text:p></text:index-body>"
    document = odt(f"<text:p>Text</text:p><text:bibliography>{index}</text:bibliography>")

    assert convert(document, media_types.ODT).markdown == "Text\n\nKnuth 1984"


def test_an_embedded_formula_is_written_in_one_line(convert: Convert) -> None:
    formula = (
        f"<math {MATH}><semantics><mrow><mi>E</mi><mo>=</mo><mfrac><mi>a</mi><msqrt><mi>b</mi>"
        "</msqrt></mfrac><msup><mi>c</mi><mn>2</mn></msup></mrow>"
        '<annotation encoding="StarMath 5.0">E = a over b</annotation></semantics></math>'
    )
    frame = '<draw:frame><draw:object xlink:href="./Formula"/></draw:frame>'

    converted = convert(
        odt(f"<text:p>So {frame} holds.</text:p>", Formula=formula), media_types.ODT
    )

    assert converted.markdown == "So E=(a)/(√(b))c^(2) holds."
