"""The last line: what was lost, paid twice, or wrong otherwise."""

from __future__ import annotations

from collections.abc import Sequence

LOST = ("is lost", "is deleted", "does not come to rest")
PAID = "pages were billed"


def verdict(violations: Sequence[str]) -> str:
    """Return the counts of the kinds."""
    lost = sum(one.endswith(LOST[:2]) or LOST[2] in one for one in violations)
    paid = sum(PAID in one for one in violations)
    wrong = len(violations) - lost - paid
    return f"{lost} lost, {paid} paid twice, {wrong} wrong: {len(violations)} violations"
