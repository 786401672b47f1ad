"""A paid answer on a full disk."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from ilios.conversion import answer_keeping
from ilios.conversion.answer_keeping import keep_answer
from ilios.core.spare_file import SPARE_BYTES, SpareFile
from ilios.storage.answer_spool import AnswerSpool, CallRecord, SpooledAnswer

CALL = CallRecord("call", "job", "document", None)


class FullSpool(AnswerSpool):
    """A spool that refuses a number of times before it has room."""

    def __init__(self, folder: Path, refusals: int, code: int = errno.ENOSPC) -> None:
        super().__init__(folder)
        self.refusals = refusals
        self._code = code

    def keep(self, call: CallRecord, body: bytes) -> SpooledAnswer:
        if self.refusals:
            self.refusals -= 1
            raise OSError(self._code, "refused")
        return super().keep(call, body)


@pytest.fixture
def spare(tmp_path: Path) -> SpareFile:
    return SpareFile(tmp_path / "ilios.db")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_the_spare_file_is_given_up_for_it(
    tmp_path: Path, spare: SpareFile, pauses: list[float]
) -> None:
    spare.make()
    spool = FullSpool(tmp_path, refusals=1)

    assert keep_answer(spool, spare, CALL, b"paid")

    assert [one.body() for one in spool.of_job("job")] == [b"paid"]
    assert spare.missing_bytes() == SPARE_BYTES
    assert pauses == []


def test_it_waits_in_memory_until_there_is_room(
    tmp_path: Path, spare: SpareFile, pauses: list[float]
) -> None:
    spool = FullSpool(tmp_path, refusals=3)

    assert keep_answer(spool, spare, CALL, b"paid")

    assert [one.body() for one in spool.of_job("job")] == [b"paid"]
    assert len(pauses) == 3


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_the_database_gets_it_at_last(
    tmp_path: Path,
    spare: SpareFile,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    monkeypatch.setattr(answer_keeping, "ROOM_WAIT_SECONDS", 0.0)

    assert not keep_answer(FullSpool(tmp_path, refusals=1, code=code), spare, CALL, b"paid")

    assert pauses == []
