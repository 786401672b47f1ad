"""What clients of docling-serve may want, as they send it."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.dialects.docling.wanted import Chunking, ResultForms, page_range, seconds
from ilios.api.dialects.options import Options
from ilios.core.request_errors import InvalidField, OptionUnavailable
from ilios.documents import chunks


def test_without_options_markdown_is_wanted_without_images() -> None:
    assert ResultForms.of(Options({})) == ResultForms(("md",), False, "placeholder", None)


def test_options_are_read_from_forms_and_from_json_alike() -> None:
    form = {
        "to_formats": ["md", "json"],
        "target_type": "zip",
        "image_export_mode": "embedded",
        "md_page_break_placeholder": "\f",
    }

    wanted = ResultForms.of(Options(form))

    assert wanted == ResultForms(("md", "json"), True, "embedded", "\f")
    assert wanted == ResultForms.of(Options(wanted.as_options()))
    assert wanted == ResultForms.of(Options({**form, "to_formats": "md,json"}))


@pytest.mark.parametrize(
    "options",
    [
        {"to_formats": ["md", "doctags"]},
        {"to_formats": [{"md": 1}]},
        {"image_export_mode": "inline"},
        {"target_type": "ftp"},
        {"target_type": {"kind": "zip"}},
        {"md_page_break_placeholder": "x" * 65},
        {"md_page_break_placeholder": 7},
    ],
)
def test_what_is_not_known_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        ResultForms.of(Options(options))


@pytest.mark.parametrize("target", ["presigned_url", "put", "s3"])
def test_a_target_elsewhere_is_refused_in_the_words_that_clients_know(target: str) -> None:
    with pytest.raises(OptionUnavailable) as refusal:
        ResultForms.of(Options({"target_type": target}))

    assert target in refusal.value.detail
    assert "Input should be" in refusal.value.detail


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (None, None),
        ([1, 2**63 - 1], None),
        (["1", "9223372036854775807"], None),
        ("[2, 4]", (2, 4)),
        (["2", "9223372036854775807"], (2, 2**63 - 1)),
        ([3, 3], (3, 3)),
    ],
)
def test_a_range_of_pages_has_two_ends(sent: Any, expected: tuple[int, int] | None) -> None:
    assert page_range(Options({"page_range": sent})) == expected


@pytest.mark.parametrize(
    "sent", [[1], [1, 2, 3], [0, 2], [3, 2], ["007x", 9], [1, 10**30], [1, float("nan")], [True, 2]]
)
def test_a_range_that_is_none_is_refused(sent: Any) -> None:
    with pytest.raises(InvalidField):
        page_range(Options({"page_range": sent}))


def test_the_size_of_chunks_is_told_in_tokens() -> None:
    prefix = "chunking_"

    assert Chunking.of(Options({})).size == chunks.SIZE
    assert Chunking.of(Options({f"{prefix}max_tokens": "512"})).size == 2048
    assert Chunking.of(Options({f"{prefix}max_tokens": 1})).size == chunks.SIZE_MIN
    chosen = Chunking(2000, has_raw_text=True, has_document=True)
    assert Chunking.of(Options(chosen.as_options())) == chosen


@pytest.mark.parametrize(("sent", "expected"), [(None, 0), ("5", 5), ("1.5", 1.5), (1e9, 60)])
def test_a_wait_is_a_number_of_seconds(sent: Any, expected: float) -> None:
    assert seconds(Options({"wait": sent}), "wait", 60) == expected


@pytest.mark.parametrize("sent", ["-1", "nan", "inf", "soon", "1" * 400, [[]]])
def test_a_wait_that_is_none_is_refused(sent: Any) -> None:
    with pytest.raises(InvalidField):
        seconds(Options({"wait": sent}), "wait", 60)
