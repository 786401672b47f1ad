"""Objects that other programs embedded into an RTF document: only how they look can be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning

NAMED_MAX: Final = 5


class RtfObjects:
    """Follows the open objects; records those without anything to show."""

    def __init__(self) -> None:
        self.kind = ""  #: of the current object, such as `Excel.Sheet.8`
        self._are_shown: list[bool] = []  #: of the open objects
        self._left_out: list[str] = []

    def begin(self) -> None:
        self._are_shown.append(False)
        self.kind = ""

    def show(self) -> None:
        """Note that the innermost object brings its look or its text."""
        if self._are_shown:
            self._are_shown[-1] = True

    def end(self) -> None:
        if not self._are_shown.pop():
            self._left_out.append(self.kind or "without a name")

    def warnings(self) -> Iterator[ConversionWarning]:
        if self._left_out:
            names = self._left_out[:NAMED_MAX]
            yield conversion_warnings.attachments_left_out(len(self._left_out), names)
