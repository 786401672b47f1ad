"""The planner: which pages of a document a job converts, and the files that hold them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ilios.conversion.claimed_job import ClaimedJob, StoredRanges, bounds, range_of
from ilios.conversion.recorder import Recorder
from ilios.conversion.sources import Sources
from ilios.core.conversion_errors import ConversionError, EngineFailed, UnsupportedDocument
from ilios.core.owner_places import OwnerPlaces
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.documents import repository
from ilios.documents.options import options_of, pages_between
from ilios.engines.base import Part, Plan, Source
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_pool import GUEST_PARSERS, PARSERS
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import part_key

SOURCE = "source"  #: the file in a workspace
WAIT_SECONDS = 300.0  #: for documents that are planned before
NOT_SENT_AGAIN = (
    "Pages of this document failed, and it can be sent as a whole only: the pages that are there "
    "would be paid for twice. Submit the file anew with cache=false."
)


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
        sources: Sources,
    ) -> None:
        self._database = database
        self._store = store
        self._sources = sources
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
        source = self._source(claimed, workspace)
        has_pages = has_collected or claimed.document.pages_done
        done = self._pages_of(claimed) if has_pages else set()
        if _is_range(claimed):
            self._store.fetch(self._key(claimed), source.path)
            whole = Part(source, range_of(claimed.job, claimed.document))
        else:
            document = claimed.document
            self._store.fetch(document.storage_key, source.path, document.sha256)
            options = options_of(document)
            plan = self._plan(claimed, source, options.pages, workspace)
            self._recorder.approve(document, options, claimed.engine, plan.parts, done)
            if len(plan.parts) > 1:
                self._split(claimed, plan, done)
                return None
            whole = plan.parts[0]
        if whole.indexes is None:
            if not (done and claimed.engine.is_paid):
                return whole
            if claimed.document.failed_pages:
                raise UnsupportedDocument(NOT_SENT_AGAIN)
            # Only the answer tells which pages there are: those that it brought are all of them.
            self._complete(claimed, whole)
            return None
        if done.isdisjoint(whole.indexes):
            return whole
        return self._rest(claimed, source, whole, done, workspace)

    def halve(self, claimed: ClaimedJob, pages: tuple[int, ...], workspace: Path) -> StoredRanges:
        """Store two halves of these pages of a job, whose file is in the workspace.

        The range of a half may hold more pages than its own: such as are stored already.
        """
        source = self._source(claimed, workspace)
        size_bytes = source.path.stat().st_size if _is_range(claimed) else 0
        asked = range_of(claimed.job, claimed.document) if _is_range(claimed) else None
        halves: list[StoredRanges] = []
        for half in (pages[: len(pages) // 2], pages[len(pages) // 2 :]):
            within = pages_between(claimed.document, half[0], half[-1])
            numbers = within if asked is None else [asked.index(index) for index in within]
            plan = self._plan(claimed, source, PageSelection.of_indexes(numbers), workspace)
            of_document = dict(zip(numbers, within, strict=True))
            parts = [
                replace(part, indexes=tuple(of_document[number] for number in part.indexes or ()))
                for part in plan.parts
            ]
            halves.append(self._store_parts(claimed, parts, wanted=set(half)))
        return StoredRanges(
            tuple(chain.from_iterable(half.ranges for half in halves)),
            sum(half.size_bytes for half in halves) - size_bytes,
            halves[0].info,
        )

    def delete_part(self, claimed: ClaimedJob) -> None:
        """Delete the file of a range that is done; one that stays is deleted with the document."""
        if _is_range(claimed):
            with contextlib.suppress(ConversionError):
                self._store.delete(self._key(claimed))

    def _rest(
        self, claimed: ClaimedJob, source: Source, whole: Part, done: set[int], workspace: Path
    ) -> Part | None:
        """Return the pages of `whole` that are not stored yet; None when the job has ended here.

        Pages in `source` are numbered from 0 in a range, and as in the document otherwise.
        """
        asked = whole.indexes or ()
        numbers = range(len(asked)) if _is_range(claimed) else asked
        left = {n: index for n, index in zip(numbers, asked, strict=True) if index not in done}
        if not left:
            self._complete(claimed, whole)
            return None
        plan = self._plan(claimed, source, PageSelection.of_indexes(left), workspace)
        if len(plan.parts) == 1:
            (part,) = plan.parts
            return replace(part, indexes=tuple(left.values()), info=whole.info)
        # A file that is sent as it is may be larger than what is cut out of it.
        self._recorder.halve(claimed, self.halve(claimed, tuple(left.values()), workspace))
        self.delete_part(claimed)
        return None

    def _plan(
        self, claimed: ClaimedJob, source: Source, pages: PageSelection | None, workspace: Path
    ) -> Plan:
        """Have the engine plan, one document of an owner at a time: a parser child may do it."""
        in_one_call = options_of(claimed.document).goes_in_one_call
        try:
            with self._places[claimed.job.lane].held(claimed.job.owner, self._wait_seconds):
                return claimed.engine.plan(source, pages, workspace, in_one_call=in_one_call)
        except TimeoutError:
            raise EngineFailed("Other documents have kept the parsers busy for too long.") from None

    def _split(self, claimed: ClaimedJob, plan: Plan, done: set[int]) -> None:
        """Store the parts that are left to convert, and enqueue a job for each of them."""
        pages = {index for part in plan.parts for index in part.indexes or ()}
        stored = self._store_parts(claimed, plan.parts, wanted=pages - done)
        if stored.ranges:
            self._recorder.split(claimed, len(done), len(pages), stored)
        else:
            self._complete(claimed, plan.parts[0])

    def _complete(self, claimed: ClaimedJob, part: Part) -> None:
        """End a job all of whose pages are stored."""
        self._recorder.complete(claimed, part.info)
        self.delete_part(claimed)

    def _store_parts(
        self, claimed: ClaimedJob, parts: Sequence[Part], wanted: set[int]
    ) -> StoredRanges:
        """Store the parts that have a page that is wanted."""
        ranges, size_bytes = [], 0
        for part in parts:
            indexes = part.indexes or ()
            if wanted.isdisjoint(indexes):
                continue
            first, last = indexes[0], indexes[-1]
            key = part_key(self._instance_id, claimed.document.id, first, last)
            size_bytes += part.source.path.stat().st_size  # before it is given away
            self._store.put(key, part.source.path, part.source.media_type)
            ranges.append((first, last))
        info = None if _is_range(claimed) else parts[0].info
        return StoredRanges(tuple(ranges), size_bytes, info)

    def _pages_of(self, claimed: ClaimedJob) -> set[int]:
        with self._database.reading() as session:
            return set(repository.page_indexes(session, claimed.document.id))

    def _source(self, claimed: ClaimedJob, workspace: Path) -> Source:
        return self._sources.of(claimed.document, workspace / SOURCE)

    def _key(self, claimed: ClaimedJob) -> str:
        first, last = bounds(claimed.job)
        return part_key(self._instance_id, claimed.document.id, first, last)


def _is_range(claimed: ClaimedJob) -> bool:
    return claimed.job.type is JobType.RANGE
