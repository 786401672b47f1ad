"""How a run over many files shows itself: a bar on a terminal, else failures alone."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import click

from ilios.cli.output import plain, say

if TYPE_CHECKING:
    from ilios.local.inputs import Document

CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """A bar of documents on standard error. Threads may share it."""

    def __init__(self, documents: int, skipped: int = 0, *, is_hidden: bool = False) -> None:
        self.has_failed = False
        self._turn = threading.Lock()
        self._is_shown = sys.stderr.isatty() and documents > 0 and not is_hidden
        self._bar: Any = click.progressbar(
            length=documents, label="Converting", show_pos=True, file=sys.stderr
        )
        if sys.stderr.isatty() and skipped:
            say(f"{skipped} of {documents + skipped} have a newer result.", err=True)

    def __enter__(self) -> Self:
        if self._is_shown:
            self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            self._bar.__exit__(kind, error, trace)

    def advance(self) -> None:
        """Take note that a document is done."""
        if self._is_shown:
            with self._turn:
                self._bar.update(1)

    def fail(self, document: Document, reason: str) -> None:
        """Say of a document why it has no result, in one line."""
        self.has_failed = True
        line = plain(f"ilios: {document.shown}: {reason}")
        with self._turn:
            if self._is_shown:
                click.echo(CLEAR_LINE, nl=False, err=True)
            click.echo(line, err=True)
            if self._is_shown:
                self._bar.render_progress()
