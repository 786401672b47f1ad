"""A run: hands documents to workers, and takes over from those that die."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from ilios.core.conversion_errors import StorageUnavailable, WorkerLost
from ilios.core.errors import StartupError
from ilios.local.bulk.hands import Close, Convert, Hand, Look, Ready
from ilios.local.bulk.messages import Converted, Died, Failed, Item, Outcome, Seen, Unread, Written
from ilios.local.bulk.results import PART_BYTES, PART_ITEMS, OpenPart, Results
from ilios.local.bulk.sources import Source

if TYPE_CHECKING:  # which imports Ray
    from ilios.local.bulk.crew import Crew

BATCH_ITEMS: Final = 16  #: that a worker is given at once
BATCH_BYTES: Final = 8 * 1024 * 1024  #: of them, unless one alone has more
BATCHES_AHEAD: Final = 2  #: of a worker: one is done while the next one waits
DEATHS_MAX: Final = 3  #: of workers, at one document
DEATHS_IN_A_ROW: Final = 5  #: for each worker, without a document done between them
WAIT_SECONDS: Final = 0.5
REFUSALS: Final = (OSError, StorageUnavailable)  #: of a full disk, of a bucket that does not answer


class Reporter(Protocol):
    """Is told how a run goes."""

    def skip(self) -> None:
        """Take note of a document that the target has, or that is the same as another one."""
        ...

    def complete(self, pages: int) -> None:
        """Take note of a document that is converted."""
        ...

    def fail(self, shown: str, reason: str, *, is_written: bool) -> None:
        """Take note of a document without a result; if that is written, it is not tried again."""
        ...

    def tick(self) -> None:
        """Show how far it is. Called several times a second."""
        ...


class Run:
    """One run over a source."""

    def __init__(self, source: Source, results: Results, crew: Crew, reporter: Reporter) -> None:
        self._items = self._readable(source)
        self._results = results
        self._known = results.known
        self._crew = crew
        self._reporter = reporter
        self._hands: dict[int, Hand] = {}
        self._again: deque[Look] = deque()
        self._is_exhausted = False  #: whether the source has no more
        self._deaths: Counter[str] = Counter()  #: of workers, by the id of a document
        self._deaths_in_a_row = 0

    def go(self, size: int) -> None:
        """Convert all documents, with so many workers.

        Raises StartupError, StorageUnavailable and OSError.

        Whatever ends it early, what the workers have written by then counts.
        """
        try:
            for _ in range(size):
                self._start()
            while self._feed():
                self._take_answers()
                self._reporter.tick()
            self._finish()
        except BaseException:
            self._save()
            raise

    # --- work that is given -----------------------------------------------------------------------

    def _readable(self, source: Source) -> Iterator[Item]:
        """Yield the documents of the source that have to be read."""
        for item in source.items():
            if isinstance(item, Unread):
                self._reporter.fail(item.item.shown, item.detail, is_written=False)
            elif self._known.has_unchanged(item):
                self._reporter.skip()
                self._reporter.tick()  # there may be a million of them in a row
            else:
                yield item

    def _start(self) -> None:
        worker = self._crew.start()
        self._hands[worker] = hand = Hand(worker)
        hand.note(self._crew.call(worker, "ready"), Ready())

    def _feed(self) -> bool:
        """Give each worker that is there what it may have; return whether anything goes on."""
        there = [hand for hand in self._hands.values() if hand.is_ready]
        for hand in there:
            while hand.batches < BATCHES_AHEAD and (look := self._next()) is not None:
                hand.note(self._crew.call(hand.worker, "look", look.items), look)
            if hand.part is not None and (hand.is_idle or hand.part.is_old):
                self._close(hand)
        self._results.commit_failures(if_old=True)
        is_all_given = self._is_exhausted and not self._again
        return not (is_all_given and all(hand.is_idle for hand in there))

    def _next(self) -> Look | None:
        if self._again:
            return self._again.popleft()
        batch = _batch(self._items)
        self._is_exhausted = not batch
        return Look(batch) if batch else None

    def _close(self, hand: Hand) -> None:
        if hand.part is not None:
            asked = Close(hand.part)
            hand.part = None
            hand.note(self._crew.call(hand.worker, "close_part"), asked)

    # --- answers ----------------------------------------------------------------------------------

    def _take_answers(self) -> None:
        for ended in self._crew.ended(WAIT_SECONDS):
            hand = self._hands.get(ended.worker)
            if hand is None:
                continue
            if isinstance(ended.result, Died):
                self._bury(hand, ended.result)
                continue
            match hand.ended(ended.call):
                case Ready():
                    pass
                case Look():
                    self._looked(hand, ended.result)
                case Convert(part=part):
                    self._converted(hand, part, ended.result)
                case Close(part=part):
                    self._results.commit(part)

    def _looked(self, hand: Hand, found: list[Seen | Unread | Item]) -> None:
        wanted: list[Seen] = []
        dropped: list[Seen] = []
        unread: list[Item] = []
        for seen in found:
            if isinstance(seen, Unread):
                self._reporter.fail(seen.item.shown, seen.detail, is_written=False)
            elif isinstance(seen, Item):
                if self._known.has_unchanged(seen):
                    self._reporter.skip()
                else:
                    unread.append(seen)
            elif not self._known.claim(seen):
                self._results.note_same(seen)
                self._reporter.skip()
                dropped.append(seen)
            elif seen.code is not None:
                self._fail(Failed(seen, seen.code, seen.detail or seen.code))
            else:
                wanted.append(seen)
        rest = iter(unread)
        while batch := _batch(rest):
            self._again.append(Look(batch))
        if wanted or dropped:
            hand.part = hand.part or self._results.open_part()
            asked = Convert(tuple(wanted), hand.part)
            arguments = asked.batch, tuple(dropped), asked.part.name
            hand.note(self._crew.call(hand.worker, "convert", *arguments), asked)

    def _converted(self, hand: Hand, part: OpenPart, converted: Converted) -> None:
        for outcome in converted.outcomes:
            self._settle(outcome, part)
        is_full = len(part.written) >= PART_ITEMS or converted.part_bytes >= PART_BYTES
        if is_full and hand.part is part:
            self._close(hand)

    def _settle(self, outcome: Outcome, part: OpenPart) -> None:
        self._deaths_in_a_row = 0
        match outcome:
            case Written(seen=seen):
                part.written[seen.id] = seen
                self._known.settle(seen)
                self._reporter.complete(outcome.pages)
            case Failed():
                self._fail(outcome)
            case Unread():
                if outcome.seen is not None:
                    self._known.release(outcome.seen)
                self._reporter.fail(outcome.item.shown, outcome.detail, is_written=False)

    def _fail(self, failed: Failed) -> None:
        self._results.fail(failed)
        self._reporter.fail(failed.seen.item.shown, failed.detail, is_written=True)

    # --- deaths -----------------------------------------------------------------------------------

    def _bury(self, hand: Hand, died: Died) -> None:
        """Take over what a worker has written, give its documents to others, and start another."""
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row > DEATHS_IN_A_ROW * len(self._hands):
            raise StartupError(f"workers die before they have done anything: {died.reason}")
        del self._hands[hand.worker]
        for seen in self._take_over(hand):  # on the disk of another machine
            self._known.release(seen)
            self._again.append(Look((seen.item,)))
        for place, asked in enumerate(hand.asked()):
            if isinstance(asked, Look):
                self._again.append(asked)
            elif isinstance(asked, Convert):
                is_cause = place == 0 and not died.is_of_machine
                self._give_again(asked, has_cause=is_cause)
        self._start()

    def _take_over(self, hand: Hand) -> list[Seen]:
        """Let count what a worker has written; return what is lost of that."""
        self._crew.lose(hand.worker)
        lost = []
        for part in hand.parts():
            seen = hand.seen(part)
            taken = self._results.take_over(part.name, seen)
            for id_ in taken:
                if id_ not in part.written:  # it died before it could say so
                    self._known.settle(seen[id_])
                    self._reporter.complete(0)
            lost += [one for one in part.written.values() if one.id not in taken]
        return lost

    def _give_again(self, asked: Convert, *, has_cause: bool) -> None:
        """Give others the documents that a worker had.

        Those of a batch in which it may have died of one are given one by one: the next death is
        that of one document.
        """
        left = [seen for seen in asked.batch if not self._known.has(seen.id)]
        for seen in left:
            self._known.release(seen)
        if not has_cause:
            if left:
                self._again.append(Look(tuple(seen.item for seen in left)))
            return
        for place, seen in enumerate(left):
            self._deaths[seen.id] += place == 0
            if self._deaths[seen.id] >= DEATHS_MAX:
                lost = f"The process that converts it died {DEATHS_MAX} times at this document."
                self._fail(Failed(seen, WorkerLost.code, lost))
            else:
                self._again.append(Look((seen.item,)))

    def _save(self) -> None:
        """Let count what is written; where that is refused as well, the next run does it."""
        for hand in self._hands.values():
            with suppress(*REFUSALS):
                self._take_over(hand)
        with suppress(*REFUSALS):
            self._finish()

    def _finish(self) -> None:
        self._results.commit_failures()
        self._results.commit_same()


def _batch(items: Iterator[Item]) -> tuple[Item, ...]:
    """Return the next documents for a worker; none at the end."""
    batch: list[Item] = []
    size_bytes = 0
    while len(batch) < BATCH_ITEMS and size_bytes < BATCH_BYTES:
        item = next(items, None)
        if item is None:
            break
        batch.append(item)
        size_bytes += item.size_bytes or 0
    return tuple(batch)
