"""What people typed onto a page, remarked on it, signed or attached to it."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from tests.support.sample_files import pdf, scan, stream, text
from tests.unit.engines.embedded.conftest import Convert

STORY = [
    "The keeper of the tower lit the lamp at dusk,",
    "and wrote the hour into a book with a green back.",
    "In winter he lit it twice, because of the fog.",
]
PLACE = b"/Rect[72 500 372 524]/F 4"
LAYER_OFF = b"/OCProperties<</OCGs[8 0 R]/D<</OFF[8 0 R]/Order[8 0 R]>>>>"


def _drawn(words: bytes) -> bytes:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 300 24]/Resources<</Font<</F1 4 0 R>>>>"
    return stream(b"BT /F1 12 Tf 4 6 Td (%s) Tj ET" % words, form)


def _annotated(entries: bytes, *more: bytes, catalog: bytes = b"", place: bytes = PLACE) -> bytes:
    annotation = b"<</Type/Annot%s%s>>" % (place, entries)
    return pdf(text(*STORY), page=b"/Annots[8 0 R]", catalog=catalog, more=[annotation, *more])


@pytest.mark.parametrize("kind", [b"Text", b"Highlight", b"Square", b"Ink", b"Caret", b"Popup"])
def test_a_note_stands_below_its_page_with_its_author(convert: Convert, kind: bytes) -> None:
    document = _annotated(b"/Subtype/%s/T(Ada)/Contents(Which lamp, *please*?)" % kind)

    converted = convert(document, media_types.PDF)

    comment = "> Comments:\n>\n> Ada: Which lamp, \\*please\\*?"
    assert converted.markdown.endswith(f"of the fog.\n\n{comment}")
    assert converted.warnings == []


def test_an_answer_to_a_note_is_read_although_it_is_hidden(convert: Convert) -> None:
    note = b"<</Type/Annot/Subtype/Text/Rect[9 9 20 20]/F 28/Contents(Twice?)>>"
    answer = b"/Subtype/Text/IRT 9 0 R/T(Bo)/Contents(Once or\r\ntwice)"
    document = _annotated(answer, note, place=b"/Rect[9 9 20 20]/F 30")
    document = document.replace(b"/Annots[8 0 R]", b"/Annots[9 0 R 8 0 R]")

    assert convert(document, media_types.PDF).markdown.endswith(
        "> Comments:\n>\n> Twice?\n>\n> Bo: Once or  \n> twice"
    )


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        (b"/Subtype/Text/State(Accepted)/StateModel(Review)/Contents(Accepted set by A.)", PLACE),
        (b"/Subtype/Link/Contents(Go to the next page)", PLACE),
        (b"/Subtype/Text/Contents(Never shown)", b"/Rect[9 9 20 20]/F 2"),
        (b"/Subtype/Highlight/Contents(the lamp)", b"/Rect[60 770 500 800]/F 4"),
    ],
)
def test_what_is_no_remark_is_no_comment(convert: Convert, entries: bytes, place: bytes) -> None:
    document = _annotated(entries, place=place)

    assert "Comments" not in convert(document, media_types.PDF).markdown


def test_typed_text_without_a_drawing_is_read_even_if_the_page_has_its_words(
    convert: Convert,
) -> None:
    converted = convert(_annotated(b"/Subtype/FreeText/Contents(the lamp)"), media_types.PDF)

    assert converted.markdown.endswith("of the fog.\n\nthe lamp")


def test_typed_text_that_is_only_kept_with_its_styles_is_read(convert: Convert) -> None:
    styled = b'<?xml version="1.0"?><body><p>Rope &amp; tar</p><p>paid</p></body>'

    converted = convert(_annotated(b"/Subtype/FreeText/RC(%s)" % styled), media_types.PDF)

    assert converted.markdown.endswith("Rope & tar  \npaid")


def test_text_typed_onto_a_scan_stands_beside_what_is_recognised(convert: Convert) -> None:
    annotation = b"<</Type/Annot/Subtype/FreeText/Rect[72 500 372 524]/Contents(%s)>>" % (
        b"Paid by the harbour office. " * 10
    )
    content = b"q 595 0 0 842 0 0 cm /I1 Do Q"
    document = pdf(content, image=scan(STORY), page=b"/Annots[8 0 R]", more=[annotation])

    converted = convert(document, media_types.PDF)

    assert "Paid by the harbour office." in converted.markdown
    assert "lit the lamp at dusk" in converted.markdown


@pytest.mark.parametrize(
    "field",
    [
        b"/Subtype/Widget/FT/Sig/T(sig)",
        b"/Subtype/Widget/FT/Tx/T(name)/V(Signed by Ada)",
    ],
)
def test_a_signature_or_a_field_without_a_form_is_read(convert: Convert, field: bytes) -> None:
    document = _annotated(field + b"/AP<</N 9 0 R>>", _drawn(b"Signed by Ada"))

    assert convert(document, media_types.PDF).markdown.count("Signed by Ada") == 1


def test_a_signature_is_read_on_a_page_with_hidden_parts(convert: Convert) -> None:
    content = text(*STORY) + b"/OC /L1 BDC\n" + text("A draft remark", top=400) + b"EMC\n"
    document = pdf(
        content,
        catalog=LAYER_OFF + b"/AcroForm<</Fields[9 0 R]/SigFlags 3>>",
        page=b"/Annots[9 0 R]",
        resources=b"/Properties<</L1 8 0 R>>",
        more=[
            b"<</Type/OCG/Name(Remarks)>>",
            b"<</Type/Annot/Subtype/Widget/FT/Sig/T(s)%s/AP<</N 10 0 R>>>>" % PLACE,
            _drawn(b"Signed by Ada"),
        ],
    )

    converted = convert(document, media_types.PDF)

    assert "Signed by Ada" in converted.markdown
    assert "draft" not in converted.markdown


def test_fields_of_the_same_label_and_value_are_all_listed(convert: Convert) -> None:
    fields = [
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(%d)/TU(Ropes)/V(7)/Rect[72 %d 99 %d]/F 4>>"
        % (number, number * 100, number * 100 + 20)
        for number in (1, 2)
    ]
    catalog = b"/AcroForm<</Fields[8 0 R 9 0 R]>>"
    document = pdf(text(*STORY), page=b"/Annots[8 0 R 9 0 R]", catalog=catalog, more=fields)

    assert convert(document, media_types.PDF).markdown.endswith("- Ropes: 7\n- Ropes: 7")


def test_a_password_is_shown_as_dots(convert: Convert) -> None:
    field = b"/Subtype/Widget/FT/Tx/Ff 8192/T(word)/V(foghorn)"
    document = _annotated(field, catalog=b"/AcroForm<</Fields[8 0 R]>>")

    assert convert(document, media_types.PDF).markdown.endswith("- word: •••••••")


def test_a_file_that_is_pinned_to_a_page_is_named(convert: Convert) -> None:
    file = b"<</Type/Filespec/F(prices.txt)/UF(prices.txt)/EF<</F 10 0 R>>>>"
    document = _annotated(
        b"/Subtype/FileAttachment/FS 9 0 R", file, stream(b"Rope 12", b"/Type/EmbeddedFile")
    )

    (warning,) = convert(document, media_types.PDF).pages[0].warnings
    assert (warning.code, warning.page) == ("text_loss", 1)
    assert "prices.txt" in warning.message


def test_a_part_of_a_drawing_is_hidden_with_its_layer(convert: Convert) -> None:
    drawing = (
        text("A shown part", top=500)
        + b"/OC /L1 BDC\n"
        + text("A draft remark", top=480)
        + b"EMC\n"
        + text("Another shown part", top=460)
    )
    form = (
        b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
        b"/Resources<</Font<</F1 4 0 R>>/Properties<</L1 8 0 R>>>>"
    )
    document = pdf(
        text(*STORY) + b"q 1 0 0 1 0 -9 cm /X1 Do Q",
        catalog=LAYER_OFF,
        resources=b"/XObject<</X1 9 0 R>>",
        more=[b"<</Type/OCG/Name(Remarks)>>", stream(drawing, form)],
    ).replace(
        b"/XObject<</I1 5 0 R>>/XObject<</X1 9 0 R>>",
        b"/XObject<</I1 5 0 R/X1 9 0 R>>   " + b" " * 8,
    )

    converted = convert(document, media_types.PDF)

    assert "A shown part" in converted.markdown
    assert "Another shown part" in converted.markdown
    assert "draft" not in converted.markdown
    assert converted.warnings == []
