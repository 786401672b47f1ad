"""API keys of a test's own, and a clock that it moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ilios.accounts.holdings import Standard
from ilios.accounts.key_admin import Issued, KeyAdmin
from ilios.accounts.keys import Terms
from ilios.core import clock
from ilios.db.database import Database

STANDARD = Standard(storage_bytes=None, waiting_documents=10_000)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def issue(database: Database, name: str = "team", **terms: Any) -> Issued:
    """Return a new key on these terms."""
    return KeyAdmin(database).create(Terms(name=name, **terms))


class MovableClock:
    """What `clock.now` says in this process; it stands still between moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.set(NOON)
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def set(self, moment: datetime) -> None:
        self.now = moment

    def advance(self, **span: float) -> None:
        self.set(self.now + timedelta(**span))


class ShiftedClock:
    """Goes on from where it is set, in this process and in those that are given its file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, moment: datetime) -> None:
        self.path = path
        self.set(moment)
        monkeypatch.setattr(clock, "now", lambda: shifted_now(path))

    def set(self, moment: datetime) -> None:
        seconds = (moment - datetime.now(UTC)).total_seconds()
        beside = self.path.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self.path)


def shifted_now(path: Path) -> datetime:
    """Return what time it is by the clock of this file."""
    return datetime.now(UTC) + timedelta(seconds=float(path.read_text()))
