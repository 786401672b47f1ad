"""Options as Unstructured's clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.dialects.options import Options
from ilios.api.dialects.unstructured.composites import Cutting
from ilios.api.dialects.unstructured.elements import ElementFields
from ilios.api.dialects.unstructured.options import PartitionRequest, wanted_of
from ilios.core.errors import IliosError
from ilios.core.request_errors import InvalidField, OptionUnavailable

OF_THE_SDK = {
    "coordinates": "false",
    "do_not_break_similarity_on_footer_header": "false",
    "include_page_breaks": "false",
    "include_slide_notes": "true",
    "multipage_sections": "true",
    "output_format": "application/json",
    "overlap": "0",
    "overlap_all": "false",
    "pdf_infer_table_structure": "true",
    "split_pdf_allow_failed": "false",
    "split_pdf_cache_tmp_data": "false",
    "split_pdf_concurrency_level": "5",
    "split_pdf_page": "true",
    "unique_element_ids": "false",
    "xml_keep_tags": "false",
}
"""What unstructured-client 0.46.4 sends when nothing is chosen, but `strategy`."""


def test_what_the_sdk_sends_by_itself_needs_no_note() -> None:
    options = Options(OF_THE_SDK)

    assert wanted_of(options) == PartitionRequest(ElementFields(), None)
    assert options.notes() == []


def test_what_has_no_effect_is_noted() -> None:
    options = Options({"strategy": "hi_res", "languages[]": ["eng"], "overlap_all": "true"})
    wanted_of(options)

    (note,) = options.notes()
    assert "languages, strategy" in note["message"]


@pytest.mark.parametrize(
    ("sent", "cutting"),
    [
        ({}, Cutting(500)),
        ({"chunking_strategy": "basic"}, Cutting(500, at_titles=False)),
        ({"chunking_strategy": "BY_PAGE"}, Cutting(500, at_titles=False, at_pages=True)),
        ({"multipage_sections": "false"}, Cutting(500, at_pages=True)),
        ({"max_characters": "0900", "overlap": "20"}, Cutting(900, 20)),
        ({"max_characters": "900", "new_after_n_chars": "600"}, Cutting(600)),
        ({"max_characters": "900", "new_after_n_chars": "1500"}, Cutting(900)),
        ({"max_characters": "900", "new_after_n_chars": "0"}, Cutting(900)),
    ],
)
def test_chunks_are_cut_as_asked_for(sent: dict[str, Any], cutting: Cutting) -> None:
    options = Options({"chunking_strategy": "by_title", **sent})

    assert wanted_of(options).cutting == cutting


def test_without_a_strategy_nothing_else_about_chunks_counts() -> None:
    assert wanted_of(Options({"max_characters": "a lot"})).cutting is None


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"output_format": "text/csv"}, OptionUnavailable),
        ({"output_format": "text/plain"}, InvalidField),
        ({"chunking_strategy": "by_similarity"}, InvalidField),
        ({"chunking_strategy": "basic", "max_characters": "50"}, InvalidField),
        ({"chunking_strategy": "basic", "max_characters": 10**30}, InvalidField),
        ({"chunking_strategy": "basic", "max_characters": "NaN"}, InvalidField),
        ({"chunking_strategy": "basic", "overlap": "250"}, InvalidField),
        ({"coordinates": "perhaps"}, InvalidField),
        ({"starting_page_number": "0"}, InvalidField),
        ({"starting_page_number": "1" * 40}, InvalidField),
        ({"starting_page_number": float("nan")}, InvalidField),
    ],
)
def test_wrong_values_are_refused(sent: dict[str, Any], error: type[IliosError]) -> None:
    with pytest.raises(error):
        wanted_of(Options(sent))
