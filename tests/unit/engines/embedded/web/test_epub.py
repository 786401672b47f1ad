"""EPUB books: the order of chapters, and their images."""

from __future__ import annotations

from ilios.engines.detection import media_types
from tests.support.sample_files import archive, encoded, noise
from tests.unit.engines.embedded.conftest import Convert


def test_the_chapters_of_a_book_are_its_pages(convert: Convert) -> None:
    book = archive(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="o/b.opf"/>'
            "</rootfiles></container>",
            "o/b.opf": '<package><manifest><item id="b" href="t/2.xhtml"/>'
            '<item id="a" href="t/1.xhtml"/></manifest>'
            '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
            "o/t/1.xhtml": '<html><body><h1>One</h1><img src="../p.png"/></body></html>',
            "o/t/2.xhtml": "<html><body><h1>Two</h1><p>Text</p></body></html>",
            "o/p.png": encoded(noise(60, 50), "PNG"),
        }
    )

    converted = convert(book, media_types.EPUB)

    assert [page.markdown for page in converted.pages] == [
        "# One\n\n![](image-1.png)",
        "# Two\n\nText",
    ]
    assert converted.image_names == ["image-1.png"]
