"""What commands print: texts of strangers (names, errors, labels) must not steer the terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

import click

_STEERING: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Controls, marks that change the direction of what follows, halves of characters, line breaks."""


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
