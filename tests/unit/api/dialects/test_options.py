"""Options as clients write them: the same value in many spellings, and wrong ones refused."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.api.dialects.options import Options
from ilios.core.request_errors import InvalidField


@pytest.mark.parametrize("value", ["true", "True", " 1", "yes", "on", 1, True, ["false", "true"]])
def test_yes_is_written_in_many_ways(value: Any) -> None:
    assert Options({"do_ocr": value}).flag("do_ocr", False) is True


@pytest.mark.parametrize("value", ["false", "0", "NO", "off", 0, False])
def test_no_is_too(value: Any) -> None:
    assert Options({"do_ocr": value}).flag("do_ocr", True) is False


@pytest.mark.parametrize("value", ["", None, [], [None, ""]])
def test_what_is_null_or_empty_was_not_sent(value: Any) -> None:
    options = Options({"one": value})

    assert options.flag("one", True) is True
    assert options.whole("one", 1, 9, 5) == 5
    assert options.text("one", "text") == "text"
    assert options.pages("one") is None
    assert options.notes() == []


@pytest.mark.parametrize("value", ["maybe", "2", 2, 0.5, {}, "yes" * 10_000])
def test_anything_else_is_no_choice(value: Any) -> None:
    with pytest.raises(InvalidField, match="allowed: true or false"):
        Options({"do_ocr": value}).flag("do_ocr", True)


@pytest.mark.parametrize("value", [7, "7", "007", "+7", "7.0", 7.0, " 7 "])
def test_a_number_is_one_in_any_notation(value: Any) -> None:
    assert Options({"size": value}).whole("size", 1, 10) == 7


@pytest.mark.parametrize(
    "value",
    [0, 11, "0", "-1", "1e1", "7.5", 7.5, True, 10**30, "9" * 5000, "٧", "x",
     float("nan"), float("inf"), {}],
)  # fmt: skip
def test_a_number_out_of_bounds_or_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidField) as refused:
        Options({"size": value}).whole("size", 1, 10)

    assert refused.value.code == "invalid_size"
    assert "1 to 10" in refused.value.detail


def test_the_largest_number_of_64_bits_is_one() -> None:
    assert Options({"end": str(2**63 - 1)}).whole("end", 1, 2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize(
    "value", ["md,json", ["md", "json"], ["md,json"], "['md', 'json']", ["MD", "json", "md"]]
)
def test_a_list_is_repeated_or_separated_by_commas(value: Any) -> None:
    assert Options({"to_formats[]": value}).choices("to_formats", ("md", "json", "html")) == [
        "md",
        "json",
    ]


def test_a_word_that_is_none_of_the_allowed_is_named() -> None:
    with pytest.raises(InvalidField, match="'xml'; allowed: md or json"):
        Options({"to_formats": ["md", "xml"]}).choices("to_formats", ("md", "json"))


@pytest.mark.parametrize(
    ("value", "first", "pages"),
    [
        ("1-3,7", 1, "1-3,7"),
        ("0-2, 6", 0, "1-3,7"),
        ([0, 1, 2, 6], 0, "1-3,7"),
        (["0-2", 6], 0, "1-3,7"),
        (3, 0, "4"),
        ("003", 1, "3"),
        ([2, 2, 1], 1, "1-2"),
    ],
)
def test_pages_are_numbers_and_ranges_from_either_first_one(
    value: Any, first: int, pages: str
) -> None:
    assert str(Options({"pages": value}).pages("pages", first=first)) == pages


@pytest.mark.parametrize(
    "value", ["0", "3-1", "a", [-1], [0.5], [[1]], "1-100001", 10**30, [True], "1" * 40]
)
def test_pages_that_are_none_are_refused(value: Any) -> None:
    with pytest.raises(InvalidField):
        Options({"pages": value}).pages("pages")


def test_wide_ranges_without_end_are_refused_at_once() -> None:
    with pytest.raises(InvalidField):
        Options({"pages": ["1-100000"] * 5_000}).pages("pages")
    with pytest.raises(InvalidField):
        Options({"pages": list(range(1, 20_000))}).pages("pages")


def test_what_nobody_reads_is_noted_by_name() -> None:
    options = Options({"do_ocr": "true", "pipeline": "vlm", "abort_on_error": "no", "unset": None})
    options.flag("do_ocr", False)
    options.ignore("abort_on_error")

    assert options.notes() == [
        {"code": "options_ignored", "message": "Without effect here: pipeline.", "page": None}
    ]


def test_a_note_names_a_few_and_counts_the_rest() -> None:
    (note,) = Options({f"{number:0100}": "x" for number in range(1_000)}).notes()

    assert len(note["message"]) < 2_000
    assert note["message"].endswith(", and 980 more.")


def test_a_text_is_no_longer_than_it_may_be() -> None:
    assert Options({"name": "a" * 10}).text("name", most=10) == "a" * 10
    wrong: list[Any] = ["a" * 11, 5, {}]
    for value in wrong:
        with pytest.raises(InvalidField, match="at most 10 characters"):
            Options({"name": value}).text("name", most=10)


def test_a_text_has_no_half_of_a_character() -> None:
    assert Options({"name": "\N{GRINNING FACE}"}).text("name") == "\N{GRINNING FACE}"
    with pytest.raises(InvalidField, match="name is"):
        Options({"name": "half \ud83d"}).text("name")
