"""Numbers that a document gives as text: figures of ASCII, and no more of them than make sense.

`str.isdigit` takes signs such as `²` that `int` refuses, and `int` refuses thousands of figures.
"""

from __future__ import annotations

import re
from typing import Final

FIGURES_MAX: Final = 9
_WHOLE: Final = re.compile(rf"-?[0-9]{{1,{FIGURES_MAX}}}")


def whole_number(text: str | None) -> int | None:
    """Return a whole number, negative ones too; None for anything else, and for longer ones."""
    return int(text) if text and _WHOLE.fullmatch(text) else None


def unsigned(text: str | None, otherwise: int) -> int:
    """Return a whole number that is not negative; `otherwise` if the text is none."""
    number = whole_number(text)
    return otherwise if number is None or number < 0 else number
