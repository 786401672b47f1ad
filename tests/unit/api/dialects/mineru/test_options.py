"""Options as MinerU's clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.dialects.mineru.answers import ResultParts
from ilios.api.dialects.mineru.options import PAGE_ID_MAX, pages_of, wanted_of
from ilios.api.dialects.options import Options
from ilios.core.request_errors import InvalidField

OF_RAGFLOW = {
    "output_dir": "./output",
    "backend": "pipeline",
    "parse_method": "auto",
    "formula_enable": "True",
    "table_enable": "True",
    "return_md": "True",
    "return_middle_json": "True",
    "return_model_output": "True",
    "return_content_list": "True",
    "return_images": "True",
    "response_format_zip": "True",
    "start_page_id": "0",
    "end_page_id": "99999",
}


def test_what_ragflow_wants_is_read() -> None:
    options = Options(OF_RAGFLOW)

    assert wanted_of(options) == ResultParts(markdown=True, content_list=True, images=True)
    assert pages_of(options) is None


def test_markdown_is_wanted_unless_it_is_refused() -> None:
    assert wanted_of(Options({})) == ResultParts()
    assert wanted_of(Options({"return_md": "0"})) == ResultParts(markdown=False)


@pytest.mark.parametrize(
    ("sent", "span"),
    [
        ({"start_page_id": "007"}, (7, PAGE_ID_MAX)),
        ({"end_page_id": "0"}, (0, 0)),
        ({"start_page_id": "2", "end_page_id": "4"}, (2, 4)),
        ({"end_page_id": "-1"}, None),
        ({"end_page_id": "9223372036854775807"[:18]}, None),
    ],
)
def test_pages_count_from_zero(sent: dict[str, Any], span: tuple[int, int] | None) -> None:
    assert pages_of(Options(sent)) == span


@pytest.mark.parametrize(
    "sent",
    [
        {"start_page_id": "-1"},
        {"start_page_id": 10**30},
        {"start_page_id": "1" + "0" * 30},
        {"start_page_id": "NaN"},
        {"end_page_id": "1e3"},
        {"start_page_id": "3", "end_page_id": "2"},
        {"end_page_id": "last"},
    ],
)
def test_pages_that_are_none_are_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        pages_of(Options(sent))
