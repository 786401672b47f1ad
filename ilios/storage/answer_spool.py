"""Paid answers on the data volume, from their arrival until the database has them.

A file for each: a line of JSON that says what was asked, then the answer as it came. So neither a
crash nor a database that refuses costs a page twice: the next attempt at the job finds them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ilios.core.durable_files import DRAFT_SUFFIX, fsync, replacing
from ilios.core.telemetry import logs

log = logs.get(__name__)

SUFFIX = ".answer"
RESULTS_SUFFIX = ".lines"  #: of the downloaded results of a provider's batch, in the same folder


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What a call asked for; `indexes` are pages of the whole document, None when not known."""

    call_id: str
    job_id: str
    document_id: str
    indexes: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class SpooledAnswer:
    """An answer that is still a file."""

    question: CallRecord
    path: Path

    def body(self) -> bytes:
        """The answer as it came."""
        return self.path.read_bytes().partition(b"\n")[2]


class AnswerSpool:
    """A folder of answers; processes of one data volume share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, question: CallRecord, body: bytes) -> None:
        """Write an answer down; when this returns, a crash of this process does not lose it."""
        with replacing(self._path(question)) as file:
            file.write(json.dumps(asdict(question)).encode() + b"\n")
            file.write(body)

    def secure(self, question: CallRecord) -> None:
        """Make an answer outlive a power cut too: it may have to wait here for long."""
        with suppress(FileNotFoundError):  # none has come, or it is in the database
            fsync(self._path(question))
            fsync(self._folder)

    def forget(self, question: CallRecord) -> None:
        """Remove an answer that the database has, or that nobody can read."""
        self._path(question).unlink(missing_ok=True)

    def of_job(self, job_id: str) -> list[SpooledAnswer]:
        """Answers of earlier attempts at a job."""
        return list(self._found(f"{job_id}-"))

    def older_than(self, seconds: float) -> list[SpooledAnswer]:
        """Answers that nobody has come back for."""
        oldest = time.time() - seconds
        return [kept for kept in self._found("") if _written_at(kept.path) < oldest]

    def remove_drafts(self) -> None:
        """Remove halves of answers; for a supervisor that has just started, without workers."""
        for draft in self._folder.glob(f"*{DRAFT_SUFFIX}"):
            draft.unlink(missing_ok=True)

    def _found(self, prefix: str) -> Iterator[SpooledAnswer]:
        # Not a glob: this is asked before each call, and the folder is nearly always empty.
        found = os.listdir(self._folder)  # noqa: PTH208  # names, not paths
        names = [name for name in found if name.endswith(SUFFIX)]
        for path in (self._folder / name for name in sorted(names) if name.startswith(prefix)):
            try:
                with path.open("rb") as file:
                    fields = json.loads(file.readline())
                indexes = fields["indexes"]
                question = CallRecord(**{**fields, "indexes": indexes and tuple(indexes)})
            except FileNotFoundError:
                continue  # somebody else was faster
            except (ValueError, TypeError, KeyError):
                log.exception("answer.unreadable", file=path.name)
                continue
            yield SpooledAnswer(question, path)

    def _path(self, question: CallRecord) -> Path:
        return self._folder / f"{question.job_id}-{question.call_id}{SUFFIX}"


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
