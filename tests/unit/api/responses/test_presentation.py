"""What a client may choose of the form of a result, and how answers are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.responses import forms
from ilios.api.responses.presentation import Presentation
from ilios.api.schemas.shown import FORMATS
from ilios.core.request_errors import OptionUnavailable

CHOSEN: list[dict[str, Any]] = [
    {"format": "markdown"},
    {"format": "markdown", "front_matter": True},
    {"format": "markdown", "page_separator": "x"},
    {"format": "markdown", "page_separator": "y"},
    {"format": "text"},
    {"format": "text", "page_separator": "x"},
    {"format": "json"},
    {"format": "json", "include": "blocks"},
    {"format": "json", "front_matter": True},
    {"format": "json", "include": "blocks", "page_separator": "\n"},
    {"format": "chunks"},
    {"format": "chunks", "chunk_size": 200},
    {"format": "chunks", "chunk_overlap": 200},
]


def test_each_choice_has_an_etag_of_its_own() -> None:
    stamps = [Presentation.of(fields).stamp for fields in CHOSEN]

    assert len(set(stamps)) == len(CHOSEN)
    assert [stamps[0], stamps[4]] == ["markdown", "text"]  # as before there were choices
    assert "json" not in stamps  # it had no pages


def test_there_are_the_forms_that_clients_may_ask_for() -> None:
    assert tuple(forms.FORMS) == FORMATS


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"format": "markdown", "include": "blocks"}, "include is for format=json, zip"),
        ({"format": "text", "front_matter": True}, "frontMatter is for format=markdown, json, zip"),
        ({"format": "json", "embed_images": True}, "embedImages is for format=html"),
    ],
)
def test_what_a_form_cannot_show_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionUnavailable, match=sentence):
        Presentation.of(fields)
