"""How much of a result one answer holds, and that reading on gives all of it."""

from __future__ import annotations

from ilios.local.mcp.documents import ANSWER_MAX_CHARACTERS, finished, part_of_page
from ilios.local.mcp.messages import Converted, Warned

EVENT_MAX_BYTES = 1024 * 1024  #: that the SDK's client takes over HTTP
SHORT = "word " * 4000  #: of which an answer holds two


def answer(*pages: str) -> Converted:
    return finished("id", "a.pdf", enumerate(pages, start=1), [])


def test_a_short_result_is_whole() -> None:
    found = answer("One", "", "Three")

    assert [page.markdown for page in found.pages] == ["One", "", "Three"]
    assert found.pages_total == 3
    assert (found.next_page, found.next_offset) == (None, None)
    assert found.hint is None


def test_a_long_result_ends_with_a_whole_page_and_names_the_next() -> None:
    found = answer(SHORT, SHORT, SHORT, "End")

    assert [page.number for page in found.pages] == [1, 2]
    assert (found.pages_total, found.next_page, found.next_offset) == (4, 3, None)
    assert found.hint is not None
    assert "page 3" in found.hint


def test_numbers_are_those_of_the_document() -> None:
    found = finished("id", "a.pdf", [(3, SHORT), (7, SHORT), (9, SHORT)], [])

    assert ([page.number for page in found.pages], found.next_page) == ([3, 7], 9)


def test_a_long_page_is_cut_and_reading_on_gives_the_rest() -> None:
    page = "".join(map(str, range(30_000)))
    found = answer(page, "End")
    assert (found.next_page, found.next_offset) == (1, ANSWER_MAX_CHARACTERS)

    read, offset = found.pages[0].markdown, found.next_offset
    while offset is not None:
        part = part_of_page("id", 1, page, offset)
        read, offset = read + part.markdown, part.next_offset

    assert read == page


def test_a_page_that_just_fits_has_no_rest() -> None:
    page = "x" * ANSWER_MAX_CHARACTERS

    assert answer(page).next_page is None
    assert part_of_page("id", 1, page, 0).next_offset is None
    assert part_of_page("id", 1, page, len(page) + 1).markdown == ""


def test_an_answer_is_short_however_many_pages_and_warnings_there_are() -> None:
    doubt = Warned(code="low_confidence", message="Much of it may be read wrongly. " * 5, page=1)
    found = finished("id", "a.pdf", ((n, "\x01") for n in range(1, 60_001)), [doubt] * 5000)

    sent = found.model_dump_json().encode() + "".join(found.texts()).encode()
    assert len(sent) < EVENT_MAX_BYTES / 2
    assert found.next_page is not None


def test_a_model_reads_markdown_as_it_is_and_where_pages_begin() -> None:
    about, markdown = answer('# One\n\n"quoted"', "Two").texts()

    assert '"pagesTotal":2' in about
    assert "quoted" not in about
    assert markdown == '<!-- page 1 -->\n\n# One\n\n"quoted"\n\n<!-- page 2 -->\n\nTwo'
