"""How a run over very many documents shows itself: how far it is, how fast, and what failed."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import click

from ilios.cli.output import plain
from ilios.cli.progress import CLEAR_LINE

TERMINAL_SECONDS: Final = 0.5  #: between two looks, on a terminal
LINES_SECONDS: Final = 10.0  #: the same elsewhere, where each is a line of its own
RATE_SECONDS: Final = 60.0  #: for which the rate is told


class BulkProgress:
    """The counts of a run, told on standard error."""

    def __init__(self, total: Callable[[], str], now: Callable[[], float] = time.monotonic) -> None:
        """`total` says how many documents there are, as far as that is known."""
        self.completed = self.pages = self.skipped = self.failed = self.unread = 0
        self._total = total
        self._now = now
        self._is_terminal = sys.stderr.isatty()
        self._begun = now()
        self._told_at = self._begun
        self._looks: deque[tuple[float, int]] = deque([(self._begun, 0)])

    @property
    def has_failed(self) -> bool:
        return bool(self.failed or self.unread)

    def skip(self) -> None:
        """Take note of a document that the target has, or that is the same as another one."""
        self.skipped += 1

    def complete(self, pages: int) -> None:
        """Take note of a document that is converted."""
        self.completed += 1
        self.pages += pages

    def fail(self, shown: str, reason: str, *, is_written: bool) -> None:
        """Say of a document why it has no result; one that is written down is not tried again."""
        self.failed += is_written
        self.unread += not is_written
        before = CLEAR_LINE if self._is_terminal else ""
        click.echo(before + plain(f"ilios: {shown}: {reason}"), err=True)

    def tick(self) -> None:
        """Show how far it is, if it is time for that."""
        now = self._now()
        if now - self._told_at < (TERMINAL_SECONDS if self._is_terminal else LINES_SECONDS):
            return
        self._told_at = now
        self._looks.append((now, self.completed))
        while now - self._looks[0][0] > RATE_SECONDS:
            self._looks.popleft()
        line = f"{self.summary()}, {self._rate(now):.1f}/s"
        click.echo(
            CLEAR_LINE + line if self._is_terminal else line, err=True, nl=not self._is_terminal
        )

    def end(self) -> None:
        """Say what became of all."""
        seconds = max(self._now() - self._begun, 0.001)
        before = CLEAR_LINE if self._is_terminal else ""
        rate = self.completed / seconds
        click.echo(f"{before}{self.summary()}, {rate:.1f}/s in {seconds:.0f} s", err=True)

    def summary(self) -> str:
        """Return the counts in one line."""
        done = self.completed + self.skipped + self.failed + self.unread
        told = [
            f"{done:,} of {self._total()} documents",
            f"{self.completed:,} converted ({self.pages:,} pages)",
            f"{self.skipped:,} known" if self.skipped else "",
            f"{self.failed:,} failed" if self.failed else "",
            f"{self.unread:,} not read" if self.unread else "",
        ]
        return ", ".join(filter(None, told))

    def _rate(self, now: float) -> float:
        """Return how many documents a second were converted of late."""
        since, before = self._looks[0]
        return (self.completed - before) / max(now - since, 0.001)
