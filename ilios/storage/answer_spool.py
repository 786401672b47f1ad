"""The spool of paid answers: files on the data volume until the database has their content.

Each is a line of JSON that describes the call, then the answer as it came. So neither a crash nor a
database that refuses to write costs a page twice: the next attempt at the job finds them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilios.core import failpoints
from ilios.core.durable_files import DRAFT_SUFFIX, fsync, replace
from ilios.core.telemetry import logs

log = logs.get(__name__)

SUFFIX = ".answer"
RESULTS_SUFFIX = ".lines"  #: of the downloaded results of a provider's batch, in the same folder


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What a call asks for; `indexes` are pages of the whole document, None when not known."""

    call_id: str
    job_id: str
    document_id: str
    indexes: tuple[int, ...] | None
    is_annotated: bool = False  #: paid at the price of pages with fields by a schema


@dataclass(frozen=True, slots=True)
class SpooledAnswer:
    """An answer in the spool."""

    call: CallRecord
    path: str
    deaths: int = 0  #: of processes that were parsing it

    def body(self) -> bytes:
        """Return the answer as it came."""
        return Path(self.path).read_bytes().partition(b"\n")[2]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Mark the answer while the block parses it: what dies in there, dies of it.

        The file's name is the mark, so that it outlives the process.
        """
        name = f"{_stem(self.call)}.{self.deaths + 1}{SUFFIX}"
        marked = os.path.join(os.path.dirname(self.path), name)
        with suppress(FileNotFoundError):  # another process has taken it
            os.rename(self.path, marked)
        failpoints.reach(failpoints.ANSWER_READING)
        try:
            yield
        finally:
            with suppress(FileNotFoundError):
                os.rename(marked, self.path)


class AnswerSpool:
    """A folder of answers, shared by the processes of one data volume."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def keep(self, call: CallRecord, body: bytes) -> SpooledAnswer:
        """Write an answer; on return it outlives a crash of this process, but no power cut."""
        path = self._path(call)
        replace(path, json.dumps(fields_of(call)).encode() + b"\n", body)
        return SpooledAnswer(call, str(path))

    def make_durable(self, call: CallRecord) -> None:
        """Make an answer outlive a power cut too: it may have to wait here for long."""
        with suppress(FileNotFoundError):  # the database has it by now
            for path in self._files(f"{_stem(call)}."):
                fsync(Path(path))
                fsync(Path(self._folder))

    def forget(self, call: CallRecord) -> None:
        """Remove an answer that the database has, or that cannot be read."""
        try:
            os.unlink(f"{self._folder}/{_stem(call)}{SUFFIX}")
        except FileNotFoundError:  # it bears a mark, or was never kept
            for path in self._files(f"{_stem(call)}."):
                Path(path).unlink(missing_ok=True)

    def jobs(self) -> set[str]:
        """Return the ids of the jobs that an answer waits for."""
        return {os.path.basename(path).partition("-")[0] for path in self._files("")}

    def of_job(self, job_id: str) -> list[SpooledAnswer]:
        """Return the answers of earlier attempts at a job."""
        return list(self._found(f"{job_id}-"))

    def older_than(self, seconds: float) -> list[SpooledAnswer]:
        """Return answers whose job has not fetched them for so long."""
        oldest = time.time() - seconds
        return [kept for kept in self._found("") if _written_at(kept.path) < oldest]

    def remove_drafts(self, job_ids: Iterable[str] | None = None) -> None:
        """Remove incomplete answers, of these jobs or of all, that no worker runs any more."""
        for job in ("",) if job_ids is None else job_ids:
            for draft in Path(self._folder).glob(f"{job}*{DRAFT_SUFFIX}"):
                draft.unlink(missing_ok=True)

    def _path(self, call: CallRecord) -> Path:
        return Path(f"{self._folder}/{_stem(call)}{SUFFIX}")

    def _found(self, prefix: str) -> Iterator[SpooledAnswer]:
        for path in self._files(prefix):
            try:
                with open(path, "rb") as file:
                    fields = json.loads(file.readline())
                call = call_of(fields)
            except FileNotFoundError:
                continue  # another process has taken it
            except (ValueError, TypeError, KeyError):
                log.exception("answer.unreadable", file=os.path.basename(path))
                continue
            yield SpooledAnswer(call, path, _deaths(path))

    def _files(self, prefix: str) -> list[str]:
        return [
            f"{self._folder}/{name}"
            for name in sorted(os.listdir(self._folder))
            if name.startswith(prefix) and name.endswith(SUFFIX)
        ]


def call_of(fields: dict[str, Any]) -> CallRecord:
    """Return what `fields_of` made fields of. Raises TypeError or KeyError for something else."""
    indexes = fields["indexes"]
    return CallRecord(**{**fields, "indexes": indexes and tuple(indexes)})


def fields_of(call: CallRecord) -> dict[str, object]:
    """Return a call as JSON has it."""
    fields = {name: getattr(call, name) for name in CallRecord.__slots__}
    if not call.is_annotated:
        del fields[
            "is_annotated"
        ]  # which versions before there were fields by a schema do not know
    return fields


def _stem(call: CallRecord) -> str:
    return f"{call.job_id}-{call.call_id}"


def _deaths(path: str) -> int:
    """Return how many processes have left their mark on an answer."""
    mark = os.path.basename(path).removesuffix(SUFFIX).partition(".")[2]
    return int(mark) if mark.isascii() and mark.isdigit() else 0


def _written_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return float("inf")
