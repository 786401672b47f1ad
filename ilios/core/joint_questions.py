"""Questions of several threads that a server answers together.

What comes while one asks is asked next, in one go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ilios.core.gathering import Gathering
from ilios.core.wakeup import Wakeup

Q = TypeVar("Q")
A = TypeVar("A")

QUESTIONS_MAX = 16  #: that are asked in one go
GATHER_SECONDS = 0.001  #: for which one waits for others, if there were some the last time


class JointQuestions(Generic[Q, A]):
    """Asks for the threads of a process."""

    def __init__(self, ask: Callable[[Sequence[Q]], Sequence[A]]) -> None:
        """Take what returns the answers to questions, in their order."""
        self._ask = ask
        self._gathering = Gathering(GATHER_SECONDS)
        self._mutex = threading.Lock()
        self._waiting: list[_Asked[Q, A]] = []
        self._has_leader = False

    def answer(self, question: Q) -> A:
        """Return the answer. Raises what asking raised, to all that were asked for together."""
        asked: _Asked[Q, A] = _Asked(question)
        with self._mutex:
            leads, self._has_leader = not self._has_leader, True
            if not leads:
                self._waiting.append(asked)
        if not leads:
            asked.woken.wait()
        if not asked.is_done:
            self._lead(asked)
        if asked.error is not None:
            raise asked.error
        return asked.found[0]

    def _lead(self, leader: _Asked[Q, A]) -> None:
        self._gathering.wait(lambda: 1 + len(self._waiting))
        with self._mutex:
            group = [leader, *self._waiting[: QUESTIONS_MAX - 1]]
            del self._waiting[: QUESTIONS_MAX - 1]
        self._gathering.note(len(group))
        try:
            answers = self._ask([asked.question for asked in group])
            for asked, answer in zip(group, answers, strict=True):
                asked.found = [answer]
        except Exception as error:  # noqa: BLE001  # each of them raises it
            for asked in group:
                asked.error = error
        with self._mutex:
            successors, self._waiting = self._waiting[:1], self._waiting[1:]
            self._has_leader = bool(successors)
        for asked in group:
            asked.is_done = True
            asked.woken.set()
        for asked in successors:
            asked.woken.set()


class _Asked(Generic[Q, A]):
    """A question, and its answer or error."""

    def __init__(self, question: Q) -> None:
        self.question = question
        self.found: list[A] = []
        self.error: Exception | None = None
        self.is_done = False
        self.woken = Wakeup()  #: it is answered, or its thread is the next to ask
