"""EPUB books: their order, what stands in for what, notes, drawings, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ilios.core.conversion_errors import CorruptDocument, EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.web.epub import document as epub
from tests.support.sample_files import archive, encoded, noise
from tests.unit.engines.embedded.conftest import Convert

XHTML = "application/xhtml+xml"
OPS = 'xmlns:epub="http://www.idpf.org/2007/ops"'


def item(name: str, href: str, kind: str = XHTML, fallback: str = "") -> str:
    behind = f'fallback="{fallback}"' if fallback else ""
    return f'<item id="{name}" href="{href}" media-type="{kind}" {behind}/>'


def package(items: str, *order: str) -> str:
    refs = "".join(f'<itemref idref="{name}"/>' for name in order)
    return f"<package><manifest>{items}</manifest><spine>{refs}</spine></package>"


def book(opf: str, parts: Mapping[str, str | bytes], path: str = "o/b.opf") -> bytes:
    container = f'<container><rootfiles><rootfile full-path="{path}"/></rootfiles></container>'
    files: dict[str, str | bytes] = {"META-INF/container.xml": container, "o/b.opf": opf, **parts}
    return archive(files)


def page(content: str) -> bytes:
    """Return a book of one page."""
    return book(package(item("a", "a.xhtml"), "a"), {"o/a.xhtml": chapter(content)})


def chapter(content: str) -> str:
    return f'<html {OPS} xmlns="http://www.w3.org/1999/xhtml"><body>{content}</body></html>'


PICTURE = encoded(noise(60, 50), "PNG")


def test_a_chapter_that_the_order_names_again_and_again_is_one_page(convert: Convert) -> None:
    items = item("a", "a.xhtml") + item("again", "a.xhtml#there") + item("b", "b.xhtml")
    opf = package(items, "a", *["a", "again", "no"] * 1_000, "b")

    converted = convert(
        book(opf, {"o/a.xhtml": chapter("One"), "o/b.xhtml": chapter("Two")}), media_types.EPUB
    )

    assert [page.markdown for page in converted.pages] == ["One", "", "Two"]


def test_the_chapters_of_a_book_are_its_pages(convert: Convert) -> None:
    opf = package(item("b", "t/2.xhtml") + item("a", "t/1.xhtml"), "a", "b")
    parts: dict[str, str | bytes] = {
        "o/t/1.xhtml": '<html><body><h1>One</h1><img src="../p.png"/></body></html>',
        "o/t/2.xhtml": "<html><body><h1>Two</h1><p>Text</p></body></html>",
        "o/p.png": PICTURE,
    }

    converted = convert(book(opf, parts), media_types.EPUB)

    assert [page.markdown for page in converted.pages] == [
        "# One\n\n![](image-1.png)",
        "# Two\n\nText",
    ]
    assert converted.image_names == ["image-1.png"]


@pytest.mark.parametrize("order", [("gone", "a"), ("never-declared", "a")])
def test_a_chapter_that_is_missing_is_a_page_that_says_so(
    convert: Convert, order: tuple[str, str]
) -> None:
    opf = package(item("a", "a.xhtml") + item("gone", "lost%0A.xhtml"), *order)

    converted = convert(book(opf, {"o/a.xhtml": chapter("Here")}), media_types.EPUB)

    assert [page.markdown for page in converted.pages] == ["", "Here"]
    assert converted.warnings == [("text_loss", 1)]
    assert converted.pages[0].warnings[0].message in (
        'The file "o/lost.xhtml" of the book is missing.',
        'The file "never-declared" of the book is missing.',
    )


def test_a_book_without_any_chapter_is_empty(convert: Convert) -> None:
    with pytest.raises(EmptyDocument):
        convert(book(package(item("a", "a.xhtml"), "a"), {}), media_types.EPUB)


@pytest.mark.parametrize("path", ["b%2Eopf", "elsewhere.opf"])
def test_the_package_is_found_although_the_container_is_wrong(convert: Convert, path: str) -> None:
    opf = package(item("a", "a.xhtml"), "a")

    converted = convert(
        book(opf, {"o/a.xhtml": chapter("Here")}, path=f"o/{path}"), media_types.EPUB
    )

    assert converted.markdown == "Here"


def test_a_package_that_is_not_well_formed_is_read(convert: Convert) -> None:
    opf = package(item("a", "a.xhtml"), "a").replace(
        "<manifest>", "<dc:title>S & M</dc:title><manifest>"
    )

    converted = convert(book(opf, {"o/a.xhtml": chapter("Here")}), media_types.EPUB)

    assert converted.markdown == "Here"


@pytest.mark.parametrize("opf", ["", "no XML at all", "<package><manifest/></package>"])
def test_a_package_that_tells_no_order_is_damaged(convert: Convert, opf: str) -> None:
    with pytest.raises(CorruptDocument):
        convert(book(opf, {"o/a.xhtml": chapter("Here")}), media_types.EPUB)


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        ("", "![](image-1.png)"),
        ("<p>The mill</p>", "![](image-1.png)\n\nThe mill"),
        ('<img src="1.png" alt="The mill"/>', "![The mill](image-1.png)"),
    ],
)
@pytest.mark.parametrize("kind", ["image/png", XHTML])
def test_a_picture_as_a_page_comes_with_its_text(
    convert: Convert, fallback: str, expected: str, kind: str
) -> None:
    opf = package(
        item("p", "1.png", kind, fallback="f" if fallback else "") + item("f", "f.xhtml"), "p"
    )

    converted = convert(
        book(opf, {"o/1.png": PICTURE, "o/f.xhtml": chapter(fallback)}), media_types.EPUB
    )

    assert converted.markdown == expected
    assert converted.warnings == []


def test_files_that_stand_in_for_each_other_in_a_circle_end(convert: Convert) -> None:
    opf = package(
        item("p", "1.bin", "x/y", fallback="q") + item("q", "2.bin", "x/y", fallback="p"), "p"
    )

    converted = convert(book(opf, {"o/1.bin": b"\0\1", "o/2.bin": b"\0\2"}), media_types.EPUB)

    assert converted.markdown == ""
    assert converted.warnings == [("text_loss", 1)]


def test_a_chapter_is_read_in_the_encoding_that_it_declares(convert: Convert) -> None:
    text = f'<?xml version="1.0" encoding="ISO-8859-2"?>{chapter("<p>Łódź, žluť</p>")}'
    opf = package(item("a", "a.xhtml"), "a")

    converted = convert(book(opf, {"o/a.xhtml": text.encode("iso8859_2")}), media_types.EPUB)

    assert converted.markdown == "Łódź, žluť"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            'Sun<a epub:type="noteref" href="#n">3</a><aside epub:type="footnote" id="n">Star.'
            "</aside>",
            "Sun³\n\n³ Star.",
        ),
        ('Sun<a role="doc-noteref" href="#n">[3]</a>', "Sun<sup>[3]</sup>"),
        ('the sun.<a href="notes.xhtml#n3">3</a> So', "the sun.³ So"),
        ('<p><i>Sun</i><span><a href="#n">3</a></span></p>', "Sun³"),
        ('Sun<sup><a epub:type="noteref" href="#n">3</a></sup>', "Sun³"),
        ('see p.<a href="#p12">12</a>', "see p.12"),
        ('see <a href="#p12">12</a>', "see 12"),
        ('pages 3<a href="#p4">4</a>', "pages 34"),
        ('Sun<a href="3">3</a>', "Sun3"),
        (
            'Sun<a epub:type="noteref" href="#n">*</a><p epub:type="footnote" id="n">* Star.</p>',
            "Sun<sup>\\*</sup>\n\n\\* Star.",
        ),
    ],
)
def test_the_mark_of_a_note_does_not_run_into_the_word(
    convert: Convert, content: str, expected: str
) -> None:
    assert convert(page(content), media_types.EPUB).markdown == expected


SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>no</title><text>Run!</text></svg>'


def test_the_text_of_a_drawing_is_kept_wherever_it_stands(convert: Convert) -> None:
    opf = package(item("d", "d.svg", "image/svg+xml") + item("a", "a.xhtml"), "d", "a")
    inside = '<p>One</p><img src="d.svg" alt="a man"/>' + SVG.replace("Run", "Stop")

    converted = convert(book(opf, {"o/d.svg": SVG, "o/a.xhtml": chapter(inside)}), media_types.EPUB)

    assert [page.markdown for page in converted.pages] == ["Run!", "One\n\nRun! Stop!"]


def test_a_picture_that_is_not_kept_is_told(convert: Convert) -> None:
    opf = package(item("a", "a.xhtml"), "a")
    parts = {"o/a.xhtml": chapter('One <img src="d.svg" alt="a man"/>'), "o/d.svg": "<svg/>"}

    converted = convert(book(opf, parts), media_types.EPUB)

    assert converted.markdown == "One a man"
    assert converted.warnings == [("image_skipped", 1)]


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        (
            '<epub:case required-namespace="http://www.w3.org/1998/Math/MathML">formula</epub:case>'
            "<epub:default>in words</epub:default>",
            "formula",
        ),
        (
            '<epub:case required-namespace="x:chemistry">CML</epub:case>'
            "<epub:default>in words</epub:default>",
            "in words",
        ),
    ],
)
def test_one_of_the_alternatives_is_written(convert: Convert, cases: str, expected: str) -> None:
    converted = convert(page(f"<epub:switch>{cases}</epub:switch>"), media_types.EPUB)

    assert converted.markdown == expected


def test_elements_with_a_prefix_are_known(convert: Convert) -> None:
    converted = convert(
        page("<h:h2 xmlns:h='http://www.w3.org/1999/xhtml'>Two</h:h2>"), media_types.EPUB
    )

    assert converted.markdown == "## Two"


def test_a_file_whose_name_has_an_ampersand_is_found(convert: Convert) -> None:
    opf = package(item("a", "salt & co.xhtml"), "a")

    converted = convert(book(opf, {"o/salt & co.xhtml": chapter("Text")}), media_types.EPUB)

    assert converted.markdown == "Text"


def test_short_formulas_are_not_called_missing(convert: Convert) -> None:
    text = "<p>CO<sub>2</sub> <i>x</i><sup>n</sup> 1<sup>st</sup> <b>I</b>n</p>"

    assert convert(page(text * 20), media_types.EPUB).warnings == []


def test_the_hidden_list_of_printed_pages_is_left_out(convert: Convert) -> None:
    lists = '<nav><ol><li>One</li></ol></nav><nav hidden="hidden"><ol><li>xii</li></ol></nav>'
    note = '<aside epub:type="footnote" hidden="hidden">note</aside><p hidden="hidden">draft</p>'

    converted = convert(page(lists + note), media_types.EPUB)

    assert converted.markdown == "1. One\n\nnote"
    assert converted.warnings == []


def test_text_that_is_not_written_is_told(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful:
        def __init__(self, keep_image: object) -> None: ...

        def write(self, body: object) -> str:
            return "one two"

    monkeypatch.setattr(epub, "HtmlWriter", Forgetful)

    converted = convert(page("one two three four five"), media_types.EPUB)

    assert [warning.message for warning in converted.pages[0].warnings] == [
        "About 3 of 5 words of page 1 are missing from the result."
    ]


def test_formulas_whose_tags_have_a_prefix_are_formulas(convert: Convert) -> None:
    formula = "<m:math><m:mfrac><m:mi>a</m:mi><m:mn>2</m:mn></m:mfrac></m:math>"
    chapter = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:m="http://www.w3.org/1998/Math/MathML">'
        f"<body><p>Take {formula} of it</p></body></html>"
    )
    book = archive(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/>'
            "</rootfiles></container>",
            "b.opf": '<package><manifest><item id="a" href="a.xhtml"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
            "a.xhtml": chapter,
        }
    )

    assert convert(book, media_types.EPUB).markdown == r"Take $\frac{a}{2}$ of it"
