"""Chunks: their own texts make up the result, and each is cut where it may be."""

from __future__ import annotations

from typing import SupportsIndex

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ilios.documents.chunks import HEADING_MAX_CHARACTERS, SIZE_MIN, Chunk, Section, chunks
from ilios.engines.markdown_parts import Part, parts
from ilios.engines.page_structure import BlockType, Box
from tests.unit.engines.test_markdown_structure import markdown

WORDS = st.lists(st.sampled_from(["Herons", "stand.", "in", "水。", "a\n", "\n\n"]), max_size=80)
BLOCKS = st.one_of(
    markdown,
    WORDS.map(" ".join),
    st.builds(
        lambda rows, words: "| a | b |\n| --- | --- |\n" + f"| {'x ' * words}| 1 |\n" * rows,
        st.integers(0, 20),
        st.integers(0, 70),
    ),
    st.integers(0, 30).map(lambda rows: "```py\n" + "code = 1\n" * rows + "```"),
    st.builds(
        lambda rows: f"<table><tr><th>a</th></tr>{'<tr><td>1</td></tr>' * rows}</table>",
        st.integers(0, 20),
    ),
    st.builds(
        lambda level, words: f"{'#' * level} {'word ' * words}",
        st.integers(1, 6),
        st.integers(1, 60),
    ),
)
TEXTS = st.lists(BLOCKS, max_size=12).map("\n\n".join)


def sections(text: str, page: int = 1, box: Box | None = None) -> list[Section]:
    return [Section(part, page, box) for part in parts([text])]


def found(text: str, size: int = SIZE_MIN, overlap: int = 0) -> list[Chunk]:
    return list(chunks(sections(text), size, overlap))


def texts(text: str, size: int = SIZE_MIN, overlap: int = 0) -> list[str]:
    return [chunk.text.strip() for chunk in found(text, size, overlap)]


def own(chunk: Chunk) -> str:
    return chunk.text[chunk.start : chunk.end]


@given(text=TEXTS, size=st.integers(SIZE_MIN, 400), overlap=st.integers(0, 49))
def test_the_chunks_make_up_the_text(text: str, size: int, overlap: int) -> None:
    assume(text.strip())

    cut = found(text, size, overlap)

    assert "".join(f"{c.space_before}{own(c)}{c.space_behind}" for c in cut) == text
    assert not "".join(f"{c.space_before}{c.space_behind}" for c in cut).strip()
    assert all(own(chunk).strip() for chunk in cut)


@given(text=TEXTS, size=st.integers(SIZE_MIN, 400), overlap=st.integers(0, 49))
def test_only_a_row_that_is_longer_exceeds_the_size(text: str, size: int, overlap: int) -> None:
    for chunk in found(text, size, overlap):
        if len(chunk.text) > size:
            assert len(own(chunk)) > size
            assert own(chunk).startswith("<t") or "\n" not in own(chunk).strip()


@given(text=TEXTS, overlap=st.integers(1, 49))
@example(
    text=f"\n\n<table><tr><th>a</th></tr>{'<tr><td>1</td></tr>' * 4}</table>", overlap=1
)  # the blank lines are not repeated with the head
def test_what_a_chunk_repeats_is_the_end_of_the_one_before(text: str, overlap: int) -> None:
    before = ""
    for chunk in found(text, SIZE_MIN, overlap):
        repeated = chunk.text[: chunk.start]
        if repeated and not repeated.startswith(("|", "```", "~~~", "<table", " ", "-")):
            assert before.endswith(repeated)
            assert len(repeated) <= overlap
        before = own(chunk) + chunk.space_behind


def test_a_title_begins_a_chunk_and_each_has_its_path() -> None:
    text = "# A\n\n## B *b*\n\none\n\n### C\n\ntwo\n\n## D\n\nthree\n\n# E\n\nfour"

    cut = found(text)

    assert [(chunk.text.strip(), chunk.headings) for chunk in cut] == [
        ("# A\n\n## B *b*\n\none", ("A", "B b")),
        ("### C\n\ntwo", ("A", "B b", "C")),
        ("## D\n\nthree", ("A", "D")),
        ("# E\n\nfour", ("E",)),
    ]


def test_a_title_with_nothing_below_it_is_a_chunk_of_its_own() -> None:
    assert [chunk.headings for chunk in found("## A\n\n## B\n\ntext")] == [("A",), ("B",)]


def test_a_long_title_is_cut_short_in_the_path() -> None:
    (chunk,) = found(f"# {'long ' * 100}", 1_000)

    (heading,) = chunk.headings
    assert len(heading) == HEADING_MAX_CHARACTERS
    assert heading.endswith("…")


def test_a_table_is_cut_between_rows_with_its_head_repeated() -> None:
    head = "| bird | legs |\n| --- | --- |\n"
    rows = [f"| heron {number} | two |\n" for number in range(6)]

    assert texts(head + "".join(rows)) == [
        (head + "".join(rows[:3])).strip(),
        (head + "".join(rows[3:])).strip(),
    ]


def test_the_head_is_left_out_where_it_has_no_room_beside_a_row() -> None:
    head = f"| {'a' * 40} |\n| --- |\n"
    rows = [f"| {'x' * 70} |\n", f"| {'y' * 120} |\n", "| z |\n"]

    assert texts(head + "".join(rows)) == [
        head.strip(),
        rows[0].strip(),
        (head + rows[1]).strip(),
        (head + rows[2]).strip(),
    ]


def test_a_table_in_html_is_cut_between_rows_with_its_head_repeated() -> None:
    head = "<table><tr><th>bird</th></tr>"
    rows = [f"<tr><td>heron {number}</td></tr>" for number in range(4)]

    cut = texts(f"{head}{''.join(rows)}</table>")

    assert cut == [
        f"{head}{rows[0]}{rows[1]}</table>",
        f"{head}{rows[2]}{rows[3]}</table>",
    ]


def test_code_is_cut_between_lines_within_fences() -> None:
    lines = [f"line = {number}  # {'c' * 20}\n" for number in range(4)]

    assert texts(f"```py\n{''.join(lines)}```") == [
        f"```py\n{''.join(lines[:2])}```",
        f"```py\n{''.join(lines[2:])}```",
    ]


class Counting(str):
    """Text that counts the characters which are copied of it, and of what is cut out of it."""

    __slots__ = ()
    copied = 0

    def __getitem__(self, key: SupportsIndex | slice) -> Counting:
        return Counting(super().__getitem__(key)).counted()

    def rstrip(self, chars: str | None = None) -> Counting:
        return Counting(super().rstrip(chars)).counted()

    def strip(self, chars: str | None = None) -> Counting:
        return Counting(super().strip(chars)).counted()

    def counted(self) -> Counting:
        Counting.copied += len(self)
        return self


@pytest.mark.parametrize(
    ("kind", "opening"), [("code", "```\n"), ("table", "<table><td>"), ("text", "")]
)
def test_a_long_line_is_copied_a_few_times_only(
    kind: BlockType, opening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "copied", 0)
    text = Counting(opening + "word " * 20_000 + "\n")

    cut = list(chunks([Section(Part(kind, 0, text), 1)], SIZE_MIN))

    assert len(cut) >= 1_000
    assert Counting.copied < 10 * len(text)


def test_text_is_cut_between_sentences_and_fills_a_chunk_below_its_title() -> None:
    sentences = [f"Sentence number {number} has some words. " for number in range(5)]

    cut = texts(f"# T\n\n{''.join(sentences)}")

    assert cut == [
        f"# T\n\n{''.join(sentences[:2])}".strip(),
        "".join(sentences[2:4]).strip(),
        sentences[4].strip(),
    ]


def test_a_link_is_not_cut() -> None:
    link = "[a link with some words](https://example.org/a)"

    assert link in texts(f"{'word ' * 14}{link}")[1]


def test_a_block_that_fits_is_not_cut() -> None:
    first, second = "a" * 60, " ".join(["bb"] * 20)

    assert texts(f"{first}\n\n{second}") == [first, second]


def test_an_overlap_begins_with_a_sentence_and_stays_below_its_title() -> None:
    first = "One sentence stands here with words. Another ends it."
    second = "A third one follows that has a few more words in it now."

    cut = found(f"{first}\n\n{second}\n\n# T\n\nlast", SIZE_MIN, 30)

    assert [chunk.text[: chunk.start] for chunk in cut] == ["", "Another ends it.\n\n", ""]


def test_nothing_is_repeated_of_a_table() -> None:
    table = "| a |\n| --- |\n| 1. Word |\n"

    cut = found(f"{table}\n\n{'word ' * 30}", SIZE_MIN, 30)

    assert cut[1].start == 0 or not cut[1].text.startswith("Word |")


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(1, 2, 3, 4), (0, 3, 2, 9)], (0, 2, 3, 9)),
        ([(1, 2, 3, 4), None], None),
    ],
)
def test_a_chunk_has_the_box_around_its_blocks(
    boxes: list[Box | None], expected: Box | None
) -> None:
    given_ = [*sections("one\n\n", box=boxes[0]), *sections("two", box=boxes[1])]

    (chunk,) = chunks(given_)

    assert chunk.box == expected


def test_a_chunk_over_two_pages_has_both_and_no_box() -> None:
    box = (1.0, 2.0, 3.0, 4.0)

    (chunk,) = chunks([*sections("one\n\n", 3, box), *sections("two", 7, box)])

    assert (chunk.pages, chunk.box) == ((3, 7), None)
