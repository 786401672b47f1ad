"""Two readings of a page: letters, words, order, signs of Markdown, figures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.base import Options, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.conversion import convert_file
from ilios.engines.embedded.pdf import fidelity, reading
from ilios.engines.embedded.pdf.lines import TextLine
from ilios.engines.embedded.pdf.pdfium import PageFacts
from ilios.engines.embedded.pdf.text_layer import LayerPage
from tests.support.sample_files import pdf, stream, text
from tests.unit.engines.embedded.conftest import Convert

STORY = [
    "The mason counted the stones of the bridge twice,",
    "once in the morning and once when the light was gone.",
    "He never told anyone by how much they differed.",
]
WORDS = [f"{a}{b}{c}" for a in ("bra", "lun", "te", "mor") for b in ("ka", "dil") for c in "nst"]


@pytest.mark.parametrize(
    "line",
    [
        "# 7 nails",
        "1987. A wet year",
        "~~~",
        "&gt; as in HTML",
        "![x]\\(y.png\\)",
        "> said he",
        "from $x$ on",
    ],
)
def test_signs_of_a_page_are_no_markup(convert: Convert, line: str) -> None:
    page = text(*STORY) + text(line, top=600) + text("And so it ended.", top=500)

    markdown = convert(pdf(page), media_types.PDF).markdown

    written = markdown.split("\n\n")[1]
    assert "\\" in written
    assert written.replace("\\", "") == line.replace("\\", "")


def test_a_tag_of_a_page_is_no_markup(convert: Convert) -> None:
    markdown = convert(pdf(text("Write <em>so</em> in HTML")), media_types.PDF).markdown

    assert markdown == "Write &lt;em>so&lt;/em> in HTML"


def test_letters_beyond_the_first_plane_are_kept_on_a_long_page(convert: Convert) -> None:
    page = text(*STORY * 6) + text("Let Q be as long as Z here.", top=300)

    markdown = convert(pdf(page, letters={"Q": "𝑝", "Z": "𝑞"}), media_types.PDF).markdown

    assert "Let 𝑝 be as long as 𝑞 here." in markdown


def test_raised_and_lowered_figures_do_not_run_into_the_text(convert: Convert) -> None:
    page = (
        b"BT /F1 12 Tf 72 700 Td (A lake of 10) Tj /F1 7 Tf 5 Ts (6) Tj 0 Ts /F1 12 Tf"
        b" ( litres of H) Tj /F1 8 Tf -3 Ts (2) Tj 0 Ts /F1 12 Tf (O in 1926.) Tj ET"
    )

    markdown = convert(pdf(page), media_types.PDF).markdown

    assert markdown == "A lake of 10⁶ litres of H₂O in 1926."


def test_raised_lists_of_notes_and_exponents_that_are_letters_are_told(convert: Convert) -> None:
    page = (
        b"BT /F1 12 Tf 72 700 Td (As they say) Tj /F1 7 Tf 5 Ts (1,2) Tj 0 Ts /F1 12 Tf"
        b" ( there are 2) Tj /F1 7 Tf 5 Ts (n) Tj 0 Ts /F1 12 Tf ( ships) Tj"
        b" /F1 7 Tf 5 Ts (7) Tj 0 Ts /F1 12 Tf (,8 of them at 3d each.) Tj ET"
    )

    markdown = convert(pdf(page), media_types.PDF).markdown

    assert markdown == "As they say<sup>1,2</sup> there are 2ⁿ ships⁷,8 of them at 3d each."


def test_letters_beyond_the_first_plane_are_kept_among_hebrew(convert: Convert) -> None:
    letters = {"A": "\u05d0", "B": "\u05d1", "C": "\u05d2", "D": "\U0001f600"}

    markdown = convert(pdf(text("CBA DD ABC"), letters=letters), media_types.PDF).markdown

    assert markdown.count("\U0001f600") == 2


def test_letters_that_only_their_font_knows_are_told_of() -> None:
    words = "the keeper of the tow\ue341r lit the la\ue342ps"
    facts = PageFacts(595, 842, words, 0, 0.0, 0)

    read = reading.read(1, facts, LayerPage(words, {}, ()), list)

    assert [warning.code for warning in read.warnings] == ["low_confidence"]


def test_letters_that_are_set_apart_are_words(convert: Convert) -> None:
    page = text(*STORY) + b"BT /F1 14 Tf 6 Tc 72 600 Td (BILL OF LADING) Tj 0 Tc ET"

    assert "BILL OF LADING" in convert(pdf(page), media_types.PDF).markdown


def test_a_compound_keeps_its_hyphen_at_the_end_of_a_line(convert: Convert) -> None:
    page = text(
        "He asked for a long-", "term loan and for infor-", "mation on day-to-", "day costs."
    )

    markdown = convert(pdf(page), media_types.PDF).markdown

    assert markdown == "He asked for a long-term loan and for information on day-to-day costs."


def test_a_hyphen_that_stands_for_a_later_word_stays(convert: Convert) -> None:
    page = text("The pros of in-", "and exports, Vor-", "und Nachteile, and the har-", "bour.")

    markdown = convert(pdf(page), media_types.PDF).markdown

    assert markdown == "The pros of in- and exports, Vor- und Nachteile, and the harbour."


@pytest.mark.parametrize(("rotate", "size"), [(0, 12), (180, -12)])
def test_letters_that_stand_on_their_head_on_a_turned_page_are_read_in_order(
    convert: Convert, rotate: int, size: int
) -> None:
    step = 16 if rotate else -16
    start = (523, 92) if rotate else (72, 700)
    page = b"".join(
        b"BT /F1 %d Tf 1 0 0 1 %d %d Tm (%s) Tj ET\n"
        % (size, start[0], start[1] + step * n, line.encode())
        for n, line in enumerate(STORY)
    )

    assert convert(pdf(page, rotate=rotate), media_types.PDF).markdown == " ".join(STORY)


def test_mirrored_text_is_read_in_order(convert: Convert) -> None:
    page = b"".join(
        b"BT /F1 12 Tf -1 0 0 1 523 %d Tm (%s) Tj ET\n" % (700 - 16 * n, line.encode())
        for n, line in enumerate(STORY)
    )

    flat = " ".join(convert(pdf(page), media_types.PDF).markdown.split())

    assert flat == " ".join(STORY)


def test_a_chosen_button_is_listed_although_its_name_stands_on_the_page(convert: Convert) -> None:
    widgets = [
        b"<</FT/Btn/Ff 49152/T(ship)/TU(Which ship)/V/Alma/Kids[9 0 R 10 0 R]>>",
        *(
            b"<</Type/Annot/Subtype/Widget/Parent 8 0 R/Rect[%d 690 %d 710]/F 4/AS/%s"
            b"/AP<</N<</%s 11 0 R/Off 11 0 R>>>>>>" % (left, left + 20, state, name)
            for left, state, name in ((120, b"Alma", b"Alma"), (160, b"Off", b"Brita"))
        ),
        stream(b"0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 20 20]"),
    ]
    document = pdf(
        text("Ship: Alma or Brita"),
        catalog=b"/AcroForm<</Fields[8 0 R]>>",
        page=b"/Annots[9 0 R 10 0 R]",
        more=widgets,
    )

    markdown = convert(document, media_types.PDF).markdown

    assert markdown == "Ship: Alma or Brita\n\n- Which ship: Alma"


def test_a_value_of_several_lines_has_breaks(convert: Convert) -> None:
    widget = (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/Ff 4096/T(to)/V(Quay 4\\rOld Town)"
        b"/Rect[120 600 300 660]/F 4/DA(/F1 12 Tf 0 g)>>"
    )
    document = pdf(
        text("Send to:"),
        catalog=b"/AcroForm<</Fields[8 0 R]/DA(/F1 12 Tf 0 g)>>",
        page=b"/Annots[8 0 R]",
        more=[widget],
    )

    assert convert(document, media_types.PDF).markdown.endswith("- to: Quay 4  \n  Old Town")


def test_torn_and_shuffled_words_are_told_from_whole_ones() -> None:
    words = fidelity.tokens("which has blighted the life of the miller")

    assert fidelity.torn_words(fidelity.folded("whic h has blighted the life"), words) == 1
    assert fidelity.torn_words(fidelity.folded("which has blighted the life"), words) == 0
    assert not fidelity.keeps_lines(["c", "b", "a", "d"], [["a", "b", "c", "d"]])


def test_shifted_letters_do_not_look_like_words() -> None:
    assert not fidelity.is_plausible("3D\\PHQWLVGXHZLWKLQ WKLUW\\GD\\V")
    assert fidelity.is_plausible("Payment is due within 30 days, at the UN's office.")


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=2, max_size=8), min_size=1, max_size=10),
    st.sampled_from([9, 11, 14]),
)
def test_every_word_comes_once_and_in_order(lines: list[list[str]], size: int) -> None:
    document = pdf(text(*(" ".join(line) for line in lines), size=size))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "document")
        path.write_bytes(document)
        source = Source(path, media_types.PDF, "document")
        pages = list(convert_file(source, Options(None), Path(folder), threads=1))[1:]

    (page,) = pages
    assert isinstance(page, Page)
    assert fidelity.folded(page.markdown) == [word for line in lines for word in line]
    assert page.warnings == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Let $x$ be as long as $y$ here", r"Let \$x\$ be as long as \$y\$ here"),
        ("Pay $5 or $6 for it", "Pay $5 or $6 for it"),
        ("Write <b> as &lt; and b", r"Write &lt;b> as \&lt; and b"),
    ],
)
def test_dollars_and_entities_of_a_page_are_escaped_once(
    convert: Convert, line: str, expected: str
) -> None:
    assert convert(pdf(text(line)), media_types.PDF).markdown == expected


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://a.b/c$x$d?e&amp;f", "https://a.b/c$x$d?e&amp;amp;f"),
        ("https://a.b/c d", "https://a.b/c%20d"),
    ],
)
def test_the_address_of_a_link_is_written_whole(
    convert: Convert, address: str, written: str
) -> None:
    link = b"/Annots[<</Type/Annot/Subtype/Link/Rect[70 775 200 795]/A<</S/URI/URI(%s)>>>>]"
    content = pdf(
        text("Linked words") + text("Others <b> of $x$ &amp; y", top=600),
        page=link % address.encode(),
    )

    assert f"[Linked words]({written})" in convert(content, media_types.PDF).markdown


def test_pieces_of_a_turned_label_are_not_missing_once_they_are_joined() -> None:
    facts = PageFacts(595, 842, "de\np\nth", 0, 0.0, 0)
    whole = [TextLine("depth", (50, 600, 60, 645))]

    read = reading.read(1, facts, LayerPage("depth", {}, ()), lambda: whole)

    assert (read.markdown, read.warnings) == ("depth", ())
