"""Languages as Unstructured names them."""

from __future__ import annotations

import pytest

from ilios.api.dialects.unstructured.languages import three_letters_of


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de-AT", "deu"),
        ("EN_us", "eng"),
        ("zh-Hant-TW", "zho"),
        ("gsw", "gsw"),
        ("xx", None),
        ("", None),
        (None, None),
    ],
)
def test_a_tag_is_read(tag: str | None, language: str | None) -> None:
    assert three_letters_of(tag) == language
