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

password_stdin: Final = click.option(
    "--password-stdin",
    is_flag=True,
    help=f"Read the password of protected documents from standard input. [env: {VARIABLE}]",
)


def given(*, from_stdin: bool, inputs: Sequence[str] = ()) -> str | None:
    """Return the password of protected documents, if there is one.

    Of standard input it is the first line. Raises UsageError when there is none, or when a document
    is to be read from there.
    """
    if not from_stdin:
        return os.environ.get(VARIABLE) or None
    if "-" in inputs:
        raise click.UsageError(
            f"- is a document on standard input: give its password in {VARIABLE}."
        )
    line = "" if sys.stdin is None else sys.stdin.readline()
    if password := line.rstrip("\r\n"):
        return password
    raise click.UsageError("--password-stdin: there is no password on standard input.")
