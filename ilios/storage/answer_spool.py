"""The spool of paid answers: files on the data volume until the database has their content.

Each is a line of JSON that describes the call, then the answer as it came. So neither a crash nor a
database that refuses to write costs a page twice: the next attempt at the job finds them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class SpooledAnswer:
    """An answer in the spool."""

    call: CallRecord
    path: Path
    deaths: int = 0  #: of processes that were parsing it

    def body(self) -> bytes:
        """Return the answer as it came."""
        return self.path.read_bytes().partition(b"\n")[2]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Mark the answer while the block parses it: what dies in there, dies of it.

        The file's name is the mark, so that it outlives the process.
        """
        marked = self.path.with_name(f"{_stem(self.call)}.{self.deaths + 1}{SUFFIX}")
        with suppress(FileNotFoundError):  # another process has taken it
            self.path.rename(marked)
        failpoints.reach(failpoints.ANSWER_READING)
        try:
            yield
        finally:
            with suppress(FileNotFoundError):
                marked.rename(self.path)


class AnswerSpool:
    """A folder of answers, shared by the processes of one data volume."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, call: CallRecord, body: bytes) -> SpooledAnswer:
        """Write an answer; on return it outlives a crash of this process, but no power cut."""
        path = self._path(call)
        replace(path, json.dumps(_fields(call)).encode() + b"\n", body)
        return SpooledAnswer(call, path)

    def make_durable(self, call: CallRecord) -> None:
        """Make an answer outlive a power cut too: it may have to wait here for long."""
        with suppress(FileNotFoundError):  # the database has it by now
            for path in self._files(f"{_stem(call)}."):
                fsync(path)
                fsync(self._folder)

    def forget(self, call: CallRecord) -> None:
        """Remove an answer that the database has, or that cannot be read."""
        try:
            self._path(call).unlink()
        except FileNotFoundError:  # it bears a mark, or was never kept
            for path in self._files(f"{_stem(call)}."):
                path.unlink(missing_ok=True)

    def jobs(self) -> set[str]:
        """Return the ids of the jobs that an answer waits for."""
        return {path.name.partition("-")[0] for path in self._files("")}

    def of_job(self, job_id: str) -> list[SpooledAnswer]:
        """Return the answers of earlier attempts at a job."""
        return list(self._found(f"{job_id}-"))

    def older_than(self, seconds: float) -> list[SpooledAnswer]:
        """Return answers whose job has not fetched them for so long."""
        oldest = time.time() - seconds
        return [kept for kept in self._found("") if _written_at(kept.path) < oldest]

    def remove_drafts(self) -> None:
        """Remove incomplete answers; for a supervisor that has started, and has no workers yet."""
        for draft in self._folder.glob(f"*{DRAFT_SUFFIX}"):
            draft.unlink(missing_ok=True)

    def _path(self, call: CallRecord) -> Path:
        return self._folder / f"{_stem(call)}{SUFFIX}"

    def _found(self, prefix: str) -> Iterator[SpooledAnswer]:
        for path in self._files(prefix):
            try:
                with path.open("rb") as file:
                    fields = json.loads(file.readline())
                indexes = fields["indexes"]
                call = CallRecord(**{**fields, "indexes": indexes and tuple(indexes)})
            except FileNotFoundError:
                continue  # another process has taken it
            except (ValueError, TypeError, KeyError):
                log.exception("answer.unreadable", file=path.name)
                continue
            yield SpooledAnswer(call, path, _deaths(path))

    def _files(self, prefix: str) -> list[Path]:
        # Not a glob: this is asked for each call, and the folder is nearly always empty.
        found = os.listdir(self._folder)  # noqa: PTH208  # names, not paths
        return [
            self._folder / name
            for name in sorted(found)
            if name.startswith(prefix) and name.endswith(SUFFIX)
        ]


def _fields(call: CallRecord) -> dict[str, object]:
    return {name: getattr(call, name) for name in CallRecord.__slots__}


def _stem(call: CallRecord) -> str:
    return f"{call.job_id}-{call.call_id}"


def _deaths(path: Path) -> int:
    """Return how many processes have left their mark on an answer."""
    mark = path.name.removesuffix(SUFFIX).partition(".")[2]
    return int(mark) if mark.isascii() and mark.isdigit() else 0


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
