"""How much of a text layer its Markdown keeps, and whether it is readable."""

from __future__ import annotations

from ilios.engines.embedded.pdf import fidelity


def test_words_that_are_only_split_otherwise_are_not_lost() -> None:
    assert fidelity.kept_share("harbour master book", "harbourmaster book") == 1.0
    assert fidelity.kept_share("harbour", "harbour master book") < fidelity.KEPT_ENOUGH


def test_fonts_without_a_mapping_are_noticed() -> None:
    assert fidelity.is_garbled("\x01\x02\x03 some words \x05\x06\x07\x08 and \x0e\x0f more")
    assert not fidelity.is_garbled("تحسين الإنتاجية وحل المشكلات من خلال البرمجة")


def test_signs_that_markdown_escapes_are_no_words() -> None:
    assert fidelity.folded("a &lt;b> &amp; c") == ["a", "b", "c"]


def test_indexes_that_one_reader_takes_apart_are_not_lost() -> None:
    lost = fidelity.lost_words(fidelity.folded("[k7, m9]"), fidelity.tokens("[k\n7, m\n9]"))

    assert not lost
    assert fidelity.lost_words(["tower", "3"], fidelity.tokens("tower to 3 5")) == {"to": 1, "5": 1}
