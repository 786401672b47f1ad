"""How much of a text layer its Markdown keeps, and whether it is readable."""

from __future__ import annotations

from ilios.engines.embedded.pdf import fidelity


def test_words_that_are_only_split_otherwise_are_not_lost() -> None:
    assert fidelity.kept_share("harbour master book", "harbourmaster book") == 1.0
    assert fidelity.kept_share("harbour", "harbour master book") < fidelity.KEPT_ENOUGH


def test_fonts_without_a_mapping_are_noticed() -> None:
    assert fidelity.is_garbled("\x01\x02\x03 some words \x05\x06\x07\x08 and \x0e\x0f more")
    assert not fidelity.is_garbled("تحسين الإنتاجية وحل المشكلات من خلال البرمجة")
