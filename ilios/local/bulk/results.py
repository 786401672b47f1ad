"""What stands in the target: parts that count, those that cannot be converted, what is taken over.

Only the run writes here, one part after the other; a worker's part counts when it is named. So each
document is there once, whatever dies, and another run goes on where this one ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from ilios.core.ids import new_id
from ilios.local.bulk import parts, records, targets
from ilios.local.bulk.known import Known
from ilios.local.bulk.messages import Entry, Failed, Form, Seen
from ilios.local.bulk.parts import FAILED, LINES, PART, SAME, Line, PartWriter
from ilios.local.bulk.sources import mark_of
from ilios.local.bulk.targets import Target

PART_ITEMS: Final = 1000
PART_BYTES: Final = 64 * 1024 * 1024  #: of JSON
PART_SECONDS: Final = 300.0  #: after its first document, a part is closed


class OpenPart:
    """A part that is being written: what it is known to hold, by id."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.written: dict[str, Seen] = {}
        self._begun = time.monotonic()

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self._begun > PART_SECONDS


class Results:
    """The results in a target, for one run."""

    def __init__(self, target: Target, form: Form) -> None:
        self.known = Known()
        self._target = target
        self._form = form
        self._same: list[Entry] = []  #: documents like others, that no index has yet
        self._failures: tuple[OpenPart, PartWriter] | None = None
        self._run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{new_id()[:6]}"
        self._parts = 0

    def recover(self) -> int:
        """Learn what the target has, with what a killed run left; return how many documents."""
        for _, entries in targets.indexed(self._target, self._form):
            self.known.add(entries)
        for path in sorted(self._target.staged.glob(f"*{LINES}")):
            name = path.name.removesuffix(LINES)
            self._take_over(name, lambda line: not self.known.has(line.id), {})
        for name in list(self._target.names(targets.STAGED)):
            if name != targets.LOCK:
                self._target.delete(f"{targets.STAGED}/{name}")
        return len(self.known)

    def open_part(self, kind: str = PART) -> OpenPart:
        """Return a new part, which does not count yet."""
        self._parts += 1
        return OpenPart(f"{kind}-{self._run}-{self._parts:06d}")

    def commit(self, part: OpenPart) -> None:
        """Let a part count that was handed over; there is none of a worker that wrote nothing."""
        if part.written:
            self._commit(part.name, list(map(entry_of, part.written.values())))

    def take_over(self, name: str, seen: Mapping[str, Seen]) -> Collection[str]:
        """Let count what a worker that is gone has written of these documents; return the ids."""
        return self._take_over(name, lambda line: line.id in seen, seen)

    def note_same(self, seen: Seen) -> None:
        """Take note of a document that is the same as another one."""
        one = entry_of(seen)
        self._same.append(Entry(one.id, one.source, one.mark, is_same=True))
        if len(self._same) >= PART_ITEMS:
            self.commit_same()

    def commit_same(self) -> None:
        """Let be known which documents are the same as others: the next run does not read them."""
        if self._same:
            targets.note(self._target, self.open_part(SAME).name, self._same)
            self.known.add(self._same)
            self._same = []

    def fail(self, failed: Failed) -> None:
        """Write down a document that cannot be converted."""
        if self._failures is None:
            part = self.open_part(FAILED)
            self._failures = part, PartWriter(self._target.staged, part.name)
        part, writer = self._failures
        writer.append([records.line_of_failure(failed)])
        part.written[failed.seen.id] = failed.seen
        self.known.settle(failed.seen)
        if len(part.written) >= PART_ITEMS:
            self.commit_failures()

    def commit_failures(self, *, if_old: bool = False) -> None:
        """Let count which documents cannot be converted."""
        if self._failures is None or (if_old and not self._failures[0].is_old):
            return
        part, writer = self._failures
        self._failures = None
        writer.close()
        self._target.hand_over(writer.path, self._form)
        self.commit(part)

    def _take_over(
        self, name: str, is_wanted: Callable[[Line], bool], seen: Mapping[str, Seen]
    ) -> Collection[str]:
        path = parts.path_of(self._target.staged, name)
        if not path.exists():  # nothing was written, or on another machine
            return ()
        kind = FAILED if name.startswith(f"{FAILED}-") else PART
        new = self.open_part(kind).name
        lines = parts.taken_over(path, new, is_wanted)
        if lines:
            self._target.hand_over(parts.path_of(self._target.staged, new), self._form)
            entries = [
                entry_of(seen[line.id]) if line.id in seen else Entry(line.id, line.source)
                for line in lines
            ]
            self._commit(new, entries)
        return {line.id for line in lines}

    def _commit(self, name: str, entries: list[Entry]) -> None:
        targets.commit(self._target, name, self._form, entries)
        self.known.add(entries)


def entry_of(seen: Seen) -> Entry:
    """Return the line of an index for a document."""
    return Entry(seen.id, seen.item.shown, mark_of(seen.item))
