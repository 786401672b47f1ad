"""What commands print: texts of strangers (names, errors, results) must not steer the terminal."""

from __future__ import annotations

import re
import unicodedata
from typing import BinaryIO, Final

import click

_STEERING: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Controls, marks that change the direction of what follows, halves of characters, line breaks."""

_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Those of a text of several lines; marks of direction belong to its script."""


class Terminal:
    """A terminal that texts are written to, as bytes: controls are written out."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, block: bytes) -> None:
        text = block.decode(errors="replace")
        self._stream.write(_CONTROLS.sub(lambda found: _written_out(found[0]), text).encode())

    def flush(self) -> None:
        self._stream.flush()


def plain(text: object) -> str:
    r"""Return a text on one line, with what would steer a terminal written out, such as `\x1b`."""
    return "".join(
        _written_out(char) if unicodedata.category(char) in _STEERING else char
        for char in str(text)
    )


def say(text: object, *, err: bool = False) -> None:
    """Print a text as one line."""
    click.echo(plain(text), err=err)


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
