"""The sender: one worker of a service sends what is due, in threads that mostly wait.

One that holds the turn sends; the others try to get it, so that another goes on within a second
when that worker dies (ADR 0041). It asks SQLite a few times a second whether anything was
committed. No place that a receiver holds by being slow is one that other owners need.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.core import clock
from ilios.core.errors import DatabaseBusy
from ilios.core.owner_places import share
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.core.thread_pool import ThreadPool
from ilios.db.database import Database
from ilios.db.watch import Watch
from ilios.webhooks import outbox
from ilios.webhooks.attempts import Attempts
from ilios.webhooks.events import Delivery
from ilios.webhooks.outbox import Due, Key
from ilios.webhooks.turns import open_turn

log = logs.get(__name__)

PLACES: Final = 16  #: attempts at once; an owner has half of what the others leave
RECEIVER_PLACES_MAX: Final = 4  #: of them, for one owner at one host
LOOKED_AT_MAX: Final = 500  #: receivers in one round; the next one goes on behind them
POLL_SECONDS: Final = 0.2
TURN_SECONDS: Final = 1.0  #: between two attempts at the turn, and after a failure
STOP_SECONDS: Final = 1.0  #: for the thread that gives work to others, and then for their attempts
STRANDED_SECONDS: Final = 30.0  #: between two looks for attempts whose end could not be noted


class Places:
    """Who has attempts in flight. Used under the sender's lock."""

    def __init__(self) -> None:
        self.held: set[Key] = set()
        self._owners: Counter[str] = Counter()
        self._receivers: Counter[tuple[str, str]] = Counter()

    def room(self, owner: str, receiver: str) -> int:
        """Return how many more attempts an owner may have at a receiver."""
        return min(
            PLACES - self._owners.total(),
            share(self._owners, owner, PLACES) - self._owners[owner],
            RECEIVER_PLACES_MAX - self._receivers[owner, receiver],
        )

    def take(self, due: Due) -> None:
        self.held.add((due.owner, due.number))
        self._owners[due.owner] += 1
        self._receivers[due.owner, due.receiver] += 1

    def give_back(self, due: Due) -> None:
        self.held.discard((due.owner, due.number))
        self._owners[due.owner] -= 1
        self._receivers[due.owner, due.receiver] -= 1
        self._owners, self._receivers = +self._owners, +self._receivers  # without those at zero


class Sender:
    """Sends from a thread of its own, once it is started. For one per process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._attempts = Attempts(settings, database)
        self._turn = open_turn(settings, database)
        self._has_turn = False
        self._threads = ThreadPool("webhook", PLACES)
        self._places = Places()
        self._guarded = threading.Lock()
        self._freed = threading.Event()
        self._after = ("", "")  #: owner and receiver that the last round came to
        self._next_at: datetime | None = None
        self._looked_for_stranded_at = 0.0
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send, or to wait for the turn."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more attempts, and let another process go on."""
        self._is_stopping = True
        self._freed.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self.wait_until_idle(STOP_SECONDS)  # what is not settled is sent again
        if self._has_turn:
            self._has_turn = False
            with suppress(DatabaseBusy, SQLAlchemyError):  # then it ends by itself
                self._turn.give_back()

    def sweep(self) -> None:
        """Delete what ended long ago."""
        self._attempts.sweep()

    def send_due(self, watch: Watch) -> bool:
        """Give what is due to threads, as far as there are places; return whether anything was."""
        now = clock.now()
        with self._guarded:
            picked = list(self._pick(watch, now))
        if picked:
            self._begin(picked)
        self._next_at = outbox.next_moment(watch)
        return bool(picked)

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait for the attempts in flight; return whether all have ended in time."""
        until = time.monotonic() + timeout_seconds
        while self._places.held:
            self._freed.wait(max(0.0, until - time.monotonic()))
            self._freed.clear()
            if time.monotonic() >= until:
                return not self._places.held
        return True

    def _run(self) -> None:
        is_database_away = False
        while not self._is_stopping:
            try:
                has_turn, is_database_away = self._take_turn(), False
                if has_turn:
                    with self._database.watching() as watch:
                        self._poll(watch)
                    continue
            except DatabaseBusy as error:
                if not is_database_away:  # once: an outage is many attempts
                    log.warning("webhooks.database_failed", reason=str(error))
                is_database_away = True
            except Exception:  # a locked database, a full disk: what is due is due later, too
                log.exception("webhooks.not_sent")
            self._freed.wait(TURN_SECONDS)

    def _take_turn(self) -> bool:
        """Take the turn; what another process had begun when it lost it is due again then."""
        if not self._turn.take():
            self._has_turn = False
        elif not self._has_turn:
            try:
                self._attempts.release_stranded(self._places.held)
            except BaseException:
                self._turn.give_back()
                raise
            self._has_turn = True
        return self._has_turn

    def _poll(self, watch: Watch) -> None:
        is_due = True
        while not self._is_stopping and self._take_turn():
            if is_due or watch.changed() or self._is_time():
                self.send_due(watch)
            if time.monotonic() - self._looked_for_stranded_at > STRANDED_SECONDS:
                self._look_for_stranded()
            is_due = self._freed.wait(POLL_SECONDS)
            self._freed.clear()

    def _is_time(self) -> bool:
        return self._next_at is not None and self._next_at <= clock.now()

    def _look_for_stranded(self) -> None:
        self._looked_for_stranded_at = time.monotonic()
        with self._guarded:
            held = set(self._places.held)
        self._attempts.release_stranded(held)

    def _pick(self, watch: Watch, now: datetime) -> Iterator[Due]:
        """Yield what there are places for, and take these."""
        begun = self._after
        behind = outbox.each_receiver(watch, begun)
        before = itertools.takewhile(
            lambda one: (one.owner, one.receiver) <= begun, outbox.each_receiver(watch)
        )
        for first in itertools.islice(itertools.chain(behind, before), LOOKED_AT_MAX):
            self._after = (first.owner, first.receiver)
            room = self._places.room(first.owner, first.receiver)
            if room <= 0 or first.moment > now:
                continue
            for due in outbox.due_at(watch, first.owner, first.receiver, now, room):
                self._places.take(due)
                yield due

    def _begin(self, picked: list[Due]) -> None:
        """Claim what was picked, and give it to threads; what is not due any more is let go."""
        claimed: dict[Key, Delivery] = {}
        try:
            claimed = {(one.owner, one.number): one for one in self._attempts.claim(picked)}
        finally:
            for due in picked:
                delivery = claimed.get((due.owner, due.number))
                if delivery is None:
                    self._end(due)
                else:
                    self._threads.run(partial(self._make, due, delivery))

    def _make(self, due: Due, delivery: Delivery) -> None:
        try:
            self._attempts.make(delivery)
        except Exception:  # it is claimed, and found as stranded
            log.exception("webhook.not_settled", delivery_id=delivery.id)
        finally:
            self._end(due)

    def _end(self, due: Due) -> None:
        with self._guarded:
            self._places.give_back(due)
        self._freed.set()
