"""The better of two readings, block by block."""

from __future__ import annotations

from ilios.engines.embedded.pdf import repair
from ilios.engines.embedded.pdf.blocks import Piece
from ilios.engines.embedded.pdf.lines import TextLine, whole


def block(text: str, box: tuple[float, float, float, float]) -> Piece:
    return Piece("paragraph", "", text, "\n\n", box)


def test_rows_that_overlap_keep_their_words() -> None:
    parts = [
        block("Rope 1200 coils", (70, 100, 500, 140)),
        block("Tar 350 casks of it", (70, 130, 520, 175)),
    ]
    lines = [
        TextLine("1200", (150, 102, 180, 115)),
        TextLine("350", (150, 132, 180, 145)),
        TextLine("Rope", (72, 102, 120, 115)),
        TextLine("coils", (300, 102, 340, 115)),
        TextLine("Tar", (72, 132, 120, 145)),
        TextLine("casks of it", (300, 150, 380, 165)),
    ]

    words = repair.repaired(parts, lines).markdown.split("\n\n")

    assert sorted(words[0].split()) == sorted(["Rope", "1200", "coils"])
    assert sorted(words[1].split()) == sorted(["Tar", "350", "casks", "of", "it"])


def test_a_short_line_outside_of_all_blocks_is_kept_although_a_word_has_its_letters() -> None:
    parts = [block("The log of the ship", (70, 100, 300, 120))]
    lines = [
        TextLine("The log of the ship", (70, 100, 300, 120)),
        TextLine("lo", (20, 400, 30, 410)),
    ]

    assert repair.repaired(parts, lines).markdown == "The log of the ship\n\nlo"


def test_turned_lines_are_joined_where_no_word_ends() -> None:
    upwards = 4.71
    pieces = [
        ("Wa", (50.0, 620.0, 60.0, 600.0), upwards),
        ("ter", (50.0, 645.0, 60.0, 621.0), upwards),
        ("level", (50.0, 680.0, 60.0, 650.0), upwards),
        ("May", (50.0, 690.0, 90.0, 680.0), 0.0),
        ("June", (50.0, 680.0, 90.0, 670.0), 0.0),
    ]

    assert [text for text, _ in whole(pieces)] == ["Water", "level", "May", "June"]
