"""A container from its start to its end: all that is run of an image for another processor."""

from __future__ import annotations

import json

from tests.image.conftest import Run
from tests.support.forking import REPOSITORY

FACTS = {
    "invoice.pdf": (
        "Invoice 2026-0417",
        "| HL-045 | Calibration lamp, mercury-argon | 3 | £215.50 | £646.50 |",
        "£6,281.40",
    ),
    "scanned-letter.pdf": ("Harbour Library", "46 sheets", "Thomas Leland"),
    "meeting-notes.docx": (
        "# Meeting notes: spring survey",
        "1. The survey starts on 1 April and lasts six weeks.",
        "| Train the volunteers | Wanjiru | 28 March |",
    ),
}
"""What each sample says."""


def test_it_starts_is_well_converts_the_samples_and_stops(run: Run) -> None:
    container = run()

    assert json.loads(container.curl("/health"))["status"] == "healthy"
    for sample, facts in FACTS.items():
        markdown = container.convert(REPOSITORY / "samples" / sample)
        assert [fact for fact in facts if fact not in markdown] == []
    container.stop()
    assert container.exit_code() == 0
