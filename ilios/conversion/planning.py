"""The planner: which pages of a document a job converts, and the files that hold them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ilios.conversion.claimed_job import ClaimedJob, bounds, range_of
from ilios.conversion.recorder import Recorder
from ilios.core.conversion_errors import ConversionError, EngineFailed
from ilios.core.owner_places import OwnerPlaces
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.documents import repository
from ilios.documents.options import options_of
from ilios.engines.base import Part, Plan, Source
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_pool import GUEST_PARSERS, PARSERS
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import part_key

SOURCE = "source"  #: the file in a workspace
WAIT_SECONDS = 300.0  #: for documents that are planned before


class Planner:
    """Plans jobs for the threads of a worker, which share it."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        recorder: Recorder,
        instance_id: str,
        lanes: Iterable[str],
        deadline_seconds: float,
    ) -> None:
        self._database = database
        self._store = store
        self._recorder = recorder
        self._instance_id = instance_id
        self._places = {lane: OwnerPlaces(PARSERS, GUEST_PARSERS) for lane in lanes}
        self._wait_seconds = min(WAIT_SECONDS, deadline_seconds)

    def next_part(
        self, claimed: ClaimedJob, workspace: Path, *, has_collected: bool
    ) -> Part | None:
        """Return what is left to convert of a job, as a file; None when the job has ended here.

        `has_collected` says that pages of it were stored since `claimed` was read.
        """
        source = Source(workspace / SOURCE, claimed.document.mime_type, claimed.document.file_name)
        has_pages = has_collected or bool(claimed.document.pages_done)
        if claimed.job.type is JobType.RANGE:
            self._store.fetch(self._key(claimed), source.path)
            whole = Part(source, range_of(claimed.job, claimed.document))
        else:
            self._store.fetch(claimed.document.storage_key, source.path)
            plan = self._plan(claimed, source, options_of(claimed.document).pages, workspace)
            self._recorder.approve(claimed.document, claimed.engine, plan.parts)
            if len(plan.parts) > 1:
                self._split(claimed, plan)
                return None
            whole = plan.parts[0]
        if whole.indexes is None or not has_pages:
            return whole
        return self._rest(claimed, source, whole, workspace)

    def delete_part(self, claimed: ClaimedJob) -> None:
        """Delete the file of a range that is done; one that stays is deleted with the document."""
        if claimed.job.type is JobType.RANGE:
            with contextlib.suppress(ConversionError):
                self._store.delete(self._key(claimed))

    def _rest(
        self, claimed: ClaimedJob, source: Source, whole: Part, workspace: Path
    ) -> Part | None:
        """Return the pages of `whole` that are not stored yet; None when all of them are.

        Pages in `source` are numbered from 0 in a range, and as in the document otherwise.
        """
        asked = whole.indexes or ()
        done = self._pages_of(claimed) & set(asked)
        if not done:
            return whole
        if len(done) == len(asked):
            self._recorder.complete(claimed)
            self.delete_part(claimed)
            return None
        numbers = range(len(asked)) if claimed.job.type is JobType.RANGE else asked
        wanted = dict(zip(numbers, asked, strict=True))
        left = PageSelection.of_indexes(n for n, index in wanted.items() if index not in done)
        part = self._plan(claimed, source, left, workspace).parts[0]
        return replace(part, indexes=tuple(wanted[number] for number in part.indexes or ()))

    def _plan(
        self, claimed: ClaimedJob, source: Source, pages: PageSelection | None, workspace: Path
    ) -> Plan:
        """Have the engine plan, one document of an owner at a time: a parser child may do it."""
        try:
            with self._places[claimed.job.lane].held(claimed.job.owner, self._wait_seconds):
                return claimed.engine.plan(source, pages, workspace)
        except TimeoutError:
            raise EngineFailed("Other documents have kept the parsers busy for too long.") from None

    def _split(self, claimed: ClaimedJob, plan: Plan) -> None:
        """Store the parts that are left to convert, and enqueue a job for each of them."""
        done = self._pages_of(claimed) if claimed.document.pages_done else set()
        ranges, part_bytes = [], 0
        for part in plan.parts:
            indexes = part.indexes or ()
            if done.issuperset(indexes):
                continue
            first, last = indexes[0], indexes[-1]
            key = part_key(self._instance_id, claimed.document.id, first, last)
            part_bytes += part.source.path.stat().st_size  # before it is given away
            self._store.put(key, part.source.path, part.source.media_type)
            ranges.append((first, last))
        if not ranges:
            self._recorder.complete(claimed)
            return
        total = sum(len(part.indexes or ()) for part in plan.parts)
        self._recorder.split(claimed, total, ranges, part_bytes)

    def _pages_of(self, claimed: ClaimedJob) -> set[int]:
        with self._database.reading() as session:
            return set(repository.page_indexes(session, claimed.document.id))

    def _key(self, claimed: ClaimedJob) -> str:
        first, last = bounds(claimed.job)
        return part_key(self._instance_id, claimed.document.id, first, last)
