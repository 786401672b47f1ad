"""Groups of RTF that are no plain text: headers, fields, comments, shapes, pictures."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ilios.core.conversion_errors import EmptyDocument
from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert


def rtf(body: str) -> bytes:
    return (r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}" + body + "}").encode("latin-1")


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"{\b0\*\cs3 The ferry leaves at nine.}", "The ferry leaves at nine."),
        (r"{\*\cs3 The ferry leaves at nine.}", "The ferry leaves at nine."),
        (r"{\*\unheardof hidden}seen", "seen"),
        (r"{\*\unheardof{\pict 00}{\fldinst x}\par hidden}seen", "seen"),
        (r"The mast{\xe {\v mast, tall}} creaks.{\tc In the list}", "The mast creaks."),
        (r"A{\upr{?}{\*\ud{\uc0\u321 }}}B", "AŁB"),
        (r"{\*\bkmkstart {\upr{a?b}{\*\ud{\uc0 mark}}}}kept", "kept"),
        (r"One side\column other side", "One side  \nother side"),
    ],
)
def test_groups_show_their_text_or_hide_it(convert: Convert, body: str, shown: str) -> None:
    assert convert(rtf(body), media_types.RTF).markdown == shown


def test_a_backslash_at_the_end_of_a_line_ends_the_paragraph(convert: Convert) -> None:
    content = rtf("Above\\\r\nBelow\\\nLast")

    assert convert(content, media_types.RTF).markdown == "Above\n\nBelow\n\nLast"


def test_headers_and_footers_stand_once_around_the_text(convert: Convert) -> None:
    body = (
        r"{\header\pard Harbour office, ref. 88\par}{\headerf\pard Harbour office, ref. 88\par}"
        r"{\footer\pard Quay 3\par}\pard Dear captain\par"
        r"\sect{\header\pard Harbour office, ref. 88\par}\pard Yours\par"
    )

    assert convert(rtf(body), media_types.RTF).markdown.split("\n\n") == [
        "Harbour office, ref. 88",
        "Dear captain",
        "Yours",
        "Quay 3",
    ]


@pytest.mark.parametrize("number", [r"\chpgn", r"{\field{\*\fldinst PAGE}{\fldrslt 3}}"])
def test_a_footer_that_only_counts_pages_is_left_out(convert: Convert, number: str) -> None:
    body = rf"{{\footer\pard Page {number}\par}}\pard Text\par"

    assert convert(rtf(body), media_types.RTF).markdown == "Text"
    with pytest.raises(EmptyDocument):
        convert(rtf(rf"{{\footer\pard {number}\par}}\pard\par"), media_types.RTF)


def test_a_comment_is_a_note_with_its_author(convert: Convert) -> None:
    body = (
        r"The fee is 70.{\*\atnid KL}{\*\atnauthor Kim Lee}\chatn"
        r"{\*\annotation{\*\atndate 1}\pard\plain Should be 90.}\par"
    )

    assert convert(rtf(body), media_types.RTF).markdown == (
        "The fee is 70.[^1]\n\n[^1]: Kim Lee: Should be 90."
    )


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        (r'HYPERLINK "https://example.org/a"', "[rules](https://example.org/a)"),
        (r"HYPERLINK https://example.org/a", "[rules](https://example.org/a)"),
        (r'HYPERLINK \\l "chapter"', "rules"),
        (r"REF chapter", "rules"),
    ],
)
def test_links_keep_their_address(convert: Convert, instruction: str, shown: str) -> None:
    body = rf"{{\field{{\*\fldinst {{ {instruction}}}}}{{\fldrslt {{rules}}}}}}\par"

    assert convert(rtf(body), media_types.RTF).markdown == shown


@pytest.mark.parametrize(
    ("form", "result", "shown"),
    [
        (r"FORMCHECKBOX {\*\formfield{\fftype1\ffres1}}", "", "☒"),
        (r"FORMCHECKBOX {\*\formfield{\fftype1\ffres0}}", "", "☐"),
        (r"FORMCHECKBOX {\*\formfield{\fftype1\ffres25\ffdefres1}}", "", "☒"),
        (r"FORMDROPDOWN {\*\formfield{\fftype2\ffres1{\*\ffl red}{\*\ffl blue}}}", "", "blue"),
        (r"FORMDROPDOWN {\*\formfield{\fftype2\ffres1{\*\ffl red}{\*\ffl blue}}}", "b", "b"),
        (r"FORMTEXT {\*\formfield{\fftype0{\*\ffname Text1}}}", "Ada", "Ada"),
    ],
)
def test_form_fields_show_their_value_once(
    convert: Convert, form: str, result: str, shown: str
) -> None:
    body = rf"Answer: {{\field{{\*\fldinst {form}}}{{\fldrslt {result}}}}} noted\par"

    assert convert(rtf(body), media_types.RTF).markdown == f"Answer: {shown} noted"


def test_text_of_drawing_objects_old_and_new_is_kept_once(convert: Convert) -> None:
    old = r"{\*\do\dobxpage\dptxbx{\dptxbxtext\pard In the old box\par}\dpx1}"
    art = r"{\shp{\*\shpinst{\sp{\sn gtextUNICODE}{\sv Bright letters}}}{\shprslt Bright}}"

    markdown = convert(rtf(rf"Start {old}{art} end\par"), media_types.RTF).markdown

    assert " ".join(markdown.split()) == "Start In the old box Bright letters end"


def test_nested_tables_show_their_cells_once(convert: Convert) -> None:
    body = (
        r"\trowd\pard\intbl outer\par\pard\intbl\itap2 inner\nestcell{\*\nesttableprops\trowd"
        r"\nestrow}{\nonesttables again\par}\pard\intbl\cell second\cell\row\pard After\par"
    )

    markdown = convert(rtf(body), media_types.RTF).markdown

    assert markdown == "| outer inner | second |\n| --- | --- |\n\nAfter"


@pytest.mark.parametrize("form", ["hex", "binary", "in a shape"])
def test_pictures_are_kept_with_their_description(convert: Convert, form: str) -> None:
    picture = png()
    described = r"{\sp{\sn wzDescription}{\sv A teal tile}}"
    hexed = rf"\pngblip {picture.hex()}"
    content = {
        "hex": rf"{{\*\shppict{{\pict{{\*\picprop{described}}}{hexed}}}}}"
        rf"{{\nonshppict{{\pict{hexed}}}}}",
        "binary": rf"{{\pict{{\*\picprop{described}}}\pngblip\bin{len(picture)} "
        + picture.decode("latin-1")
        + "}",
        "in a shape": rf"{{\shp{{\*\shpinst{{\sp{{\sn pib}}{{\sv{{\pict{hexed}}}}}}}{described}}}"
        rf"{{\shprslt{{\pict{hexed}}}}}}}",
    }[form]

    converted = convert(rtf(f"Before {content}after"), media_types.RTF)

    assert converted.markdown == "Before ![A teal tile](image-1.png) after"
    assert converted.image_names == ["image-1.png"]


def test_a_picture_that_cannot_be_kept_leaves_its_description_and_a_warning(
    convert: Convert,
) -> None:
    picture = r"{\pict{\*\picprop{\sp{\sn wzDescription}{\sv Plan of the pier}}}\emfblip 0100}"

    converted = convert(rtf(rf"Plan: {picture}\par"), media_types.RTF)

    assert converted.markdown == "Plan: Plan of the pier"
    assert converted.warnings == [("image_skipped", None)]


def test_what_stands_behind_the_document_is_no_text(convert: Convert) -> None:
    rubbish = convert(rtf("Dear crew") + b"\n\xff\x00 x{y} rubbish", media_types.RTF)
    paragraphs = convert(rtf("Dear crew") + rb"\pard Three more words\par}", media_types.RTF)

    assert rubbish.markdown == paragraphs.markdown == "Dear crew"
    assert rubbish.warnings == []
    assert paragraphs.warnings == [("text_loss", None)]


def test_groups_deeper_than_the_limit_lose_no_text(convert: Convert) -> None:
    body = "{" * 1_500 + "deep" + "}" * 1_500 + " and after"

    assert convert(rtf(body), media_types.RTF).markdown == "deep and after"


@pytest.mark.parametrize(
    ("kind", "named"),
    [(r"\dibitmap0", "DIB"), (r"\pngblip", "PNG"), (r"\wmetafile8", "WMF"), ("", "unknown")],
)
def test_a_picture_that_cannot_be_read_is_told_of(convert: Convert, kind: str, named: str) -> None:
    done = convert(rtf(rf"\pard a{{\pict{kind} 28000000}}b\par"), media_types.RTF)

    assert done.markdown == "ab"
    assert [w.message for w in done.pages[0].warnings] == [
        f"A picture of type {named} was left out."
    ]


def test_embedded_objects_without_a_look_are_told_of(convert: Convert) -> None:
    lost = r"{\object\objemb{\*\objclass Package}{\*\objdata 0105}}"
    shown = r"{\object\objemb{\*\objclass Word}{\*\objdata 01}{\result\pard its text}}"

    done = convert(rtf(rf"\pard {lost}{shown}{lost}\par"), media_types.RTF)

    assert done.markdown == "its text"
    assert [w.message for w in done.pages[0].warnings] == [
        "2 attached files were not converted: Package, Package."
    ]


def test_a_document_of_nothing_but_an_object_is_not_refused(convert: Convert) -> None:
    done = convert(rtf(r"\pard {\object{\*\objclass Package}}\par"), media_types.RTF)

    assert done.warnings == [("text_loss", None), ("empty_page", 1)]


@pytest.mark.parametrize(
    ("end", "is_told"),
    [
        (r"\par Second, cut off", True),
        (r"\par {\footnote A note", True),
        (r"\par {\pict\pngblip\bin5000 12}", True),
        (r"\par}", False),
        (r"\par ", False),  # only the brace is absent
    ],
)
def test_a_file_that_ends_too_early_says_so(convert: Convert, end: str, is_told: bool) -> None:
    done = convert(rf"{{\rtf1\pard First{end}".encode(), media_types.RTF)

    assert done.markdown.startswith("First")
    assert (("text_loss", None) in done.warnings) is is_told


def test_the_mark_of_a_comment_stands_behind_the_word(convert: Convert) -> None:
    comment = r"{\*\atnauthor Ann}\chatn{\*\annotation{\*\atndate 1}\pard Why?}"
    body = rf"\pard Im{comment}pos{{\b {comment}si}}ble, {comment}end{comment}\par"

    done = convert(rtf(body), media_types.RTF)

    assert done.markdown.splitlines()[0] == "Impossible[^1][^2], [^3]end[^4]"
    assert not done.warnings


def test_text_that_was_moved_away_is_gone(convert: Convert) -> None:
    assert convert(rtf(r"\pard {\mvf away}{\mvt here}\par"), media_types.RTF).markdown == "here"
