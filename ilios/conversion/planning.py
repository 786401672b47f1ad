"""Which pages of a document a job converts next, and the files that they are cut out into."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from ilios.conversion.claimed_job import ClaimedJob, bounds, range_of
from ilios.conversion.recorder import Recorder
from ilios.core.conversion_errors import ConversionError
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.documents import repository
from ilios.documents.options import options_of
from ilios.engines.base import Part, Plan, Source
from ilios.engines.page_selection import PageSelection
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import part_key


class Planner:
    """Gives jobs their parts; the threads of a worker share it."""

    def __init__(
        self, database: Database, store: ObjectStore, recorder: Recorder, instance_id: str
    ) -> None:
        self._database = database
        self._store = store
        self._recorder = recorder
        self._instance_id = instance_id

    def next_part(self, work: ClaimedJob, workspace: Path, *, has_collected: bool) -> Part | None:
        """What is left to convert of a job, as a file; None when the job has ended here.

        `has_collected` says that pages of it were stored since `work` was read.
        """
        source = Source(workspace / "source", work.document.mime_type, work.document.file_name)
        has_pages = has_collected or bool(work.document.pages_done)
        if work.job.type is JobType.RANGE:
            self._store.fetch(self._key(work), source.path)
            whole = Part(source, range_of(work.job, work.document))
        else:
            self._store.fetch(work.document.storage_key, source.path)
            plan = work.engine.plan(source, options_of(work.document).pages, workspace)
            self._recorder.approve(work.document, work.engine, plan.parts)
            if len(plan.parts) > 1:
                self._split(work, plan)
                return None
            whole = plan.parts[0]
        if whole.indexes is None or not has_pages:
            return whole
        return self._rest(work, source, whole, workspace)

    def drop(self, work: ClaimedJob) -> None:
        """Remove the file of a range that is done; a left-over goes with the document."""
        if work.job.type is JobType.RANGE:
            with contextlib.suppress(ConversionError):
                self._store.delete(self._key(work))

    def _rest(self, work: ClaimedJob, source: Source, whole: Part, workspace: Path) -> Part | None:
        """Of the pages of `whole`, those that no earlier attempt has paid for.

        `source` is numbered like it in a range, like the document else.
        """
        asked = whole.indexes or ()
        done = self._pages_of(work) & set(asked)
        if not done:
            return whole
        if len(done) == len(asked):
            self._recorder.complete(work)
            self.drop(work)
            return None
        numbers = range(len(asked)) if work.job.type is JobType.RANGE else asked
        wanted = dict(zip(numbers, asked, strict=True))
        left = PageSelection.of_indexes(n for n, index in wanted.items() if index not in done)
        part = work.engine.plan(source, left, workspace).parts[0]
        return replace(part, indexes=tuple(wanted[number] for number in part.indexes or ()))

    def _split(self, work: ClaimedJob, plan: Plan) -> None:
        """Store the parts that are left to convert, then let a job for each of them take over."""
        done = self._pages_of(work) if work.document.pages_done else set()
        ranges = []
        for part in plan.parts:
            indexes = part.indexes or ()
            if done.issuperset(indexes):
                continue
            first, last = indexes[0], indexes[-1]
            key = part_key(self._instance_id, work.document.id, first, last)
            self._store.put(key, part.source.path, part.source.media_type)
            ranges.append((first, last))
        if not ranges:
            self._recorder.complete(work)
            return
        total = sum(len(part.indexes or ()) for part in plan.parts)
        self._recorder.split(work, total, ranges)

    def _pages_of(self, work: ClaimedJob) -> set[int]:
        with self._database.reading() as session:
            return set(repository.page_indexes(session, work.document.id))

    def _key(self, work: ClaimedJob) -> str:
        first, last = bounds(work.job)
        return part_key(self._instance_id, work.document.id, first, last)
