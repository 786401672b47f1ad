"""Where the parts of a run lie: in a folder or below a prefix of a bucket.

    part-….jsonl           documents with their results; failed-….jsonl those that have none
    _ilios/run.json        what all runs into this target have in common
    _ilios/index/….jsonl   of each part, the documents that it has; same-….jsonl those like others
    _ilios/staged/         parts that are not whole yet; nobody else reads them

A part counts from the moment that it has its name; its index is there before. Only the run itself
gives names, one after the other: what its workers leave is lost at most.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from ilios.core import durable_files, processes
from ilios.core.errors import StartupError
from ilios.local.bulk import refusals
from ilios.local.bulk.buckets import Bucket, BucketPlace, is_bucket
from ilios.local.bulk.messages import Entry, Form, Order
from ilios.local.bulk.parts import FAILED, PART, SAME, finished, path_of

OURS: Final = "_ilios"  #: what readers of Parquet leave out, for its first letter
RUN: Final = f"{OURS}/run.json"
INDEX: Final = f"{OURS}/index"
STAGED: Final = f"{OURS}/staged"
LOCK: Final = "lock"  #: in the folder of staged parts
VERSION: Final = 1  #: of all this


class Target(Protocol):
    """What a run and its workers ask of a target. Raises OSError, StorageUnavailable."""

    staged: Path  #: a folder of this machine, or that all machines have: for lines being written

    def make(self) -> None:
        """Make the folders."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return a small file of ours; None where there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a small file of ours, whole and durable."""
        ...

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder of ours; of the parts for an empty one."""
        ...

    def hand_over(self, lines: Path, form: Form) -> None:
        """Put a part that is whole where `name_part` finds it; by whoever has written it."""
        ...

    def name_part(self, name: str, form: Form) -> None:
        """Give a part its name: from now on it counts."""
        ...

    def delete(self, name: str) -> None: ...

    def close(self) -> None: ...


class FolderTarget:
    """A folder, which all machines have at the same path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.staged = folder / STAGED

    def make(self) -> None:
        try:
            for folder in (self._folder / INDEX, self.staged):
                folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise StartupError(
                f"TARGET cannot be made ({error.filename}: {error.strerror}): name a folder."
            ) from error

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        draft = durable_files.draft_of(path)
        draft.write_bytes(content)
        durable_files.publish(draft, path)

    def names(self, folder: str) -> Iterator[str]:
        with os.scandir(self._folder / folder) as entries:
            yield from sorted(entry.name for entry in entries if entry.is_file())

    def hand_over(self, lines: Path, form: Form) -> None:
        finished(lines, form)

    def name_part(self, name: str, form: Form) -> None:
        lines = path_of(self.staged, name)
        made = lines.with_suffix(f".{form}")
        made.rename(self._folder / made.name)
        durable_files.fsync(self._folder)
        lines.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        pass


class BucketTarget:
    """A prefix of a bucket; lines are written below the temporary folder of each machine."""

    def __init__(self, place: BucketPlace, staged: Path | None = None) -> None:
        """`staged` is the folder for lines, where that is chosen elsewhere."""
        self._bucket = Bucket(place.bucket)
        self._prefix = place.folder
        name = hashlib.blake2b(f"{place.bucket}/{place.folder}".encode(), digest_size=8).hexdigest()
        ours = Path(tempfile.gettempdir(), f"ilios-bulk-{os.getuid()}-{name}")
        self.staged = staged or ours

    def make(self) -> None:
        self.staged.mkdir(mode=0o700, exist_ok=True)
        if self.staged.stat().st_uid != os.getuid():
            raise StartupError(f"{self.staged} belongs to somebody else: set TMPDIR to another.")

    def read(self, name: str) -> bytes | None:
        return self._bucket.read(self._prefix + name)

    def write(self, name: str, content: bytes) -> None:
        self._bucket.write(self._prefix + name, content)

    def names(self, folder: str) -> Iterator[str]:
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        for found in self._bucket.listed(prefix):
            name = found.key.removeprefix(prefix)
            if "/" not in name:
                yield name

    def hand_over(self, lines: Path, form: Form) -> None:
        made = finished(lines, form)
        self._bucket.upload(made, f"{self._prefix}{STAGED}/{made.name}")
        if made != lines:
            made.unlink()

    def name_part(self, name: str, form: Form) -> None:
        self._bucket.move(f"{self._prefix}{STAGED}/{name}.{form}", f"{self._prefix}{name}.{form}")
        path_of(self.staged, name).unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        self._bucket.delete(self._prefix + name)

    def close(self) -> None:
        self._bucket.close()


def open_target(named: str, staged: Path | None = None) -> Target:
    """Return what an argument means. Raises SettingsError for a bucket that is none.

    `staged` is where lines are written; None where a run does so by itself.
    """
    if is_bucket(named):
        return BucketTarget(BucketPlace.parse(named), staged)
    return FolderTarget(Path(named).absolute())


@contextmanager
def prepared(target: Target, order: Order, *, retry_failed: bool) -> Iterator[None]:
    """Make the target ready for a run, and keep other runs of this machine out meanwhile.

    Raises StartupError for one that is in use, has results of another form, or cannot be written.
    """
    with refusals.told():
        target.make()
        try:
            lock = processes.lock_file(target.staged / LOCK, 0)
        except BlockingIOError as error:
            raise StartupError("another run writes into TARGET: wait for its end.") from error
        try:
            _require_same(target, order)
            if retry_failed:
                _forget_failures(target)
            yield
        finally:
            os.close(lock)


def _require_same(target: Target, order: Order) -> None:
    """Note what all runs into the target have in common. Raises StartupError for another order."""
    mine = {"version": VERSION, **asdict(order)}
    found = target.read(RUN)
    if found is None:
        target.write(RUN, json.dumps(mine, indent=2).encode())
        return
    theirs = _noted(found)
    if theirs.pop("version", None) != mine.pop("version"):
        raise StartupError("TARGET is of another version of Ilios: give another TARGET.")
    if theirs != mine:
        raise StartupError(
            f"TARGET holds results of other options ({_options(theirs)}): give the same, or "
            "another TARGET."
        )


def _noted(content: bytes) -> dict[str, Any]:
    """Return what was noted of a target. Raises StartupError."""
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError) as error:
        raise StartupError(f"TARGET is damaged ({RUN}): give another TARGET.") from error


def _options(noted: dict[str, Any]) -> str:
    """Return what a command line says for an order."""
    pages = noted.get("pages")
    return ", ".join(
        [
            f"--format {noted.get('form')}",
            "--include blocks" if noted.get("with_blocks") else "no --include",
            f"--pages {pages}" if pages else "no --pages",
        ]
    )


def indexed(target: Target, form: Form) -> Iterator[tuple[str, Sequence[Entry]]]:
    """Yield each index with its name; one of a part that is not there never counted: it is removed.

    Raises StartupError for a part without an index.
    """
    suffix = f".{form}"
    parts = {
        name.removesuffix(suffix)
        for name in target.names("")
        if name.startswith((f"{PART}-", f"{FAILED}-"))
    }
    for file_name in target.names(INDEX):
        name = file_name.removesuffix(".jsonl")
        if name in parts:
            parts.remove(name)
        elif not name.startswith(f"{SAME}-"):
            target.delete(f"{INDEX}/{file_name}")
            continue
        content = target.read(f"{INDEX}/{file_name}") or b""
        yield name, [Entry(**json.loads(line)) for line in content.splitlines()]
    if parts:
        raise StartupError(
            f"TARGET has parts that no run has written ({', '.join(sorted(parts)[:3])}): move them "
            "away, or give another TARGET."
        )


def commit(target: Target, name: str, form: Form, entries: Sequence[Entry]) -> None:
    """Let a part count that was handed over: its index first."""
    note(target, name, entries)
    target.name_part(name, form)


def note(target: Target, name: str, entries: Sequence[Entry]) -> None:
    """Write an index; that of a part counts with the part."""
    lines = "".join(json.dumps(asdict(entry)) + "\n" for entry in entries)
    target.write(f"{INDEX}/{name}.jsonl", lines.encode())


def _forget_failures(target: Target) -> None:
    """Remove the parts of documents that could not be converted, so that they are tried again.

    Their indexes go with the start of the run.
    """
    for name in list(target.names("")):
        if name.startswith(f"{FAILED}-"):
            target.delete(name)
