"""Random books: every word comes out once, in order, on the page of its chapter."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.web.epub.test_document import book, chapter, item, package

FORMS = (
    "<p>{}</p>",
    "<h2>{}</h2>",
    "<div>{}<p>between</p></div>",
    "<ul><li>{}</li><li>other<ol><li>inner</li></ol></li></ul>",
    "<table><tr><th>{}</th><td>cell</td></tr><tr><td>a</td><td>b</td></tr></table>",
    "<blockquote><p>{}</p></blockquote>",
    "<p><![CDATA[{}]]></p>",
    "<h:p xmlns:h='http://www.w3.org/1999/xhtml'>{}</h:p>",
    "<section><svg xmlns='http://www.w3.org/2000/svg'><text>{}</text></svg></section>",
    "<aside><p><b>{}</b> <i>x</i></p></aside>",
)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    chapters=st.lists(
        st.lists(st.sampled_from(FORMS), min_size=1, max_size=6), min_size=1, max_size=3
    ),
    encoding=st.sampled_from(("utf-8", "utf-16")),
)
def test_every_word_of_a_book_comes_once_and_in_order(
    convert: Convert, chapters: list[list[str]], encoding: str
) -> None:
    names = iter(f"{chr(97 + n // 26)}{chr(97 + n % 26)}wörd" for n in range(600))
    written = [[(form, next(names)) for form in forms] for forms in chapters]
    files = [
        "".join(form.format(f"first {word} last") for form, word in blocks) for blocks in written
    ]
    ids = [f"c{number}" for number in range(len(files))]
    opf = package("".join(item(name, f"{name}.xhtml") for name in ids), *ids)
    parts = {
        f"o/{name}.xhtml": chapter(content).encode(encoding)
        for name, content in zip(ids, files, strict=True)
    }

    converted = convert(book(opf, parts), media_types.EPUB)

    assert [re.findall(r"\b[a-z]{2}wörd\b", page.markdown) for page in converted.pages] == [
        [word for _, word in blocks] for blocks in written
    ]
    assert converted.warnings == []
