"""What is found among the documents of a session."""

from __future__ import annotations

import pytest

from ilios.local.mcp.session_documents import SessionDocument
from ilios.local.mcp.session_search import search


def document(name: str, *pages: str) -> SessionDocument:
    found = SessionDocument(name, name)
    found.complete(dict(enumerate(pages, start=1)), [])
    return found


HERONS = document("herons.pdf", "# Herons\n\nA **heron** stands in water.", "Cafés of Zürich")
BOATS = document("boats.docx", "Boats lie in the water. Herons do not.", "Other", "water herons")
KNOWN = [HERONS, BOATS]


def found(query: str) -> dict[str, list[int]]:
    return {one.name: [match.page for match in matches] for one, matches in search(query, KNOWN)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("water", {"herons.pdf": [1], "boats.docx": [1, 3]}),
        ("WATER  Herons!", {"herons.pdf": [1], "boats.docx": [1, 3]}),
        ("cafes zurich", {"herons.pdf": [2]}),
        ("wat", {}),  # a part of a word
        ("heron boats", {}),  # not on one page
        (".docx", {"boats.docx": []}),
        ("herons", {"herons.pdf": [1], "boats.docx": [1, 3]}),
        ("—", {}),
    ],
)
def test_pages_have_all_words(query: str, expected: dict[str, list[int]]) -> None:
    assert found(query) == expected


def test_names_come_first() -> None:
    names = [one.name for one, _ in search("herons", [BOATS, HERONS])]

    assert names == ["herons.pdf", "boats.docx"]


def test_words_without_spaces_between_them_are_found_in_part() -> None:
    ((_, matches),) = search("水辺", [document("a.txt", "鷺は水辺に立つ")])

    assert matches[0].snippet == "鷺は水辺に立つ"


def test_a_snippet_is_plain_text_around_the_first_word() -> None:
    page = "before " * 100 + "a [**heron**](https://a.example) stands " + "after " * 100
    ((_, matches),) = search("heron", [document("a.pdf", page)])

    assert "a heron stands after" in matches[0].snippet
    assert len(matches[0].snippet) <= 400


def test_three_pages_of_a_document_are_shown() -> None:
    ((_, matches),) = search("water", [document("a.pdf", *["water"] * 5)])

    assert [match.page for match in matches] == [1, 2, 3]
