"""Any RTF document: every word comes out once, in order, and nothing else is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.base import Options, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.conversion import convert_file

#: Groups and words between which a word may stand; `{}` is the word.
RUNS = (
    "{} ", "{{\\b {}}} ", "{{\\i {} }}", "{{\\super {}}} ", "{{\\f1\\fs20 {}}}\\~", "\\b {}\\b0  ",
    "{{\\field{{\\*\\fldinst REF x}}{{\\fldrslt {}}}}} ", "{{\\*\\cs2 {}}} ", "{} \\tab ",
    "{}{{\\*\\bkmkstart m}}{{\\*\\bkmkend m}} ", "\\u8364?{} ", "{{\\v hidden}}{} ",
    "{{\\upr{{wrong}}{{\\*\\ud {}}}}} ",
)  # fmt: skip
PARAGRAPHS = (
    "\\pard {}\\par\n", "\\pard\\s1 {}\\par\n", "\\pard{{\\listtext 2.\\tab}}\\ls1 {}\\par\n",
    "{{\\pntext\\'b7\\tab}}{}\\par\n", "\\pard\\qc {}\\\n", "\\pard {}\\page\n",
    "{{\\pard {}\\par}}\n",
)  # fmt: skip
TEXT = st.tuples(st.sampled_from(PARAGRAPHS), st.lists(st.sampled_from(RUNS), max_size=3))
ROW = st.tuples(st.just("row"), st.lists(st.sampled_from(RUNS), min_size=2, max_size=3))
DOCUMENTS = st.lists(TEXT | ROW, min_size=1, max_size=6)


@settings(max_examples=60)
@given(DOCUMENTS)
def test_every_word_of_a_document_comes_out_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, list[str]]]
) -> None:
    folder = tmp_path_factory.mktemp("rtf")
    words = [f"word{number:03}" for number in range(1, 100)]
    given_words = iter(words)
    body = ""
    for kind, runs in parts:
        filled = [run.format(next(given_words)) for run in (*runs, "{}")]
        if kind == "row":
            cells = "".join(f"\\pard\\intbl {run}\\cell" for run in filled)
            body += f"\\trowd{cells}\\row\n\\pard"
        else:
            body += kind.format("".join(filled))
    head = (
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset238 Arial CE;}}"
        r"{\stylesheet{\s0 Normal;}{\s1 heading 1;}}{\info{\title No text}}"
    )
    (folder / "document").write_bytes(f"{head}{body}}}".encode("cp1252"))
    source = Source(folder / "document", media_types.RTF, "document")

    found = convert_file(source, Options(None), folder, threads=1)
    pages = [page for page in found if isinstance(page, Page)]

    count = sum(len(runs) + 1 for _, runs in parts)
    assert re.findall(r"word\d+", pages[0].markdown) == words[:count]
    assert "hidden" not in pages[0].markdown
    assert pages[0].warnings == ()
