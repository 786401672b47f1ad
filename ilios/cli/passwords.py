"""The password of documents: from standard input or the environment, never an argument.

Others on a machine see the command lines that run there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

VARIABLE: Final = "ILIOS_PASSWORD"
NO_TEXT: Final = "The password is no text in UTF-8."
WITH_NUL: Final = "The password has a NUL in it."

password_stdin: Final = click.option(
    "--password-stdin",
    is_flag=True,
    help=f"Read the password of protected documents from standard input. [env: {VARIABLE}]",
)


def given(*, from_stdin: bool, inputs: Sequence[str] = ()) -> str | None:
    """Return the password of protected documents, if there is one.

    Of standard input it is the first line. Raises UsageError when there is none, when a document
    is to be read from there, or for bytes that are no text.
    """
    if not from_stdin:
        password = os.environ.get(VARIABLE, "")
    elif "-" in inputs:
        raise click.UsageError(
            f"- is a document on standard input: give its password in {VARIABLE}."
        )
    elif not (password := _first_line()):
        raise click.UsageError("--password-stdin: there is no password on standard input.")
    try:
        password.encode()
    except UnicodeEncodeError:  # bytes that the environment, or Python, did not decode
        raise click.UsageError(NO_TEXT) from None
    if "\0" in password:
        raise click.UsageError(WITH_NUL)
    return password or None


def _first_line() -> str:
    try:
        return "" if sys.stdin is None else sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError(NO_TEXT) from None
