"""The dispatcher: claims jobs for the workers of a supervisor, and releases them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, select

from ilios.accounts import ledger
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics
from ilios.db.database import Database, Scope
from ilios.db.driver_session import DriverSession
from ilios.db.models import Document, Job, JobStatus
from ilios.db.prepared import all_at_once
from ilios.db.watch import Watch
from ilios.documents import job_outcome, results
from ilios.engines import registry
from ilios.queue import batch_claims, cancellation, guests, jobs, pause, priority, queries, release
from ilios.queue.jobs import Lease
from ilios.storage.answer_spool import AnswerSpool
from ilios.webhooks import outbox

log = logs.get(__name__)

BEYOND_ALL_WAITS = timedelta(days=3650)


class FreeSlot(NamedTuple):
    """Capacity of a worker (`<node>/<name>`) for one job of a lane."""

    lane: str
    worker: str
    is_for_guest: bool = False  #: only for a job of an owner that has none running in the lane


@dataclass(frozen=True, slots=True)
class Offer:
    """Slots in the order in which they are filled, and the owners that have jobs running.

    Owners are those of the slots' lanes on this node, by lane.
    """

    slots: list[FreeSlot]
    running: Mapping[str, Collection[str]] = field(default_factory=dict)


class Look(NamedTuple):
    """What there is to claim."""

    ready: frozenset[str]  #: lanes in which a job waits
    is_due: bool  #: a delayed job's time has come


@dataclass(frozen=True, slots=True)
class Commands:
    """What owners and operators want of a node's workers."""

    cancelled: list[str]  #: jobs that were cancelled while workers were at them
    is_paused: bool  #: no job is to start
    look: Look | None = None  #: what was asked with it, where that is a way to a server


class Dispatcher:
    """Claims and releases jobs, each call in one transaction."""

    def __init__(
        self,
        database: Database,
        ambiguous_retries: int,
        answers: AnswerSpool | None = None,
        claims: Database | None = None,
    ) -> None:
        """Take the spool of paid answers of this data folder, where there is one.

        `claims` opens the same file for claims and the looks before them: a claim may be lost.
        """
        self._database = database
        self._claims = claims or database
        self._answers = answers
        self._ambiguous_retries = ambiguous_retries
        self._backlog: set[str] = set()  #: lanes in which every slot has found a job

    def claim(
        self,
        offer: Offer,
        renewed: Callable[[], Offer] | None = None,
        look: Look | None = None,
    ) -> list[tuple[FreeSlot, Lease]]:
        """Claim one ready job for each slot, in that order, until nothing is ready in its lane.

        `renewed` is asked for the slots once the write lock is held: others may have become free
        during the wait for it, and would have to wait for it again. `look` is what `commands` has
        brought a moment ago.
        """
        if not self._anything_to_do(offer, look):
            return []
        with self._claims.writing(Scope.ROWS) as session:
            is_remote = self._claims.is_remote
            if not is_remote and pause.is_paused(session):
                return []  # an operator has paused it since the gate was asked
            now = clock.now()
            if queries.anything_due(session, now) if look is None else look.is_due:
                jobs.promote_due(session, now)
            offered_now = renewed() if renewed else offer
            claims = _Claims(session, offered_now, now)
            if is_remote and not claims.claim_at_once():
                session.rollback()
                return []  # it is paused
            claimed = claims.fill(offered_now.slots)
        # When every slot found a job, the next one probably will too: then claim without a look.
        offered = {slot.lane for slot in offer.slots}
        found = {lane for lane in offered if claims.has_found(lane)}
        self._backlog = (self._backlog - offered) | found
        return claimed

    def assign_lanes(self, settings: Settings) -> None:
        """Move waiting jobs to the lanes of the engines that the settings ask for."""
        with self._database.watching() as watch:
            if not queries.anything_outside(watch, settings.engine_name):
                return
        read_here = select(Document.id).where(Document.mime_type.in_(registry.READ_HERE))
        with self._database.writing() as session:
            if settings.engine_name == registry.MISTRAL:
                others = Job.document_id.not_in(read_here)
                moved = priority.move_to_lane(session, registry.MISTRAL, others)
            else:
                moved = priority.move_to_lane(
                    session, registry.EMBEDDED, Job.document_id.is_not(None)
                )
        if moved:
            log.info("jobs.moved", engine=settings.engine_name, jobs=moved)

    def commands(self, node: str, lanes: Collection[str] = ()) -> Commands:
        """Return what people want of this node's workers, and what there is in these lanes."""
        with self._claims.watching() as watch:
            if self._claims.is_remote:
                return _commands_and_look(watch, node, lanes)
            return Commands(queries.cancelled_under(watch, node), pause.is_paused(watch))

    def let_go(self, job_ids: list[str]) -> None:
        """Close the calls of cancelled jobs that no worker runs any more."""
        with self._database.writing() as session:
            ledger.abandon(session, job_ids, clock.now())
            cancellation.clear_worker(session, job_ids)
        log.info("jobs.let_go", jobs=len(job_ids))

    def renew(self, held: list[Lease]) -> None:
        """Extend the leases that live workers hold, then release those that have expired.

        Both use the same time: however long the process is suspended in between, ours are valid.
        """
        now = clock.now()
        if held:
            with self._database.writing(Scope.ROWS) as session:
                jobs.extend(session, held, now)
        self.release_expired(now)

    def give_back(self, leases: Iterable[Lease]) -> None:
        """Return jobs that were never begun, or that we stopped; it costs no attempt."""
        with self._database.writing() as session:
            now = clock.now()
            found = [job_outcome.give_back(session, lease, now) for lease in leases]
        for released in found:
            if released is not None:
                log.info(
                    "job.given_back",
                    job_id=released.job_id,
                    document_id=released.document_id,
                    request_id=released.origin.request_id,
                    trace_id=released.origin.trace_id,
                )

    def hasten_delayed(self) -> None:
        """Make every delayed job ready: after a jump of the clock, their times mean nothing."""
        with self._database.writing() as session:
            hastened = jobs.promote_due(session, clock.now() + BEYOND_ALL_WAITS)
        log.info("jobs.hastened", jobs=hastened)
        self.hasten_webhooks()

    def hasten_webhooks(self) -> None:
        """Make the events that wait due at once: after a start, and after a jump of the clock."""
        with self._database.watching() as watch:
            if outbox.is_empty(watch):
                return
        now, hastened, is_more = clock.now(), 0, True
        while is_more:
            with self._database.writing() as session:
                portion = outbox.hasten(session, now)
            hastened, is_more = hastened + portion, portion == outbox.PORTION_ROWS
        log.info("webhooks.hastened", deliveries=hastened)

    def release_lost(self, leases: list[Lease]) -> None:
        """Release the jobs that a dead worker had begun."""
        self._release(release.under_leases(leases))

    def release_node(self, node: str) -> None:
        """Release all jobs that this node holds; for a supervisor that has just started."""
        with self._database.watching() as watch:
            if not queries.anything_running(watch):
                return
        self._release(release.of_node(node))

    def release_expired(self, now: datetime) -> None:
        """Release the jobs of nodes that no longer renew their leases."""
        with self._database.watching() as watch:
            if not queries.anything_expired(watch, now):
                return
        self._release(release.expired(now))

    def _anything_to_do(self, offer: Offer, look: Look | None = None) -> bool:
        ordinary = {slot.lane for slot in offer.slots if not slot.is_for_guest}
        if not ordinary.isdisjoint(self._backlog):
            return True
        if look is not None and (look.is_due or not ordinary.isdisjoint(look.ready)):
            return True
        if look is not None and look.ready.isdisjoint(slot.lane for slot in offer.slots):
            return False
        others = {slot.lane for slot in offer.slots} - ordinary
        with self._claims.watching() as watch:
            if queries.anything_ready(watch, ordinary) or queries.anything_due(watch, clock.now()):
                return True
            running = offer.running
            return any(guests.first_ready(watch, lane, running.get(lane, ())) for lane in others)

    def _release(self, which: ColumnElement[bool]) -> None:
        answered = self._answers.jobs() if self._answers else ()
        with self._database.writing() as session:
            lost = job_outcome.release_lost(
                session, which, self._ambiguous_retries, clock.now(), answered
            )
        for job in lost:
            has_failed = job.status is JobStatus.FAILED
            counter = metrics.CONVERSIONS_FAILED if has_failed else metrics.RETRIES
            counter.labels(job.error.code).inc()
            log.warning(
                "job.released",
                job_id=job.released.job_id,
                document_id=job.released.document_id,
                status=job.status.value,
                in_call=job.in_call,
                request_id=job.released.origin.request_id,
                trace_id=job.released.origin.trace_id,
            )
            if job.is_document_complete:
                log.info("document.completed", document_id=job.released.document_id)


def _commands_and_look(watch: Watch, node: str, lanes: Collection[str]) -> Commands:
    cancelled, ((paused_since,),), due, *heads = all_at_once(
        watch,
        [
            queries.asked_for_cancelled(node),
            pause.asked(),
            queries.asked_for_due(clock.now()),
            *map(queries.asked_for_ready, lanes),
        ],
    )
    ready = frozenset(lane for lane, head in zip(lanes, heads, strict=True) if head)
    return Commands(
        [job_id for (job_id,) in cancelled],
        paused_since is not None,
        Look(ready, bool(due)) if lanes else None,
    )


class _Claims:
    """What one transaction claims for the slots of an offer."""

    def __init__(self, session: DriverSession, offer: Offer, now: datetime) -> None:
        self._session = session
        self._now = now
        self._owners = {slot.lane: set(offer.running.get(slot.lane, ())) for slot in offer.slots}
        self._ordinary = Counter(slot for slot in offer.slots if not slot.is_for_guest)
        self._taken: dict[FreeSlot, deque[Lease]] | None = None
        self._exhausted: set[tuple[str, bool]] = set()  #: kinds of slots that found nothing

    def claim_at_once(self) -> bool:
        """Claim for all slots that are for anybody, each worker's by one statement.

        Return False, with claims that are to be rolled back, when the queue is paused.
        """
        ((paused_since,),), *found = all_at_once(
            self._session,
            [
                pause.asked(),
                *(
                    batch_claims.asked(slot.lane, slot.worker, self._now, at_most)
                    for slot, at_most in self._ordinary.items()
                ),
            ],
        )
        leases = (deque(batch_claims.claimed(rows, self._now)) for rows in found)
        self._taken = dict(zip(self._ordinary, leases, strict=True))
        return paused_since is None

    def fill(self, slots: Iterable[FreeSlot]) -> list[tuple[FreeSlot, Lease]]:
        """Claim a job for each slot, in that order; return what was claimed."""
        claimed = []
        for slot in slots:
            lease = self._next(slot)
            if lease is not None:
                if self._taken is None:
                    results.begin(self._session, lease.job_id, self._now)
                self._owners[slot.lane].add(lease.owner)
                claimed.append((slot, lease))
        if claimed and self._taken is not None:
            results.begin_all(self._session, [lease.job_id for _, lease in claimed], self._now)
        return claimed

    def has_found(self, lane: str) -> bool:
        """Return whether every slot of a lane that is for anybody has found a job."""
        return (lane, False) not in self._exhausted

    def _next(self, slot: FreeSlot) -> Lease | None:
        if self._taken is not None and not slot.is_for_guest:
            return self._next_taken(slot, self._taken[slot])
        kind = slot.lane, slot.is_for_guest
        if kind in self._exhausted or not self.has_found(slot.lane):
            return None  # without a ready job there is none for a guest
        lease = self._claim(slot)
        if lease is None:
            self._exhausted.add(kind)
        return lease

    def _next_taken(self, slot: FreeSlot, taken: deque[Lease]) -> Lease | None:
        if not taken:  # that was all that there is in the lane
            self._exhausted.add((slot.lane, False))
            return None
        return taken.popleft()

    def _claim(self, slot: FreeSlot) -> Lease | None:
        session, now = self._session, self._now
        if slot.is_for_guest:
            return guests.claim(session, slot.lane, slot.worker, now, self._owners[slot.lane])
        return jobs.claim(session, slot.lane, slot.worker, now)
