"""What a page shows beyond its own text, and what it holds without showing it."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines.detection import media_types
from tests.support.sample_files import pdf, stream, text
from tests.unit.engines.embedded.conftest import Convert

STORY = [
    "The keeper of the tower lit the lamp at dusk,",
    "and wrote the hour into a book with a green back.",
    "In winter he lit it twice, because of the fog.",
]
LAYER_OFF = b"/OCProperties<</OCGs[8 0 R]/D<</OFF[8 0 R]/Order[8 0 R]>>>>"
LAYER_ON = b"/OCProperties<</OCGs[8 0 R]/D<</Order[8 0 R]>>>>"
LAYER = b"<</Type/OCG/Name(Remarks)>>"


def _drawn(words: bytes, entries: bytes = b"") -> bytes:
    drawing = b"BT /F1 12 Tf 4 6 Td (%s) Tj ET" % words
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 300 24]/Resources<</Font<</F1 4 0 R>>>>"
    return stream(drawing, form + entries)


@pytest.mark.parametrize("kind", [b"FreeText", b"Stamp", b"Square"])
def test_an_annotation_that_draws_text_is_read_once(convert: Convert, kind: bytes) -> None:
    annotation = (
        b"<</Type/Annot/Subtype/%s/Rect[72 500 372 524]/F 4/AP<</N 9 0 R>>"
        b"/Contents(Seen by the harbour office)>>" % kind
    )
    document = pdf(
        text(*STORY),
        page=b"/Annots[8 0 R]",
        more=[annotation, _drawn(b"Seen by the harbour office")],
    )

    converted = convert(document, media_types.PDF)

    assert converted.markdown.count("Seen by the harbour office") == 1
    assert converted.markdown.index("because of the fog") < converted.markdown.index("Seen by")
    assert converted.warnings == []


def test_typed_text_without_an_appearance_is_read(convert: Convert) -> None:
    annotation = b"<</Type/Annot/Subtype/FreeText/Rect[72 500 372 524]/Contents(Typed answer)>>"

    converted = convert(pdf(b"", page=b"/Annots[8 0 R]", more=[annotation]), media_types.PDF)

    assert converted.markdown == "Typed answer"
    assert converted.warnings == []


def test_an_annotation_that_is_hidden_is_not_read(convert: Convert) -> None:
    annotation = b"<</Type/Annot/Subtype/Stamp/Rect[72 500 372 524]/F 2/AP<</N 9 0 R>>>>"
    document = pdf(text(*STORY), page=b"/Annots[8 0 R]", more=[annotation, _drawn(b"Withdrawn")])

    assert "Withdrawn" not in convert(document, media_types.PDF).markdown


@pytest.mark.parametrize(("catalog", "shown"), [(LAYER_OFF, False), (LAYER_ON, True)])
def test_text_of_a_layer_is_read_if_the_layer_is_on(
    convert: Convert, catalog: bytes, *, shown: bool
) -> None:
    content = text(*STORY) + b"/OC /L1 BDC\n" + text("A draft remark", top=500) + b"EMC\n"
    document = pdf(content, catalog=catalog, resources=b"/Properties<</L1 8 0 R>>", more=[LAYER])

    converted = convert(document, media_types.PDF)

    assert ("A draft remark" in converted.markdown) is shown
    assert "because of the fog" in converted.markdown
    assert converted.warnings == []


@pytest.mark.parametrize(("catalog", "shown"), [(LAYER_OFF, False), (LAYER_ON, True)])
def test_a_drawing_in_a_layer_is_read_if_the_layer_is_on(
    convert: Convert, catalog: bytes, *, shown: bool
) -> None:
    annotation = b"<</Type/OCG/Name(Remarks)>>"
    document = pdf(
        text(*STORY) + b"q 1 0 0 1 72 500 cm /X1 Do Q",
        catalog=catalog,
        resources=b"/XObject<</X1 9 0 R>>",
        more=[annotation, _drawn(b"A draft remark", b"/OC 8 0 R")],
    ).replace(
        b"/XObject<</I1 5 0 R>>/XObject<</X1 9 0 R>>",
        b"/XObject<</I1 5 0 R/X1 9 0 R>>   " + b" " * 8,
    )

    assert ("A draft remark" in convert(document, media_types.PDF).markdown) is shown


def test_a_page_that_cannot_be_loaded_costs_only_itself(convert: Convert) -> None:
    document = pdf(text("First page"), text("Second page"), text("Third page"))
    document = document.replace(b"/Kids[6 0 R 8 0 R 10 0 R]", b"/Kids[6 0 R 99 0 R 10 0 R]")

    converted = convert(document, media_types.PDF)

    assert [page.markdown for page in converted.pages] == ["First page", "", "Third page"]
    assert converted.warnings == [("text_loss", 2)]


def test_a_document_without_a_readable_page_is_corrupt(convert: Convert) -> None:
    document = pdf(text("Only page")).replace(b"/Kids[6 0 R]", b"/Kids[99 0 R]")

    with pytest.raises(CorruptDocument):
        convert(document, media_types.PDF)


def test_files_that_a_document_holds_are_named(convert: Convert) -> None:
    files = [
        b"<</Type/Filespec/F(prices.txt)/UF(prices.txt)/EF<</F 9 0 R>>>>",
        stream(b"Rope 12, lamp 40", b"/Type/EmbeddedFile"),
    ]
    catalog = b"/Collection<</View/D>>/Names<</EmbeddedFiles<</Names[(prices.txt) 8 0 R]>>>>"

    converted = convert(pdf(text("See the files."), catalog=catalog, more=files), media_types.PDF)

    (warning,) = converted.pages[0].warnings
    assert warning.code == "text_loss"
    assert "prices.txt" in warning.message


def test_an_xfa_form_shows_choices_ticks_and_styled_text(convert: Convert) -> None:
    template = (
        b'<template xmlns="http://www.xfa.org/schema/xfa-template/3.0/"><subform>'
        b'<field name="port"><items><text>Old Quay</text><text>New Quay</text></items>'
        b'<items save="1"><text>OQ</text><text>NQ</text></items></field>'
        b'<field name="paid"><ui><checkButton/></ui></field>'
        b'<field name="late"><ui><checkButton/></ui></field><field name="remark"/>'
        b'<draw><value><exData><body xmlns="http://www.w3.org/1999/xhtml"><p>Sign <b>h</b>ere</p>'
        b"<p>and there</p></body></exData></value></draw></subform></template>"
    )
    data = (
        b'<d:datasets xmlns:d="http://www.xfa.org/schema/xfa-data/1.0/"><d:data><f><port>NQ</port>'
        b'<paid>1</paid><late>0</late><remark><body xmlns="http://www.w3.org/1999/xhtml"><p>Two'
        b" <i>red</i> boats</p></body></remark><port>OQ</port></f></d:data></d:datasets>"
    )
    catalog = b"/AcroForm<</XFA[(template) 8 0 R(datasets) 9 0 R]>>/NeedsRendering true"
    document = pdf(text("Please wait..."), catalog=catalog, more=[stream(template), stream(data)])

    assert convert(document, media_types.PDF).markdown.split("\n\n")[1:] == [
        "- port: New Quay\n- paid: ☒\n- remark: Two red boats",
        "Sign here and there",
        "- port: OQ",
    ]


@pytest.mark.parametrize("rendering", [b"/NeedsRendering true", b""])
def test_an_xfa_form_gives_its_texts_and_values(convert: Convert, rendering: bytes) -> None:
    packets = (
        b'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">'
        b'<template xmlns="http://www.xfa.org/schema/xfa-template/3.0/"><subform name="s">'
        b"<draw><value><text>Order of lamps</text></value></draw>"
        b'<field name="who"><caption><value><text>Ordered by</text></value></caption></field>'
        b'<field name="secret" presence="hidden"><value><text>X7</text></value></field>'
        b'</subform></template><d:datasets xmlns:d="http://www.xfa.org/schema/xfa-data/1.0/">'
        b"<d:data><s><who>Ines Roth</who><count>12</count></s></d:data></d:datasets></xdp:xdp>"
    )
    document = pdf(
        text("Please wait..."),
        catalog=b"/AcroForm<</XFA 8 0 R/Fields[]>>" + rendering,
        more=[stream(packets)],
    )

    converted = convert(document, media_types.PDF)

    assert converted.markdown.split("\n\n")[1:] == [
        "Order of lamps",
        "- Ordered by: Ines Roth\n- count: 12",
    ]
    assert converted.warnings == [("text_loss", None)]
