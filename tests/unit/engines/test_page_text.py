"""Texts in pieces, in memory and in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.engines import page_text
from ilios.engines.page_text import TextSpool, cut

TEXTS = ("", "short", "ä€😀" * 7, "x" * 10, "y" * 20, "x" * 21)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_text, "PIECE_MAX_CHARACTERS", 10)
    monkeypatch.setattr(page_text, "_BLOCK_BYTES", 7)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_cut_into_full_pieces_and_a_rest(text: str) -> None:
    pieces = list(cut(text))

    assert "".join(pieces) == text
    assert {len(piece) for piece in pieces[:-1]} <= {10}
    assert len(pieces) == max(1, -(-len(text) // 10))


def test_texts_in_one_file_are_read_in_the_same_pieces(tmp_path: Path) -> None:
    spool = TextSpool(tmp_path)
    spool.append("before")
    texts = []
    for text in TEXTS:
        start = spool.size_bytes
        for piece in cut(text):
            spool.append(piece)
        texts.append(spool.text_from(start, len(text)))

    assert [list(text.pieces()) for text in texts] == [list(cut(text)) for text in TEXTS]
    assert [text.characters for text in texts] == [len(text) for text in TEXTS]
    assert list(tmp_path.iterdir()) == []  # it has no name, and so nothing is left of it
