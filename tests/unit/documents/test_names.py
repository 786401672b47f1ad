"""What is looked for in names: any part of them, in either case, without signs of its own."""

from __future__ import annotations

import pytest

from ilios.documents import names


@pytest.mark.parametrize(
    ("part", "pattern"),
    [
        ("Report", "%Report%"),
        ("100%_a/b", "%100/%/_a//b%"),
        ("É*", "*[Éé][*]*"),
        ("ß?1", "*ß[?]1*"),
    ],
)
def test_signs_of_patterns_stand_for_themselves(part: str, pattern: str) -> None:
    assert names.pattern(part, is_like=part.isascii()) == pattern
