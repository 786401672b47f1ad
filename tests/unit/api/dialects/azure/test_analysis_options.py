"""Options of an analysis: read, refused when they are wrong, noted when they have no effect."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.dialects.azure import analysis_options
from ilios.api.dialects.azure.analysis import AnalysisView
from ilios.api.dialects.options import Options
from ilios.core.request_errors import InvalidField

MODEL = "prebuilt-read"


def messages(notes: list[dict[str, Any]]) -> str:
    return " ".join(note["message"] for note in notes)


def test_defaults_are_those_of_the_dialect() -> None:
    found = analysis_options.read(Options({}), MODEL)

    assert (found.pages, found.wants_pdf, found.notes) == (None, False, [])
    assert found.asked.content_format == "text"
    assert found.asked.string_index_type == "textElements"


def test_what_clients_send_is_read() -> None:
    sent = {
        "api-version": "2024-11-30",
        "pages": "1-3, 5",
        "output": "pdf",
        "outputContentFormat": "markdown",
        "stringIndexType": "unicodeCodePoint",
    }

    found = analysis_options.read(Options(sent), MODEL)

    assert (str(found.pages), found.wants_pdf, found.notes) == ("1-3,5", True, [])
    assert found.asked == AnalysisView(MODEL, "markdown", "unicodeCodePoint")


def test_what_has_no_effect_is_noted() -> None:
    sent = {"features": "barcodes,formulas", "output": "figures", "locale": "de", "x": "y"}

    notes = messages(analysis_options.read(Options(sent), MODEL).notes)

    for name in ("features=barcodes", "features=formulas", "output=figures", "locale", "x"):
        assert name in notes


@pytest.mark.parametrize(
    "name", ["pages", "output", "features", "outputContentFormat", "stringIndexType"]
)
@pytest.mark.parametrize("value", ["1e999", "-7", "NaN", "\x00", "9" * 30, ["1", {}]])
def test_a_wrong_value_of_a_known_option_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidField, match=name):
        analysis_options.read(Options({name: value}), MODEL)


def test_what_a_body_has_beside_the_document_is_noted() -> None:
    assert messages(analysis_options.unread({"odd": 1})) == "Without effect here: odd."
    assert analysis_options.unread({}) == []
